"""Train: from a snapshot's interactions to a fitted candidate."""

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from pymongo.database import Database

from tidemark.contracts import gates
from tidemark.evaluation import splits
from tidemark.models import fallback, saved
from tidemark.models import pairs as pairs_module
from tidemark.models.interface import Learned, Recommender
from tidemark.models.pairs import Pairs
from tidemark.models.recipes import Recipe, choose_engine
from tidemark.phases import phase
from tidemark.retraining import grids, portfolio, search, search_memory
from tidemark.retraining.portfolio import Kinds
from tidemark.settings import settings
from tidemark.storage import artifacts, run_folder

if TYPE_CHECKING:
    from pandas import DataFrame

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
    gates.preload()
    with phase("reading"):
        frame = read()
        pairs = pairs_of(frame)
    with phase("gate"):
        gates.check(profile(frame, pairs), "training_interactions", run_folder.docs(run, "training_interactions"))
    saved.save_pairs(run, pairs)
    return pairs


def train(db: Database[Document], run: str, pairs: Pairs, snapshot: Document) -> Document:
    """Split, choose settings, fit the candidate and keep it in the run folder.

    Args:
        db: the platform's database, for what earlier searches found.
        run: the run folder.
        pairs: everything that may be learned from.
        snapshot: with what was `asked`.

    Returns:
        `engine`, `feedback`, `params` (the recipe), `settings_from` and `search_of` (see `search.Choice`), `why`
        (`engine`, `settings`), `search` (None where none ran) and `data` (sizes, the split).
    """
    asked = snapshot["asked"]
    split = splits.split(pairs, snapshot["champion_cut"])
    log.info("%s: %s pairs to learn from, %s held out", split.why, f"{len(split.train):,}", f"{len(split.held):,}")
    engine, why_engine = choose_engine(asked["engine"], asked["feedback"], len(pairs))
    log.info("engine %s (%s)", engine, why_engine)
    with phase("settings"):
        choice, why_settings = choose_settings(db, snapshot, engine, split.train, len(pairs))
    with phase("fit"):
        keep_candidate(run, choice.recommender, split.train, choice.learned)
    return {
        "engine": engine,
        "feedback": asked["feedback"],
        "params": Recipe.of(choice.recommender).document(),
        "settings_from": choice.settings_from,
        "search_of": snapshot["model_id"] if choice.search else choice.search_of,
        "why": {"engine": why_engine, "settings": why_settings},
        "search": search_document(choice),
        "data": {
            "pairs": len(pairs),
            "users": pairs.shape[0],
            "items": pairs.shape[1],
            "train_pairs": len(split.train),
            "held_out_pairs": len(split.held),
            "ratings": split.train.has_ratings and split.held.has_ratings,
            "split": split.why,
            "split_rule": split.rule,
        },
    }


def search_document(choice: search.Choice) -> Document | None:
    """What the search did, as it is stored with the model; None where none ran."""
    if choice.search is None:
        return None
    return choice.search.document() | ({"portfolio": choice.portfolio} if choice.portfolio else {})


def choose_settings(
    db: Database[Document], snapshot: Document, engine: str, train: Pairs, n_pairs: int, kinds: Kinds | None = None
) -> tuple[search.Choice, str]:
    """The recommender to fit, from what was asked, remembered or is now searched; and how it was come by, in words.

    Args:
        db: the platform's database.
        snapshot: with `model_id` and what was `asked`: `feedback`, `search` (`auto`, `always`, `never`), single settings.
        engine: see `recipes.choose_engine`.
        train: what may be learned from and searched on.
        n_pairs: pairs of the whole snapshot, by which a memory of an earlier one holds or not.
        kinds: what may be blended with ALS; None: what the engine has (`portfolio.KINDS`).
    """
    asked = snapshot["asked"]
    remembered, why_memory = None, "search=always"
    if asked["search"] != "always":
        every = settings().search_every if asked["search"] == "auto" else None
        remembered, why_memory = search_memory.remembered(
            db, snapshot["model_id"], engine, asked["feedback"], n_pairs, every
        )
    may_search = asked["search"] != "never"
    choice = search.choose(train, engine, asked["feedback"], asked, remembered, may_search=may_search)
    if choice.search and asked["feedback"] == "implicit":
        choice = blended(choice, train, engine, kinds)
    why = f"{choice.why} ({why_memory})"
    log.info("settings (%s): %s: %s", choice.settings_from, why, Recipe.of(choice.recommender).text())
    return choice, why


def blended(choice: search.Choice, train: Pairs, engine: str, kinds: Kinds | None = None) -> search.Choice:
    """`choice`, of ALS, with the other members of the portfolio as far as validation can prove that they add to it."""
    fit = choice.search.fit if choice.search else None
    found = portfolio.search(train, choice.recommender, grids.BUDGETS[engine], fit, engine, kinds)
    carrying = sum(weight > 0 for weight in found.chosen.weights)
    why = f"{choice.why}; a blend of {carrying} members is proven" if carrying > 1 else choice.why
    return replace(
        choice,
        recommender=found.recommender,
        why=why,
        portfolio=found.document(),
        learned=found.learned or choice.learned,
    )


def keep_candidate(run: str, recommender: Recommender, train: Pairs, earlier: Learned | None = None) -> None:
    """Fit the candidate, going on from what was learned `earlier` of a part of `train`, and keep it in the run folder."""
    fitted = fallback.fit(recommender, train, earlier)
    saved.save_model(f"{run}/{run_folder.CANDIDATE}", recommender, fitted, train)
