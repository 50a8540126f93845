"""Popularity: the same items for everybody, those that most users have; of all time, or of the recent window."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tidemark.models.interface import Fitted
from tidemark.models.pairs import Pairs

Array = np.ndarray[Any, Any]

RECENT_SHARE = 0.2
"""The recent window: the newest fifth of what is learned from."""


@dataclass(frozen=True)
class FittedPopularity:
    """`item_scores` float32 `(n_items,)`: users who have the item, plus less than one to order ties."""

    item_scores: Array

    def scores(self, user_nums: Array) -> Array:
        """See `Fitted.scores`."""
        return np.repeat(self.item_scores[np.newaxis], len(user_nums), axis=0)


@dataclass(frozen=True)
class Popularity:
    """Count each item's users: in the newest `recent_share` of the pairs (1: in all of them).

    Where the recent window does not know an item, its count of all time orders it below those that the window knows.
    """

    recent_share: float = 1.0

    def fit(self, pairs: Pairs) -> Fitted:
        """See `Recommender.fit`."""
        everything = pairs.item_counts
        if self.recent_share >= 1:
            return FittedPopularity(everything.astype(np.float32))
        wanted = max(1, round(len(pairs) * self.recent_share))
        since = np.partition(pairs.timestamp, -wanted)[-wanted]
        recent = pairs.take(pairs.timestamp >= since).item_counts
        return FittedPopularity((recent + everything / (everything.max() + 1)).astype(np.float32))
