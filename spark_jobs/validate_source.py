"""Job: read what was landed of a source by its plan, judge each record and the whole, and stage it.

    validate_source.py --run <run folder>

Reads `<run>/land.json`; writes Parquet below the staged folder that it names, `<run>/validate.json` and Data Docs in
`<run>/docs/`. Nothing reaches MongoDB yet.
"""

from tidemark import phases
from tidemark.phases import phase
from tidemark.sources import planning, reading, storing
from tidemark.spark import job
from tidemark.spark.session import session
from tidemark.storage import artifacts, run_folder


def main(run: str) -> None:
    """Read the plan, validate and stage, write the counts."""
    with phases.job() as took:
        plan = planning.Plan.read(run)
        with phase("session"):
            spark = session("validate_source", **reading.OPTIONS)
        validated = storing.validate(spark, plan, run_folder.docs(run, storing.GATES[plan.kind]))
        artifacts.write_json(f"{run}/{run_folder.VALIDATE}", validated | took())


if __name__ == "__main__":
    job.main("validate_source", __doc__, main)
