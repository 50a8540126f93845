"""Train: from a snapshot's interactions to a fitted candidate, and stars of the held-out pairs."""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from pymongo.database import Database

from tidemark.contracts import gates
from tidemark.evaluation import splits
from tidemark.models import pairs as pairs_module
from tidemark.models import saved
from tidemark.models.pairs import Pairs
from tidemark.models.recipes import choose_engine
from tidemark.retraining import search, search_memory
from tidemark.settings import settings
from tidemark.storage import artifacts, run_folder

if TYPE_CHECKING:
    from pandas import DataFrame

Array = np.ndarray[Any, Any]
Document = dict[str, Any]

log = logging.getLogger(__name__)


def pairs_of(frame: "DataFrame") -> Pairs:
    """The pairs of a snapshot's interactions, enough to learn from.

    Raises:
        NotEnoughDataError: too few users, items or pairs.
    """
    pairs = pairs_module.from_frame(frame)
    pairs_module.require_enough(pairs)
    log.info(
        "read %s interactions: %s pairs of %s users and %s items; %s older ones of a pair left out",
        *(f"{n:,}" for n in (len(frame), len(pairs), *pairs.shape, len(frame) - len(pairs))),
    )
    return pairs


def profile(frame: "DataFrame", pairs: Pairs) -> "DataFrame":
    """One row for the gate `training_interactions`: counts of what was read (`frame`) and what remains (`pairs`)."""
    import pandas as pd

    weight, rating = frame["weight"].to_numpy(float, na_value=np.nan), frame["rating"].to_numpy(float, na_value=np.nan)
    values = {
        "interactions": len(frame),
        "pairs": len(pairs),
        "users": pairs.shape[0],
        "items": pairs.shape[1],
        "missing_ids": int(frame[["user_id", "item_id"]].isna().to_numpy().sum()),
        "missing_times": int(frame["timestamp"].isna().sum()),
        "bad_weights": int((~(np.isfinite(weight) & (weight >= 0))).sum()),
        "bad_ratings": int(((rating < 1) | (rating > 5)).sum()),
        "positive_weight": float(np.nansum(weight)),
        "commonest_user_share": float(pairs.user_counts.max() / len(pairs)),
        "commonest_item_share": float(pairs.item_counts.max() / len(pairs)),
    }
    return pd.DataFrame([values])


def read_pairs(run: str, read: "Callable[[], DataFrame]") -> Pairs:
    """The pairs of the run: read and gated by the first try, kept in the run folder for every later one.

    Args:
        run: the run folder.
        read: gives the snapshot's interactions, as `snapshot.read_window` does.

    Raises:
        NotEnoughDataError: too few users, items or pairs.
        GateError: they do not pass the gate `training_interactions`.
    """
    if artifacts.exists(f"{run}/{run_folder.PAIRS}"):
        return saved.load_pairs(run)
    frame = read()
    pairs = pairs_of(frame)
    gates.check(profile(frame, pairs), "training_interactions", run_folder.docs(run, "training_interactions"))
    saved.save_pairs(run, pairs)
    return pairs


def train(db: Database[Document], run: str, pairs: Pairs, snapshot: Document) -> Document:
    """Split, choose settings, fit the candidate and keep it in the run folder, and stars beside it.

    Args:
        db: the platform's database, for what earlier searches found.
        run: the run folder.
        pairs: everything that may be learned from.
        snapshot: with what was `asked`.

    Returns:
        `engine`, `params`, `why` (`engine`, `settings`), `search` (None where none ran) and `data` (sizes, the split).
    """
    asked = snapshot["asked"]
    split = splits.split(pairs, snapshot["champion_cut"])
    log.info("%s: %s pairs to learn from, %s held out", split.why, f"{len(split.train):,}", f"{len(split.held):,}")
    engine, why_engine = choose_engine(asked["engine"], asked["feedback"], len(pairs))
    log.info("engine %s (%s)", engine, why_engine)
    remembered, why_search = None, f"search={asked['search']}"
    if asked["search"] != "always":
        every = settings().search_every if asked["search"] == "auto" else 10**9
        remembered, why_search = search_memory.remembered(db, engine, asked["feedback"], len(pairs), every)
    log.info("settings: %s", why_search)
    if asked["search"] == "never" and not remembered:
        remembered = search.grid(engine, asked["feedback"])[0]
    recipe, found, why_recipe = search.choose(split.train, engine, asked["feedback"], asked, remembered)
    log.info("settings: %s: %s", why_recipe, recipe)

    saved.save_model(f"{run}/{run_folder.CANDIDATE}", saved.fit(recipe, split.train), split.train)
    stars = predict_ratings(split.train, split.held)
    if stars:
        artifacts.write_arrays(f"{run}/{run_folder.STARS}", **stars)
    else:
        log.info("no ratings to learn stars from: RMSE and MAE are left out")
    return {
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
            "split_rule": split.rule,
        },
    }


def predict_ratings(train: Pairs, held: Pairs) -> dict[str, Array] | None:
    """Stars of the rated `held` pairs (`truth`) beside `als`, `bias` and `global_mean`, learned from `train`.

    None where either side has no ratings.
    """
    if not (train.has_ratings and held.has_ratings):
        return None
    from tidemark.models.ratings import fit_ratings

    rated = held.take(np.isfinite(held.rating))
    model = fit_ratings(train)
    return {
        "truth": rated.rating.astype(float),
        "als": model.predict(rated.user_num, rated.item_num),
        "bias": model.bias.predict(rated.user_num, rated.item_num),
        "global_mean": np.full(len(rated), model.bias.mean),
    }
