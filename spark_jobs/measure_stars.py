"""Measure how well rating models foresee the held-out ratings: RMSE and MAE, for the model of the run, live or not.

spark-submit spark_jobs/measure_stars.py --run <run folder of a model that was decided about>
"""

from tidemark import phases
from tidemark.retraining import stars
from tidemark.spark import job
from tidemark.storage import artifacts, mongo, run_folder


def main(run: str) -> None:
    """Read, measure, write."""
    with phases.job() as took:
        measured = stars.of_run(mongo.connect(), run)
        artifacts.write_json(f"{run}/{run_folder.STARS}", measured | took())


if __name__ == "__main__":
    job.main("measure_stars", __doc__, main)
