"""Train a candidate: read the snapshot's window, gate it, split it by time, choose settings, fit.

spark-submit spark_jobs/train.py --run <run folder with snapshot.json>
"""

from tidemark import phases
from tidemark.at_scale import beyond
from tidemark.phases import phase
from tidemark.retraining import snapshot, train
from tidemark.spark import job
from tidemark.spark.session import session
from tidemark.storage import artifacts, mongo, run_folder


def main(run: str) -> None:
    """Read, train, write."""
    with phases.job() as took:
        taken, db = artifacts.read_json(f"{run}/{run_folder.SNAPSHOT}"), mongo.connect()
        if beyond.is_beyond(taken):
            from tidemark.at_scale import training

            with phase("session"):
                spark = session("tidemark-train")
            trained = training.of_run(db, spark, run, taken)
        else:
            pairs = train.read_pairs(run, lambda: snapshot.read_window(db, taken))
            trained = train.train(db, run, pairs, taken)
        artifacts.write_json(f"{run}/{run_folder.TRAIN}", trained | took())


if __name__ == "__main__":
    job.main("train", __doc__, main)
