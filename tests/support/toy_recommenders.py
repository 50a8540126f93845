"""Recommenders that the platform does not have, in one file as a new one would be: one of its own, and a blend of others."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from tidemark.models import recipes
from tidemark.models.alignment import Places
from tidemark.models.interface import Fitted, Recommender, part_of, prefixed
from tidemark.models.pairs import Pairs

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class FittedNewest(Fitted):
    """`item_ages` float32 `(n_items,)`: 1 for the item taken last, 0 for what nobody took."""

    item_ages: Array

    def scores(self, user_nums: Array) -> Array:
        return np.repeat(self.item_ages[np.newaxis], len(user_nums), axis=0)

    def arrays(self) -> dict[str, Array]:
        return {"item_ages": self.item_ages}

    def aligned(self, users: Places, items: Places) -> "FittedNewest":
        return FittedNewest(items.rows(self.item_ages))


@dataclass(frozen=True)
class Newest(Recommender):
    """What was taken last, for everybody.

    Args:
        power: of an item's place in time.
    """

    power: float = 1.0

    name = "newest"

    def fit(self, pairs: Pairs) -> FittedNewest:
        newest = np.zeros(pairs.shape[1], np.int64)
        np.maximum.at(newest, pairs.item_num, pairs.timestamp)
        return FittedNewest((newest / newest.max()).astype(np.float32) ** np.float32(self.power))

    def load(self, arrays: Mapping[str, Array]) -> FittedNewest:
        return FittedNewest(**arrays)


@dataclass(frozen=True)
class FittedBlend(Fitted):
    """`members`, each worth its weight; what one has nothing for counts as nothing."""

    members: tuple[Fitted, ...]
    weights: tuple[float, ...]

    def scores(self, user_nums: Array) -> Array:
        parts = [
            np.nan_to_num(m.scores(user_nums), neginf=0) * w for m, w in zip(self.members, self.weights, strict=True)
        ]
        return np.asarray(np.sum(parts, axis=0), np.float32)

    def arrays(self) -> dict[str, Array]:
        return {k: v for n, member in enumerate(self.members) for k, v in prefixed(str(n), member.arrays()).items()}

    def aligned(self, users: Places, items: Places) -> "FittedBlend":
        return FittedBlend(tuple(member.aligned(users, items) for member in self.members), self.weights)


@dataclass(frozen=True)
class Blend(Recommender):
    """A weighted sum of others' scores.

    Args:
        members: whose scores.
        weights: one for each.
    """

    members: tuple[Recommender, ...]
    weights: tuple[float, ...]

    name = "toy_blend"

    def fit(self, pairs: Pairs) -> FittedBlend:
        return FittedBlend(tuple(member.fit(pairs) for member in self.members), self.weights)

    def load(self, arrays: Mapping[str, Array]) -> FittedBlend:
        members = (member.load(part_of(arrays, str(n))) for n, member in enumerate(self.members))
        return FittedBlend(tuple(members), self.weights)


def register(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one line of each in the registry, for one test."""
    monkeypatch.setitem(recipes.RECOMMENDERS, "newest", f"{__name__}:Newest")
    monkeypatch.setitem(recipes.RECOMMENDERS, "toy_blend", f"{__name__}:Blend")
