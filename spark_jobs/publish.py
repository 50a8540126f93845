"""Publish a model: fit its recipe on every pair of the snapshot, recommend, gate, write, move the pointer, tidy.

spark-submit spark_jobs/publish.py --run <run folder of a model that was decided to be published>
"""

import logging
import time

from tidemark.contracts import gates
from tidemark.models.recipes import from_document
from tidemark.registry import entries
from tidemark.retraining import publish, train
from tidemark.settings import settings
from tidemark.spark import job
from tidemark.storage import artifacts, mongo

log = logging.getLogger("publish")


def main(run: str) -> None:
    """See the module."""
    started = time.monotonic()
    snapshot = artifacts.read_json(f"{run}/snapshot.json")
    db = mongo.connect()
    model = entries.get(db, snapshot["model_id"])
    if model["published_at"]:
        log.info("model %s has been published already: nothing to do", model["_id"])
        entries.prune(db, settings().kept_models)
        return
    pairs = train.load_pairs(run)
    path = f"{run}/model.npz"
    if not artifacts.exists(path):
        train.save_model(path, train.fit(from_document(model["params"]), pairs), pairs)
    fitted, _ = train.load_model(path, pairs)
    log.info("fitted on all %s pairs: %.1f s", f"{len(pairs):,}", time.monotonic() - started)

    lists = publish.make(fitted, pairs, snapshot["asked"]["top_n"])
    frame = publish.summary(lists, pairs)
    gates.check(frame, "recommendations", f"{run}/docs/recommendations")
    publish.write(db, lists, pairs, model["_id"], model["created_at"])
    dropped = publish.publish(db, model["_id"], len(lists.users), settings().kept_models)
    result = {
        "users_served": len(lists.users),
        "users_with_everything": int(len(pairs.users) - len(lists.users)),
        "shorter_lists": int((frame["n"] < snapshot["asked"]["top_n"]).sum()),
        "dropped": dropped,
        "seconds": round(time.monotonic() - started, 1),
    }
    artifacts.write_json(f"{run}/publish.json", result)


if __name__ == "__main__":
    job.main("publish", __doc__, main)
