"""Train a candidate: read the snapshot's window, gate it, split it by time, choose settings, fit.

spark-submit spark_jobs/train.py --run <run folder with snapshot.json>
"""

import logging
import time
from typing import Any

from tidemark.contracts import gates
from tidemark.models.pairs import Pairs
from tidemark.models.recipes import choose_engine
from tidemark.registry import entries
from tidemark.retraining import search, train
from tidemark.retraining import snapshot as snapshots
from tidemark.settings import settings
from tidemark.spark import job
from tidemark.spark.session import session
from tidemark.storage import artifacts, mongo

log = logging.getLogger("train")


def read_pairs(run: str, snapshot: dict[str, Any]) -> Pairs:
    """The pairs of this run: read and gated by the first try, kept for every later one."""
    if artifacts.exists(f"{run}/pairs.npz"):
        return train.load_pairs(run)
    frame = snapshots.read_window(session("tidemark-train"), snapshot)
    pairs = train.pairs_of(frame)
    gates.check(train.profile(frame, pairs), "training_interactions", f"{run}/docs/training_interactions")
    train.save_pairs(run, pairs)
    return pairs


def main(run: str) -> None:
    """See the module."""
    started = time.monotonic()
    snapshot = artifacts.read_json(f"{run}/snapshot.json")
    asked = snapshot["asked"]
    pairs = read_pairs(run, snapshot)
    split = train.split(pairs, snapshot["champion_cut"])
    log.info("%s: %s pairs to learn from, %s held out", split.why, f"{len(split.train):,}", f"{len(split.held):,}")

    engine, why_engine = choose_engine(asked["engine"], asked["feedback"], len(pairs))
    log.info("engine %s (%s)", engine, why_engine)
    remembered, why_search = None, f"search={asked['search']}"
    if asked["search"] != "always":
        every = settings().search_every if asked["search"] == "auto" else 10**9
        remembered, why_search = entries.remembered(mongo.connect(), engine, asked["feedback"], len(pairs), every)
    log.info("settings: %s", why_search)
    if asked["search"] == "never" and not remembered:
        remembered = search.grid(engine, asked["feedback"])[0]
    recipe, found, why_recipe = search.choose(split.train, engine, asked["feedback"], asked, remembered)
    log.info("settings: %s: %s", why_recipe, recipe)

    train.save_model(f"{run}/candidate.npz", train.fit(recipe, split.train), split.train)
    stars = train.predict_ratings(split.train, split.held)
    if stars:
        artifacts.write_arrays(f"{run}/ratings.npz", **stars)
    else:
        log.info("no ratings to learn stars from: RMSE and MAE are left out")
    result = {
        "engine": engine,
        "params": recipe.document(),
        "why": {"engine": why_engine, "settings": f"{why_recipe} ({why_search})"},
        "search": found.document() if found else None,
        "data": {
            "pairs": len(pairs),
            "users": pairs.shape[0],
            "items": pairs.shape[1],
            "train_pairs": len(split.train),
            "held_out_pairs": len(split.held),
            "ratings": bool(stars),
            "split": split.why,
        },
        "seconds": round(time.monotonic() - started, 1),
    }
    artifacts.write_json(f"{run}/train.json", result)


if __name__ == "__main__":
    job.main("train", __doc__, main)
