"""Training: from a snapshot's interactions to a fitted candidate, step by step, each kept in the run folder.

| file of the run folder | what it is |
|---|---|
| `snapshot.json` | what may be learned from, and what was asked for |
| `pairs.npz` | the pairs and their ids; read once, so that every later step sees the same |
| `candidate.npz` | the candidate, fitted on the training part |
| `ratings.npz` | stars of the held-out pairs, and each rating model's prediction of them |
| `model.npz` | the model that goes live, fitted on all pairs |
| `train.json`, `evaluate.json`, `publish.json`, `report.json` | figures of each step |
"""

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from tidemark.evaluation import splits
from tidemark.models import pairs as pairs_module
from tidemark.models.interface import Factors, Fitted, WithFallback
from tidemark.models.pairs import Pairs
from tidemark.models.popularity import FittedPopularity, Popularity
from tidemark.models.recipes import Recipe
from tidemark.storage import artifacts

if TYPE_CHECKING:
    from pandas import DataFrame

Array = np.ndarray[Any, Any]
Document = dict[str, Any]

log = logging.getLogger(__name__)

ENOUGH_USERS = 200
"""Users with interactions newer than the champion's cut, below which it is not compared by them."""

_PAIRS = ("users", "items", "user_num", "item_num", "weight", "rating", "timestamp")


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


def save_pairs(run: str, pairs: Pairs) -> None:
    """Keep `pairs` in the run folder."""
    artifacts.write_arrays(f"{run}/pairs.npz", **{name: getattr(pairs, name) for name in _PAIRS})


def load_pairs(run: str) -> Pairs:
    """The pairs that `save_pairs` kept."""
    return Pairs(**artifacts.read_arrays(f"{run}/pairs.npz"))


@dataclass(frozen=True)
class Split:
    """What is learned from and what is held out.

    Args:
        train, held: pairs of both sides.
        compare: `champion` (every held-out pair is newer than what it learned from), `recipe` (too few are, so its
            recipe is fitted on `train` instead), or None without a champion.
        why: the same in words.
    """

    train: Pairs
    held: Pairs
    compare: str | None
    why: str


def split(pairs: Pairs, champion_cut: str | None) -> Split:
    """The newest tenth held out; or only what is newer than the champion's cut, where that is less and enough.

    So candidate and champion are measured on what neither has learned from, and know the same past.
    """
    held = splits.newest(pairs)
    compare, why = None, "the newest tenth is held out"
    if champion_cut:
        learned = pairs.timestamp <= int(datetime.fromisoformat(champion_cut).timestamp() * 1_000_000)
        newer = np.unique(pairs.user_num[~learned & np.isin(pairs.user_num, pairs.user_num[learned])])
        if not learned[held].any():
            compare, why = "champion", f"{why}, all of it newer than the champion's cut"
        elif len(newer) >= ENOUGH_USERS:
            held = ~learned
            compare, why = "champion", f"held out is what is newer than the champion's cut ({len(newer):,} users)"
        else:
            compare = "recipe"
            why += f"; only {len(newer):,} users have newer interactions than the champion's cut (of {ENOUGH_USERS} needed)"
    return Split(pairs.take(~held), pairs.take(held), compare, why)


def fit(recipe: Recipe, pairs: Pairs) -> Fitted:
    """`recipe` fitted on `pairs`; users for whom it then has nothing get what is popular."""
    fitted = recipe.recommender().fit(pairs)
    if isinstance(fitted, Factors):
        return WithFallback(fitted, Popularity().fit(pairs))
    return fitted


def save_model(path: str, fitted: Fitted, pairs: Pairs) -> None:
    """Keep a model: ids, factors where it has them, and the popularity that it falls back to."""
    arrays: dict[str, Array] = {"users": pairs.users, "items": pairs.items}
    popular = fitted.other if isinstance(fitted, WithFallback) else fitted
    assert isinstance(popular, FittedPopularity)  # noqa: S101 -- what `fit` gives
    arrays["item_scores"] = popular.item_scores
    if isinstance(fitted, WithFallback):
        arrays |= {"user_factors": fitted.first.user_factors, "item_factors": fitted.first.item_factors}
    artifacts.write_arrays(path, **arrays)


def load_model(path: str, pairs: Pairs) -> tuple[Fitted, Array]:
    """The model kept at `path`, with rows as `pairs` numbers them, and which items it knows, boolean `(n_items,)`.

    A user whom it does not know gets what was popular in its time, as readers of its recommendations would.

    Raises:
        FileNotFoundError: nothing is kept there.
    """
    arrays = artifacts.read_arrays(path)
    known_items, item_places = _places(arrays["items"], pairs.items)
    popular = FittedPopularity(_aligned(arrays["item_scores"], known_items, item_places))
    if "user_factors" not in arrays:
        return popular, known_items
    known_users, user_places = _places(arrays["users"], pairs.users)
    factors = Factors(
        _aligned(arrays["user_factors"], known_users, user_places),
        _aligned(arrays["item_factors"], known_items, item_places),
    )
    return WithFallback(factors, popular), known_items


def _places(have: Array, want: Array) -> tuple[Array, Array]:
    """Which of `want` are in the sorted `have`, and where."""
    places = np.minimum(np.searchsorted(have, want), len(have) - 1)
    return have[places] == want, places


def _aligned(rows: Array, known: Array, places: Array) -> Array:
    out: Array = rows[places].astype(np.float32)
    out[~known] = 0
    return out


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
