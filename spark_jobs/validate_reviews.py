"""Job: read what was landed with the types of its contracts, clean it, judge each row and the whole, and stage it.

    validate_reviews.py --run <run folder>

Reads `<run>/land.json`; writes Parquet below the staged folder that it names, `<run>/validate.json` and Data Docs in
`<run>/docs/landed_reviews/`. Nothing reaches MongoDB yet.
"""

from tidemark import phases
from tidemark.phases import phase
from tidemark.reviews import load
from tidemark.spark import job
from tidemark.spark.session import session
from tidemark.storage import artifacts, run_folder


def main(run: str) -> None:
    """Read the plan, validate and stage, write the counts."""
    with phases.job() as took:
        plan = load.Plan.read(run)
        with phase("session"):
            spark = session("validate_reviews", **load.SESSION)
        validated = load.validate(spark, plan, run_folder.docs(run, "landed_reviews"))
        artifacts.write_json(f"{run}/{run_folder.VALIDATE}", validated | took())


if __name__ == "__main__":
    job.main("validate_reviews", __doc__, main)
