"""What a training keeps: the pairs it learned from, and models with their recipe and the ids that they know."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from tidemark.errors import ContractError
from tidemark.models import fallback
from tidemark.models.alignment import Places
from tidemark.models.factors import Factors
from tidemark.models.fallback import WithFallback
from tidemark.models.interface import Fitted, Learned, Recommender, part_of, prefixed
from tidemark.models.pairs import Pairs
from tidemark.models.popularity import FittedPopularity
from tidemark.models.recipes import Recipe, from_document
from tidemark.storage import artifacts, run_folder

Array = np.ndarray[Any, Any]

FITTED = "fitted"
"""What the arrays of the model are prefixed with, beside `users`, `items` and `recipe`."""

_PAIRS = ("users", "items", "user_num", "item_num", "weight", "rating", "timestamp")


def save_pairs(run: str, pairs: Pairs) -> None:
    """Keep `pairs` in the run folder."""
    artifacts.write_arrays(f"{run}/{run_folder.PAIRS}", **{name: getattr(pairs, name) for name in _PAIRS})


def load_pairs(run: str) -> Pairs:
    """The pairs that `save_pairs` kept."""
    return Pairs(**artifacts.read_arrays(f"{run}/{run_folder.PAIRS}"))


def save_model(path: str, recommender: Recommender, fitted: Fitted, pairs: Pairs) -> None:
    """Keep a model in one file that says what it is.

    Args:
        path: of the file, `.npz`.
        recommender: what fitted it; its recipe is kept as JSON.
        fitted: as `fallback.fit` gave it; its arrays are kept under `fitted/`.
        pairs: what it learned from; their `users` and `items` are kept.
    """
    recipe = np.array(json.dumps(Recipe.of(recommender).document()))
    learned = prefixed(FITTED, fitted.arrays())
    artifacts.write_arrays(path, users=pairs.users, items=pairs.items, recipe=recipe, **learned)


def save_items(path: str, recommender: Recommender, arrays: Mapping[str, Array], items: Array) -> None:
    """Keep a model that knows its users by what they had, in one file that says what it is.

    Args:
        path: of the file, `.npz`.
        recommender: what learned it.
        arrays: as `fallback.fit_rows` gave them.
        items: the ids of the items that it learned from, sorted.
    """
    recipe = np.array(json.dumps(Recipe.of(recommender).document()))
    artifacts.write_arrays(path, items=items, recipe=recipe, **prefixed(FITTED, arrays))


def load_items(path: str) -> tuple[Fitted, Array]:
    """The model kept at `path` without what its file says of users, of whom it knows none yet (`Fitted.of_users`); and the ids of its
    items.

    Raises:
        FileNotFoundError, ContractError: see `load_model`.
    """
    arrays = artifacts.read_arrays(path, _of_items)
    if "recipe" not in arrays:
        raise ContractError(
            f"the model at {path} is of a time before recipes: run retrain_recommender with engine=implicit"
        )
    return fallback.load_items(_recommender(arrays), part_of(arrays, FITTED)), arrays["items"]


def _of_items(name: str) -> bool:
    """Whether an array of a model's file says nothing of any user."""
    return name != "users" and not name.endswith("/user_factors") and "/histories/" not in name


def by_histories(path: str, pairs: Pairs) -> tuple[Fitted, Array]:
    """What `load_model` gives, its users being known by what they had in `pairs` alone: nothing that the file says of users is read.

    Raises:
        FileNotFoundError, ContractError: see `load_model`.
    """
    model, ids = load_items(path)
    if np.array_equal(ids, pairs.items):
        return model.of_users(pairs), np.ones(pairs.shape[1], bool)
    items = Places(ids, pairs.items)
    known = pairs.take(items.known[pairs.item_num])
    own = replace(known, items=ids, item_num=items.places[known.item_num].astype(np.int32))
    return model.of_users(own).aligned(Places(pairs.users, pairs.users), items), items.known


def load_model(path: str, pairs: Pairs) -> tuple[Fitted, Array]:
    """The model kept at `path`, with rows as `pairs` numbers them, and which items it knows, boolean `(n_items,)`.

    A user whom it does not know gets what was popular in its time, as readers of its recommendations would. Of a file without
    users (`save_items`), all are known by what they had in `pairs`.

    Raises:
        FileNotFoundError: nothing is kept there.
        ContractError: its recipe is of a newer version (`Recipe.recommender`).
    """
    arrays = artifacts.read_arrays(path)
    if "users" not in arrays:
        return by_histories(path, pairs)
    if np.array_equal(arrays["users"], pairs.users) and np.array_equal(arrays["items"], pairs.items):
        return _fitted(arrays), np.ones(pairs.shape[1], bool)
    users, items = Places(arrays["users"], pairs.users), Places(arrays["items"], pairs.items)
    return _fitted(arrays).aligned(users, items), items.known


def load_learned(path: str, pairs: Pairs) -> Learned | None:
    """The model kept at `path` with its recommender, to go on from; None where nothing is kept there, or it does not number users
    and items as `pairs`.

    Raises:
        ContractError: see `load_model`.
    """
    if not artifacts.exists(path):
        return None
    arrays = artifacts.read_arrays(path)
    alike = "users" in arrays and np.array_equal(arrays["users"], pairs.users)
    alike = alike and np.array_equal(arrays["items"], pairs.items)
    return Learned(_recommender(arrays), _fitted(arrays)) if alike and "recipe" in arrays else None


def _recommender(arrays: Mapping[str, Array]) -> Recommender:
    """Of a model in a file that has a recipe."""
    return from_document(json.loads(str(arrays["recipe"]))).recommender()


def _fitted(arrays: Mapping[str, Array]) -> Fitted:
    """The model in a file, as it was fitted."""
    if "recipe" not in arrays:
        return _without_recipe(arrays)
    return fallback.load(_recommender(arrays), part_of(arrays, FITTED))


def _without_recipe(arrays: Mapping[str, Array]) -> Fitted:
    """A model of the time when a file held either factors and the popularity behind them, or popularity alone."""
    popularity = FittedPopularity(arrays["item_scores"])
    if "user_factors" not in arrays:
        return popularity
    return WithFallback(Factors(arrays["user_factors"], arrays["item_factors"]), popularity)
