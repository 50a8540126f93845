"""Decayed popularity: the same items for everybody, those that most users took, the newer the more it counts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tidemark.models.interface import Recommender
from tidemark.models.pairs import Pairs
from tidemark.models.popularity import FittedPopularity
from tidemark.models.recency import Clock

if TYPE_CHECKING:
    from tidemark.models.pair_rows import PairRows

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class DecayedPopularity(Recommender):
    """Each interaction counts `2^(-age / half_life)`; without a half-life it would be `Popularity`.

    Args:
        half_life: share of all pairs that are newer, at which an interaction counts half (above 0).
    """

    half_life: float = 0.2

    name = "decayed_popularity"
    needs_times = True

    def fit(self, pairs: Pairs) -> FittedPopularity:
        """See `Recommender.fit`; of pairs without times it is popularity of all time."""
        worth = Clock.of(pairs.timestamp).remaining(pairs.timestamp, self.half_life)
        return FittedPopularity(np.bincount(pairs.item_num, worth, pairs.shape[1]).astype(np.float32))

    def fit_rows(self, rows: "PairRows") -> dict[str, Array]:
        """See `Recommender.fit_rows`."""
        return {"item_scores": rows.sums_of_items(rows.remaining(self.half_life)).astype(np.float32)}

    def why_not_rows(self, n_items: int) -> str:
        """See `Recommender.why_not_rows`."""
        return ""

    def load(self, arrays: Mapping[str, Array]) -> FittedPopularity:
        """See `Recommender.load`."""
        return FittedPopularity(arrays["item_scores"])
