"""Publish a model: fit its recipe on every pair of the snapshot, recommend, gate, write, move the pointer, drop the oldest.

spark-submit spark_jobs/publish.py --run <run folder of a model that was decided to be published>
"""

from tidemark import phases
from tidemark.retraining import publish
from tidemark.settings import settings
from tidemark.spark import job
from tidemark.storage import artifacts, mongo, run_folder


def main(run: str) -> None:
    """Read, publish, write."""
    with phases.job() as took:
        published = publish.publish_run(mongo.connect(), run, settings().kept_models)
        if published is not None:
            artifacts.write_json(f"{run}/{run_folder.PUBLISH}", published | took())


if __name__ == "__main__":
    job.main("publish", __doc__, main)
