"""Publish a model: fit its recipe on every pair of the snapshot, recommend, gate, write, move the pointer, drop the oldest.

spark-submit spark_jobs/publish.py --run <run folder of a model that was decided to be published>
"""

from tidemark import phases
from tidemark.at_scale import beyond
from tidemark.phases import phase
from tidemark.retraining import publish
from tidemark.settings import settings
from tidemark.spark import job
from tidemark.spark.session import session
from tidemark.storage import artifacts, mongo, run_folder


def main(run: str) -> None:
    """Read, publish, write."""
    with phases.job() as took:
        db, keep = mongo.connect(), settings().kept_models
        if beyond.is_beyond(artifacts.read_json(f"{run}/{run_folder.SNAPSHOT}")):
            from tidemark.at_scale import publishing

            with phase("session"):
                spark = session("tidemark-publish")
            published = publishing.publish_run(db, spark, run, keep)
        else:
            published = publish.publish_run(db, run, keep)
        if published is not None:
            artifacts.write_json(f"{run}/{run_folder.PUBLISH}", published | took())


if __name__ == "__main__":
    job.main("publish", __doc__, main)
