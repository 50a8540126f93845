"""Job: upsert what was staged of a source and passed its gate into MongoDB.

    load_source.py --run <run folder>

Reads `<run>/land.json`, `<run>/validate.json` and the staged Parquet; writes the collections and `<run>/load.json`.
Every key is deterministic: killed at any point and run again, it ends with the same documents. The load's own record in
`loads` comes last.
"""

from tidemark import phases
from tidemark.phases import phase
from tidemark.sources import planning, reading, storing
from tidemark.spark import job
from tidemark.spark.session import session
from tidemark.storage import artifacts, mongo, run_folder


def main(run: str) -> None:
    """Read the plan and its counts, store, write what was stored."""
    with phases.job() as took:
        plan, validated = planning.Plan.read(run), artifacts.read_json(f"{run}/{run_folder.VALIDATE}")
        db = mongo.connect()
        with phase("session"):
            spark = session("load_source", **reading.OPTIONS)
        with phase("storing"):
            outcome = storing.store(spark, db, plan, validated)
        artifacts.write_json(f"{run}/{run_folder.LOAD}", outcome | took())


if __name__ == "__main__":
    job.main("load_source", __doc__, main)
