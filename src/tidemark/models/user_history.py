"""A user's history by itself: what a model that has learned is asked about, whether or not it knows the user."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tidemark.models.alignment import Places
from tidemark.models.pairs import Pairs

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class History:
    """The items of one user, each once.

    Args:
        items: int64 `(n,)`, ascending, by the numbers of the model that is asked.
        weights: float32 `(n,)`, at least 0.
        timestamps: int64 `(n,)`, when the user first took each: microseconds since 1970, UTC.
    """

    items: Array
    weights: Array
    timestamps: Array

    def __len__(self) -> int:
        return len(self.items)

    def by_older_numbers(self, items: Places) -> "History":
        """The part of it that the old numbering of `items` knows, by its numbers; of this one's items are the new."""
        known = items.known[self.items]
        return History(items.places[self.items[known]], self.weights[known], self.timestamps[known])


def of_user(pairs: Pairs, user_num: int) -> History:
    """What a user of `pairs` had."""
    start, end = pairs.weights.indptr[user_num : user_num + 2]
    items = pairs.item_num[start:end].astype(np.int64)
    return History(items, pairs.weight[start:end], pairs.timestamp[start:end])
