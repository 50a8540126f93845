"""Evaluate a candidate beside the baselines and the champion, on the same held-out interactions.

spark-submit spark_jobs/evaluate.py --run <run folder of train.py>
"""

import logging
import time

from tidemark.registry import entries
from tidemark.retraining import evaluate, train
from tidemark.spark import job
from tidemark.storage import artifacts, mongo

log = logging.getLogger("evaluate")


def main(run: str) -> None:
    """See the module."""
    started = time.monotonic()
    snapshot, trained = (artifacts.read_json(f"{run}/{name}.json") for name in ("snapshot", "train"))
    split = train.split(train.load_pairs(run), snapshot["champion_cut"])
    champion = entries.get(mongo.connect(), snapshot["champion"]) if snapshot["champion"] else None
    result = evaluate.assess(run, split, trained["params"], champion)
    if trained["data"]["ratings"]:
        result["metrics"]["ratings"] = evaluate.assess_ratings(run)
    artifacts.write_json(f"{run}/evaluate.json", result | {"seconds": round(time.monotonic() - started, 1)})
    for name, ndcg in result["ndcg_at_10"].items():
        log.info("%-18s NDCG@10 %.4f", name, ndcg)


if __name__ == "__main__":
    job.main("evaluate", __doc__, main)
