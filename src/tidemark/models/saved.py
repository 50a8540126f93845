"""What a training keeps: the pairs it learned from, and models with the ids that they know."""

from typing import Any

import numpy as np

from tidemark.models.interface import Factors, Fitted, WithFallback
from tidemark.models.pairs import Pairs
from tidemark.models.popularity import FittedPopularity, Popularity
from tidemark.models.recipes import Recipe
from tidemark.storage import artifacts, run_folder

Array = np.ndarray[Any, Any]

_PAIRS = ("users", "items", "user_num", "item_num", "weight", "rating", "timestamp")


def save_pairs(run: str, pairs: Pairs) -> None:
    """Keep `pairs` in the run folder."""
    artifacts.write_arrays(f"{run}/{run_folder.PAIRS}", **{name: getattr(pairs, name) for name in _PAIRS})


def load_pairs(run: str) -> Pairs:
    """The pairs that `save_pairs` kept."""
    return Pairs(**artifacts.read_arrays(f"{run}/{run_folder.PAIRS}"))


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
