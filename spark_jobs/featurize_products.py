"""Give every product its feature vector, by a pipeline of Spark ML that is kept with its version.

spark-submit spark_jobs/featurize_products.py --run <run folder of featurize_products>
"""

from tidemark import phases
from tidemark.features import featurize
from tidemark.phases import phase
from tidemark.settings import settings
from tidemark.spark import job
from tidemark.spark.session import session
from tidemark.storage import artifacts, mongo, run_folder


def main(run: str) -> None:
    """Read, fit or load, write."""
    with phases.job() as took:
        asked, db = artifacts.read_json(f"{run}/{run_folder.ASKED}"), mongo.connect()
        with phase("session"):
            spark = session("tidemark-featurize-products")
        outcome = featurize.run(spark, db, settings(), asked)
        artifacts.write_json(f"{run}/{run_folder.FEATURES}", outcome | took())


if __name__ == "__main__":
    job.main("featurize_products", __doc__, main)
