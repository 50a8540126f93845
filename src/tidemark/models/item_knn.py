"""Item-kNN: items that the same users have, by BM25 weights (Robertson & Walker 1994; `implicit.nearest_neighbours`)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tidemark.models import neighbours
from tidemark.models.alignment import matrix_arrays
from tidemark.models.interface import Recommender
from tidemark.models.neighbours import Neighbours
from tidemark.models.pairs import Pairs
from tidemark.models.popularity import Popularity

if TYPE_CHECKING:
    from tidemark.models.pair_rows import PairRows

Array = np.ndarray[Any, Any]

MOST_LIKENESSES = 20_000_000
"""Neighbours of all items together that `engine=spark` carries: 160 MB."""


@dataclass(frozen=True)
class ItemKnn(Recommender):
    """Settings of one fit.

    Args:
        k: neighbours that an item keeps.
        k1: BM25's bound on the effect of a repeated event: the greater, the later it is reached.
        b: how much BM25 makes of the length of a history (0-1); 0: nothing.
        decay: an item of a user's history counts `(1 + newer)^-decay`, newer being the user's strictly newer items; 0: all
            count alike, however old.
    """

    k: int = 200
    k1: float = 1.2
    b: float = 0.3
    decay: float = 0.0

    name = "item_knn"
    fallback = Popularity()

    def fit(self, pairs: Pairs) -> Neighbours:
        """See `Recommender.fit`."""
        from implicit.nearest_neighbours import BM25Recommender

        return neighbours.learned(BM25Recommender(K=self.k, K1=self.k1, B=self.b), pairs, self.decay)

    def fit_rows(self, rows: "PairRows") -> dict[str, Array]:
        """See `Recommender.fit_rows`: of a user the `likeness_rows.MOST_OF_USER` items of the greatest weights."""
        from tidemark.models import likeness_rows

        similarity = likeness_rows.similarity(likeness_rows.bm25(rows, self.k1, self.b), rows.n_items, self.k)
        return matrix_arrays("similarity", similarity)

    def why_not_rows(self, n_items: int) -> str:
        """See `Recommender.why_not_rows`."""
        if n_items * self.k <= MOST_LIKENESSES:
            return ""
        return (
            f"{self.name}: {self.k} neighbours of each of {n_items:,} items are more than the {MOST_LIKENESSES:,} likenesses "
            "that one process carries"
        )

    def load(self, arrays: Mapping[str, Array]) -> Neighbours:
        """See `Recommender.load`."""
        return neighbours.load(arrays, self.decay)

    def load_for_histories(self, arrays: Mapping[str, Array]) -> Neighbours:
        """See `Recommender.load_for_histories`."""
        return neighbours.without_users(arrays, self.decay)
