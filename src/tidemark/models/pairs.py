"""Pairs: what a model learns from, one newest interaction of each user and item, with dense row numbers."""

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import csr_matrix

from tidemark.errors import NotEnoughDataError
from tidemark.models import recency

if TYPE_CHECKING:
    from pandas import DataFrame

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Pairs:
    """Interactions by row number, in one deterministic order (user_num, then item_num); no pair twice.

    Args:
        users, items: external ids, `(n_users,)` and `(n_items,)`, sorted; a row number is a place in them.
        user_num, item_num: int32 `(n,)`.
        weight: float32 `(n,)`, at least 0; confidence in implicit feedback is `1 + alpha * weight`.
        rating: float32 `(n,)`, stars; NaN where the event is implicit.
        timestamp: int64 `(n,)`, when the user first took the item: microseconds since 1970, UTC. Whoever takes an item again
            does nothing that a model without it could be asked to foresee, so a split by time goes by the first time.
    """

    users: Array
    items: Array
    user_num: Array
    item_num: Array
    weight: Array
    rating: Array
    timestamp: Array

    def __len__(self) -> int:
        return len(self.user_num)

    @property
    def shape(self) -> tuple[int, int]:
        """`(n_users, n_items)`, of all ids, whether or not these pairs have them."""
        return len(self.users), len(self.items)

    @property
    def everybody(self) -> int:
        """The users of whom `item_counts` tells."""
        return len(self.users)

    @cached_property
    def weights(self) -> csr_matrix:
        """CSR `(n_users, n_items)` float32 of weights; a pair of weight 0 is kept as a stored 0."""
        starts = np.zeros(len(self.users) + 1, np.int32)
        np.cumsum(np.bincount(self.user_num, minlength=len(self.users)), out=starts[1:])
        return csr_matrix((self.weight, self.item_num, starts), shape=self.shape)

    @cached_property
    def item_counts(self) -> Array:
        """How many users have each item: int64 `(n_items,)`."""
        return np.bincount(self.item_num, minlength=len(self.items))

    @cached_property
    def user_counts(self) -> Array:
        """How many items each user has: int64 `(n_users,)`."""
        return np.bincount(self.user_num, minlength=len(self.users))

    @cached_property
    def newer(self) -> Array:
        """How many items of its user are strictly newer than each pair: int64 `(n,)`."""
        return recency.newer(self.user_num, self.timestamp)

    @property
    def has_times(self) -> bool:
        """Whether any pair is newer than another: where a source has no times, all are equally old."""
        return len(self) > 0 and bool(self.timestamp.min() < self.timestamp.max())

    def take(self, chosen: Array) -> "Pairs":
        """The pairs where the boolean array `chosen` `(n,)` is true; ids and row numbers stay."""
        names = ("user_num", "item_num", "weight", "rating", "timestamp")
        return replace(self, **{name: getattr(self, name)[chosen] for name in names})

    @property
    def has_ratings(self) -> bool:
        """Whether any pair has a rating."""
        return bool(np.isfinite(self.rating).any())


@dataclass(frozen=True)
class SampledPairs(Pairs):
    """The pairs of a sample of the users, that know what all users took.

    Args:
        taken: int64 `(n_items,)`, how many of all users have each item.
        n_everybody: all users.
    """

    taken: Array
    n_everybody: int

    @cached_property
    def item_counts(self) -> Array:
        """How many of all users have each item: int64 `(n_items,)`."""
        return self.taken

    @property
    def everybody(self) -> int:
        """See `Pairs.everybody`."""
        return self.n_everybody

    def take(self, chosen: Array) -> Pairs:
        """See `Pairs.take`: pairs of the sample alone."""
        own = {field.name: getattr(self, field.name) for field in fields(Pairs)}
        return Pairs(**own).take(chosen)


def from_frame(frame: "DataFrame") -> Pairs:
    """Pairs of a pandas frame with the columns `user_id, item_id, rating, weight, timestamp` and, for ties, `_id`.

    Of several interactions of a user and an item the newest counts (its weight and rating); of equally new ones, the one
    with the greatest `_id`. The time is that of the oldest.

    Raises:
        NotEnoughDataError: the frame is empty.
    """
    if frame.empty:
        raise NotEnoughDataError("there are no interactions to learn from: run load_reviews first")
    user_num, users = _numbers(frame["user_id"])
    item_num, items = _numbers(frame["item_id"])
    timestamp = frame["timestamp"].to_numpy("datetime64[us]").astype(np.int64)
    ties = frame["_id"].to_numpy(str) if "_id" in frame else np.zeros(len(frame), np.int8)
    key = user_num.astype(np.int64) * len(items) + item_num
    if len(np.unique(key)) == len(key):  # nothing twice: one sort of numbers instead of one of texts
        kept = first = np.argsort(key)
    else:
        order = np.lexsort((ties, timestamp, key))
        another = key[order][1:] != key[order][:-1]
        kept, first = order[np.append(another, True)], order[np.append(True, another)]
    return Pairs(
        users,
        items,
        user_num[kept],
        item_num[kept],
        frame["weight"].to_numpy(np.float32)[kept],
        frame["rating"].to_numpy(np.float32, na_value=np.nan)[kept],
        timestamp[first],
    )


def _numbers(ids: Iterable[str]) -> tuple[Array, Array]:
    """Row numbers int32 and the sorted ids they point into."""
    import pandas as pd

    codes, uniques = pd.factorize(np.asarray(ids, object), sort=True)
    return codes.astype(np.int32), np.asarray(uniques, str)


def require_enough(pairs: Pairs) -> None:
    """Refuse what no recommender can learn from or be measured on.

    Raises:
        NotEnoughDataError: fewer than two users, two items or ten pairs.
    """
    require_counts(len(pairs), *pairs.shape)


def require_counts(n_pairs: int, n_users: int, n_items: int) -> None:
    """`require_enough` of so many.

    Raises:
        NotEnoughDataError: see there.
    """
    if n_users < 2 or n_items < 2 or n_pairs < 10:
        raise NotEnoughDataError(
            f"{n_pairs:,} pairs of {n_users:,} users and {n_items:,} items are too few to learn from: "
            "at least 2 users, 2 items and 10 pairs are needed. Load more with load_reviews"
        )
