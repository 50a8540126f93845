"""Evaluate a candidate beside the baselines and the champion, on the same held-out interactions.

spark-submit spark_jobs/evaluate.py --run <run folder of train.py>
"""

from tidemark import phases
from tidemark.retraining import evaluate
from tidemark.spark import job
from tidemark.storage import artifacts, mongo, run_folder


def main(run: str) -> None:
    """Read, evaluate, write."""
    with phases.job() as took:
        evaluated = evaluate.of_run(mongo.connect(), run)
        artifacts.write_json(f"{run}/{run_folder.EVALUATE}", evaluated | took())


if __name__ == "__main__":
    job.main("evaluate", __doc__, main)
