"""Evaluate a candidate beside the baselines and the champion, on the same held-out interactions.

spark-submit spark_jobs/evaluate.py --run <run folder of train.py>
"""

from functools import partial

from tidemark import phases
from tidemark.at_scale import beyond
from tidemark.phases import phase
from tidemark.retraining import evaluate
from tidemark.spark import job
from tidemark.spark.session import session
from tidemark.storage import artifacts, mongo, run_folder


def main(run: str) -> None:
    """Read, evaluate, write."""
    with phases.job() as took:
        learner_of = None
        if beyond.is_beyond(artifacts.read_json(f"{run}/{run_folder.SNAPSHOT}")):
            from tidemark.at_scale.evaluating import RowLearner

            with phase("session"):
                learner_of = partial(RowLearner.of_run, session("tidemark-evaluate"), run)
        evaluated = evaluate.of_run(mongo.connect(), run, learner_of)
        artifacts.write_json(f"{run}/{run_folder.EVALUATE}", evaluated | took())


if __name__ == "__main__":
    job.main("evaluate", __doc__, main)
