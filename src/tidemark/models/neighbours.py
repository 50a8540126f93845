"""Neighbours: a score is the summed likeness of an item to what the user has; what every model of like items gives."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from tidemark.models import recency
from tidemark.models.alignment import Places, matrix_arrays, matrix_from
from tidemark.models.interface import NEIGHBOURS, Fitted, Likeness
from tidemark.models.pairs import Pairs
from tidemark.models.user_history import History

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Neighbours(Fitted):
    """What users had, and which items are like which.

    Args:
        histories: CSR `(n_users, n_learned)` float32, what each pair counts, over the items that it learned from.
        similarity: CSR `(n_learned, n_items)` float32, the neighbours of an item in its row.
        decay: what an item of a history counts is `weight * (1 + newer)^-decay` (`recency.faded`).
        items: where the items of another numbering stand among the learned, once it was aligned to it.
    """

    histories: csr_matrix
    similarity: csr_matrix
    decay: float = 0.0
    items: Places | None = None

    def scores(self, user_nums: Array) -> Array:
        """See `Fitted.scores`: the summed similarity of an item to what the user has; -inf where it has none."""
        return self._summed(self.histories[user_nums])

    def reads_histories(self) -> bool:
        """See `Fitted.reads_histories`."""
        return True

    def scores_of_history(self, history: History) -> Array | None:
        """See `Fitted.scores_of_history`: as `scores` of a user who had that."""
        own = self._faded(history)
        if self.items is not None:
            own = own.by_older_numbers(self.items)
        row = csr_matrix((own.weights, own.items, [0, len(own)]), (1, self.similarity.shape[0]))
        return self._summed(row)[0] if self._known(row)[0] else None

    def contributions(self, history: History, items: Array) -> Array | None:
        """See `Fitted.contributions`: a score is a sum over what the user had. Not of an aligned model."""
        if self.items is not None:
            return None
        own = self._faded(history)
        brought: Array = (self.similarity[own.items][:, items].toarray() * own.weights[:, np.newaxis]).T
        return brought

    def likeness(self, item: int) -> Likeness | None:
        """See `Fitted.likeness`: its neighbours. Not of an aligned model."""
        row = self.similarity[item] if self.items is None else None
        return Likeness(NEIGHBOURS, row.toarray()[0]) if row is not None and row.nnz else None

    def arrays(self) -> dict[str, Array]:
        """Both matrices, taken apart (`alignment.matrix_arrays`)."""
        return matrix_arrays("histories", self.histories) | matrix_arrays("similarity", self.similarity)

    def history_arrays(self) -> dict[str, Array]:
        """The similarity, taken apart."""
        return matrix_arrays("similarity", self.similarity)

    def aligned(self, users: Places, items: Places) -> "Neighbours":
        """See `Fitted.aligned`: histories stay those of the model's time, items that are gone by now included."""
        return Neighbours(users.matrix_rows(self.histories), items.matrix_columns(self.similarity), self.decay, items)

    def knows(self, user_nums: Array) -> Array:
        """See `Fitted.knows`: users who have an item with a neighbour."""
        return self._has_neighbours[user_nums]

    def of_users(self, pairs: Pairs) -> "Neighbours":
        """See `Fitted.of_users`. Not of an aligned model."""
        return replace(self, histories=histories(pairs, self.decay))

    def _faded(self, history: History) -> History:
        """The history with what each item counts as its weight."""
        newer = recency.newer(np.zeros(len(history), np.int64), history.timestamps)
        return replace(history, weights=recency.faded(history.weights, newer, self.decay))

    def _summed(self, histories: csr_matrix) -> Array:
        """The scores of the rows of `histories`, float32 `(m, n_items)`."""
        summed = histories @ self.similarity
        scores = np.full(summed.shape, -np.inf, np.float32)
        rows = np.repeat(np.arange(summed.shape[0]), np.diff(summed.indptr))
        scores[rows, summed.indices] = summed.data
        return scores

    @cached_property
    def _has_neighbours(self) -> Array:
        """Boolean `(n_users,)`."""
        return self._known(self.histories)

    def _known(self, histories: csr_matrix) -> Array:
        """Which rows of `histories` have an item with a neighbour: boolean `(m,)`."""
        neighbours = (np.diff(self.similarity.indptr) > 0).astype(np.float32)
        had = csr_matrix((np.ones_like(histories.data), histories.indices, histories.indptr), shape=histories.shape)
        known: Array = had @ neighbours > 0
        return known


def histories(pairs: Pairs, decay: float) -> csr_matrix:
    """What each pair counts in its user's history, as `Neighbours` has it."""
    if decay == 0:
        return pairs.weights.astype(np.float32)
    counted = recency.faded(pairs.weight, pairs.newer, decay)
    return csr_matrix((counted, pairs.weights.indices, pairs.weights.indptr), shape=pairs.shape)


def learned(model: Any, pairs: Pairs, decay: float = 0.0) -> Neighbours:
    """What an item-kNN of `implicit.nearest_neighbours`, not fitted yet, learns of `pairs`; `decay`: see `Neighbours`."""
    with warnings.catch_warnings():  # the library converts between sparse forms of its own and says so
        warnings.simplefilter("ignore")
        model.fit(pairs.weights, show_progress=False)
    return Neighbours(histories(pairs, decay), csr_matrix(model.similarity, dtype=np.float32), decay)


def load(arrays: Mapping[str, Array], decay: float) -> Neighbours:
    """The model whose `Neighbours.arrays` these are."""
    return Neighbours(matrix_from(arrays, "histories"), matrix_from(arrays, "similarity"), decay)


def without_users(arrays: Mapping[str, Array], decay: float) -> Neighbours:
    """The similarity of `Neighbours.history_arrays` alone: it says what a history says, and knows nobody.

    Raises:
        KeyError, ValueError: it is none.
    """
    similarity = matrix_from(arrays, "similarity")
    return Neighbours(csr_matrix((0, similarity.shape[0]), dtype=np.float32), similarity, decay)


def strongest(matrix: csr_matrix, k: int) -> csr_matrix:
    """The `k` greatest entries of each row of a CSR matrix; of equal ones, those of the lower columns."""
    matrix = matrix.tocsr()
    matrix.sort_indices()
    kept = np.ones(matrix.nnz, bool)
    for row in np.flatnonzero(np.diff(matrix.indptr) > k):
        start, end = matrix.indptr[row], matrix.indptr[row + 1]
        kept[start + np.argsort(-matrix.data[start:end], kind="stable")[k:]] = False
    ends = np.append(0, np.cumsum(kept))[matrix.indptr]
    return csr_matrix((matrix.data[kept], matrix.indices[kept], ends), shape=matrix.shape)
