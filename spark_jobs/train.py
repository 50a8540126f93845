"""Train a candidate: read the snapshot's window, gate it, split it by time, choose settings, fit.

spark-submit spark_jobs/train.py --run <run folder with snapshot.json>
"""

import time

from tidemark.retraining import snapshot, train
from tidemark.spark import job
from tidemark.spark.session import session
from tidemark.storage import artifacts, mongo, run_folder


def main(run: str) -> None:
    """Read, train, write."""
    started = time.monotonic()
    taken = artifacts.read_json(f"{run}/{run_folder.SNAPSHOT}")
    pairs = train.read_pairs(run, lambda: snapshot.read_window(session("tidemark-train"), taken))
    trained = train.train(mongo.connect(), run, pairs, taken)
    artifacts.write_json(f"{run}/{run_folder.TRAIN}", trained | {"seconds": round(time.monotonic() - started, 1)})


if __name__ == "__main__":
    job.main("train", __doc__, main)
