"""Job: upsert what was staged and passed its gate into MongoDB: reviews, interactions, products and rejects, side by side.

    load_reviews.py --run <run folder>

Reads `<run>/land.json`, `<run>/validate.json` and the staged Parquet; writes the collections and `<run>/load.json`.
Every key is deterministic: killed at any point and run again, it ends with the same documents. The load's own record in
`loads` comes last.
"""

from tidemark import phases
from tidemark.phases import phase
from tidemark.reviews import load
from tidemark.spark import job
from tidemark.spark.session import session
from tidemark.storage import artifacts, mongo, run_folder


def main(run: str) -> None:
    """Read the plan and its counts, load, write what was stored."""
    with phases.job() as took:
        plan, counts = load.Plan.read(run), artifacts.read_json(f"{run}/{run_folder.VALIDATE}")
        db = mongo.connect()
        with phase("session"):
            spark = session("load_reviews", **load.SESSION)
        with phase("storing"):
            outcome = load.load(spark, db, plan, counts)
        artifacts.write_json(f"{run}/{run_folder.LOAD}", outcome | took())


if __name__ == "__main__":
    job.main("load_reviews", __doc__, main)
