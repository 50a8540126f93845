"""Transitions: items that are taken soon after others, a first-order Markov chain over a window of a few items.

The counts fall with the distance in the user's order, as in sequence-aware item-to-item rules (Ludewig & Jannach 2018,
Evaluation of Session-based Recommendation Algorithms: sequential rules, weight 1 / distance), and are damped by popularity.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix, diags, vstack

from tidemark.models import neighbours
from tidemark.models.interface import Recommender
from tidemark.models.neighbours import Neighbours
from tidemark.models.pairs import Pairs
from tidemark.models.popularity import Popularity

Array = np.ndarray[Any, Any]

BACKWARDS = 0.5
"""What it counts that an item came before another, beside 1 for coming after it."""

ENTRIES = 20_000_000
"""Transitions that are counted at once, 16 bytes each and as much again while they are added up."""


@dataclass(frozen=True)
class Transitions(Recommender):
    """`S[i, j]`: the sum of `1 / lag` where j followed i at a lag of at most `lags`, and half of the same backwards, over
    `(n_i n_j)^damping`, n being the users who have an item. Of items taken at the same time neither followed the other:
    both ways count the mean.

    Args:
        lags: how far apart in a user's order two items may be; 1: neighbours.
        damping: exponent of the popularity of both items; 0: none, .5: as a cosine has it.
        decay: an item of a user's history counts `(1 + newer)^-decay`, newer being the user's strictly newer items.
        k: items that an item keeps, those with the greatest S.
    """

    lags: int = 10
    damping: float = 0.25
    decay: float = 0.5
    k: int = 200

    name = "transitions"
    fallback = Popularity()
    needs_times = True

    def fit(self, pairs: Pairs) -> Neighbours:
        """See `Recommender.fit`; of pairs without times it learns nothing, for no item followed another."""
        return Neighbours(neighbours.histories(pairs, self.decay), self._similarity(pairs), self.decay)

    def load(self, arrays: Mapping[str, Array]) -> Neighbours:
        """See `Recommender.load`."""
        return neighbours.load(arrays, self.decay)

    def load_for_histories(self, arrays: Mapping[str, Array]) -> Neighbours:
        """See `Recommender.load_for_histories`."""
        return neighbours.without_users(arrays, self.decay)

    def _similarity(self, pairs: Pairs) -> csr_matrix:
        """`S` float32 `(n_items, n_items)`, the `k` greatest of each row; made by blocks of rows, for memory."""
        n_items = pairs.shape[1]
        if not pairs.has_times:
            return csr_matrix((n_items, n_items), dtype=np.float32)
        order = np.lexsort((pairs.item_num, pairs.timestamp, pairs.user_num))
        ordered = pairs.user_num[order], pairs.item_num[order], pairs.timestamp[order]
        damped = diags(np.maximum(pairs.item_counts, 1) ** -self.damping)
        blocks = []
        for start, end in _row_blocks(pairs.item_counts * 2 * self.lags):
            counted = self._counted(*ordered, start, end, n_items)
            scaled = damped.tocsr()[start:end, start:end] @ counted @ damped
            blocks.append(neighbours.strongest(scaled.tocsr().astype(np.float32), self.k))
        return vstack(blocks, format="csr")

    def _counted(self, user: Array, item: Array, time: Array, start: int, end: int, n_items: int) -> csr_matrix:
        """The rows `start` to `end` of `S` before damping; `user`, `item`, `time` `(n,)` in each user's order."""
        counted = csr_matrix((end - start, n_items))
        for lag in range(1, self.lags + 1):
            same = user[lag:] == user[:-lag]
            first, then = item[:-lag][same], item[lag:][same]
            at_once = time[:-lag][same] == time[lag:][same]
            both_ways = (first, then, np.where(at_once, (1 + BACKWARDS) / 2, 1)), (
                then, first, np.where(at_once, (1 + BACKWARDS) / 2, BACKWARDS)
            )  # fmt: skip
            for row, column, value in both_ways:
                kept = (row >= start) & (row < end)
                entries = value[kept] / lag, (row[kept] - start, column[kept])
                counted += coo_matrix(entries, shape=counted.shape).tocsr()
        return counted


def _row_blocks(entries: Array) -> Iterator[tuple[int, int]]:
    """Ranges of rows with at most `ENTRIES` of the `entries` `(n_rows,)` together, or of one row."""
    start, total = 0, 0
    for row, n in enumerate(entries.tolist()):
        if total + n > ENTRIES and row > start:
            yield start, row
            start, total = row, 0
        total += n
    yield start, len(entries)
