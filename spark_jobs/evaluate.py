"""Evaluate a candidate beside the baselines and the champion, on the same held-out interactions.

spark-submit spark_jobs/evaluate.py --run <run folder of train.py>
"""

import logging
import time

from tidemark import artifacts, assessment, jobs, registry, store, training

log = logging.getLogger("evaluate")


def main(run: str) -> None:
    """See the module."""
    started = time.monotonic()
    snapshot, trained = (artifacts.read_json(f"{run}/{name}.json") for name in ("snapshot", "train"))
    split = training.split(training.load_pairs(run), snapshot["champion_cut"])
    champion = registry.get(store.connect(), snapshot["champion"]) if snapshot["champion"] else None
    result = assessment.assess(run, split, trained["params"], champion)
    if trained["data"]["ratings"]:
        result["metrics"]["ratings"] = assessment.assess_ratings(run)
    artifacts.write_json(f"{run}/evaluate.json", result | {"seconds": round(time.monotonic() - started, 1)})
    for name, ndcg in result["ndcg_at_10"].items():
        log.info("%-18s NDCG@10 %.4f", name, ndcg)


if __name__ == "__main__":
    jobs.main("evaluate", __doc__, main)
