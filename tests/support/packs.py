"""Serving packs: a small one in memory, and its parts."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np

from tidemark.serving import columns, details
from tidemark.serving.catalogue import Catalogue
from tidemark.serving.pack import Pack
from tidemark.serving.pack_contents import About
from tidemark.serving.texts import SortedTexts

MODEL = "20260101T000000-0a0a0a0a"
MADE = datetime(2026, 1, 1, tzinfo=UTC)


def about(model_id: str = MODEL, n: int = 2, **other: Any) -> About:
    """What a pack is of."""
    recipe = {"name": "als_implicit", "settings": {"factors": 2, "regularization": 1.0, "alpha": 2.0}}
    whole = {"dag": "retrain_recommender", "run_id": "manual__1", "made_at": MADE, "cut": MADE, "next_offsets": {0: 17}}
    return About(**{"model_id": model_id, "recipe": recipe, **whole, "topic_id": "topic", "n": n, **other})


def pack(
    users: Iterable[str] = ("ann", "bob"),
    items: Iterable[str] = ("a", "b", "c"),
    *,
    of: About | None = None,
    products: Iterable[Mapping[str, Any]] = (),
    changes: Iterable[Mapping[str, Any]] = (),
    factors: bool = True,
    **arrays: Any,
) -> Pack:
    """A pack in which user u's list is items u, u + 1, ..., and the last item is the most taken."""
    of = of or about()
    users, items = SortedTexts.of(sorted(users)), SortedTexts.of(sorted(items))
    m, k = len(users), len(items)
    lists = (np.arange(m)[:, None] + np.arange(of.n)) % max(k, 1)
    made: dict[str, Any] = {
        "lists": lists.astype(np.int32),
        "scores": np.tile(np.arange(of.n, 0, -1, dtype=np.float32), (m, 1)),
        "popular": np.arange(k, dtype=np.int32)[::-1].copy(),
        "popular_scores": np.arange(k, 0, -1, dtype=np.float32),
        "first_seen": np.arange(k, dtype=np.int64) * 1_000_000,
        "stars": np.where(np.arange(k) % 2, 4.5, np.nan).astype(np.float32),
        "raters": (np.arange(k) % 2).astype(np.int32),
        "learned": {"item_factors": np.ones((k, 2), np.float32)} if factors else {},
        "columns": columns.of_products(items, details.merged(products, changes)).arrays(),
    }
    return Pack(of, users, items, **{**made, **arrays})


def at(catalogue: Catalogue, item_id: str) -> int:
    """The number of an item that is there."""
    number = catalogue.number(item_id)
    assert number is not None, f"{item_id} is not in the catalogue"
    return number


def documents(of: Pack) -> list[dict[str, Any]]:
    """What MongoDB has of the lists of a pack, as `retraining.serving_pack.stored` gives it."""
    rows = zip(of.users, of.lists, of.scores, strict=True)
    return [
        {
            "_id": user,
            "items": [of.items[number] for number in items if number >= 0],
            "scores": [float(score) for score in scores[items >= 0]],
        }
        for user, items, scores in rows
    ]
