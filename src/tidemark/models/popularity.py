"""Popularity: the same items for everybody, those that most users have; of all time, or of the recent window."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tidemark.models.alignment import Places
from tidemark.models.interface import Fitted, Recommender
from tidemark.models.pairs import Pairs
from tidemark.models.user_history import History

if TYPE_CHECKING:
    from tidemark.models.pair_rows import PairRows

Array = np.ndarray[Any, Any]

RECENT_SHARE = 0.2
"""The recent window: the newest fifth of what is learned from."""


@dataclass(frozen=True)
class FittedPopularity(Fitted):
    """The same scores for every user.

    Args:
        item_scores: float32 `(n_items,)`, users who have the item, plus less than one to order ties.
    """

    item_scores: Array

    def scores(self, user_nums: Array) -> Array:
        """See `Fitted.scores`."""
        return np.repeat(self.item_scores[np.newaxis], len(user_nums), axis=0)

    def scores_of_all(self) -> Array:
        """See `Fitted.scores_of_all`."""
        return self.item_scores

    def reads_histories(self) -> bool:
        """See `Fitted.reads_histories`."""
        return True

    def of_users(self, pairs: Pairs) -> "FittedPopularity":
        """See `Fitted.of_users`: it is the same to all."""
        return self

    def scores_of_history(self, history: History) -> Array:
        """See `Fitted.scores_of_history`: whatever somebody had."""
        return self.item_scores.copy()

    def arrays(self) -> dict[str, Array]:
        """`item_scores`."""
        return {"item_scores": self.item_scores}

    def history_arrays(self) -> dict[str, Array]:
        """`item_scores`."""
        return self.arrays()

    def aligned(self, users: Places, items: Places) -> "FittedPopularity":
        """See `Fitted.aligned`: nobody has an item that it does not know."""
        return FittedPopularity(items.rows(self.item_scores))


@dataclass(frozen=True)
class Popularity(Recommender):
    """Count each item's users; where the recent window does not know an item, its count of all time orders it below
    those that the window knows.

    Args:
        recent_share: share of the pairs, the newest, that are counted (0-1]; 1: all of them.
    """

    recent_share: float = 1.0

    name = "popularity"

    def fit(self, pairs: Pairs) -> FittedPopularity:
        """See `Recommender.fit`."""
        everything = pairs.item_counts
        if self.recent_share >= 1:
            return FittedPopularity(everything.astype(np.float32))
        wanted = max(1, round(len(pairs) * self.recent_share))
        since = np.partition(pairs.timestamp, -wanted)[-wanted]
        recent = pairs.take(pairs.timestamp >= since).item_counts
        return FittedPopularity((recent + everything / (everything.max() + 1)).astype(np.float32))

    def fit_rows(self, rows: "PairRows") -> dict[str, Array]:
        """See `Recommender.fit_rows`."""
        everything = rows.item_counts
        if self.recent_share >= 1:
            return {"item_scores": everything.astype(np.float32)}
        recent = rows.counts_since(rows.newest(self.recent_share))
        return {"item_scores": (recent + everything / (everything.max() + 1)).astype(np.float32)}

    def why_not_rows(self, n_items: int) -> str:
        """See `Recommender.why_not_rows`."""
        return ""

    def load(self, arrays: Mapping[str, Array]) -> FittedPopularity:
        """See `Recommender.load`."""
        return FittedPopularity(arrays["item_scores"])
