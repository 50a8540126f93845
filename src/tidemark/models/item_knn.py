"""Item-kNN: items that the same users have, by BM25 weights (Robertson & Walker 1994; `implicit.nearest_neighbours`)."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from tidemark.models.alignment import Places, matrix_arrays, matrix_from
from tidemark.models.interface import Fitted, Recommender
from tidemark.models.pairs import Pairs
from tidemark.models.popularity import Popularity

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class FittedItemKnn(Fitted):
    """What users had, and which items are like which.

    Args:
        histories: CSR `(n_users, n_learned)` float32, the weight of each pair, over the items that it learned from.
        similarity: CSR `(n_learned, n_items)` float32, the k neighbours of an item in its row.
    """

    histories: csr_matrix
    similarity: csr_matrix

    def scores(self, user_nums: Array) -> Array:
        """See `Fitted.scores`: the summed similarity of an item to what the user has; -inf where it has none."""
        summed = self.histories[user_nums] @ self.similarity
        scores = np.full(summed.shape, -np.inf, np.float32)
        rows = np.repeat(np.arange(summed.shape[0]), np.diff(summed.indptr))
        scores[rows, summed.indices] = summed.data
        return scores

    def arrays(self) -> dict[str, Array]:
        """Both matrices, taken apart (`alignment.matrix_arrays`)."""
        return matrix_arrays("histories", self.histories) | matrix_arrays("similarity", self.similarity)

    def aligned(self, users: Places, items: Places) -> "FittedItemKnn":
        """See `Fitted.aligned`: histories stay those of the model's time, items that are gone by now included."""
        return FittedItemKnn(users.matrix_rows(self.histories), items.matrix_columns(self.similarity))

    def knows(self, user_nums: Array) -> Array:
        """See `Fitted.knows`: users who have an item with a neighbour."""
        return self._has_neighbours[user_nums]

    @cached_property
    def _has_neighbours(self) -> Array:
        """Boolean `(n_users,)`."""
        neighbours = (np.diff(self.similarity.indptr) > 0).astype(np.float32)
        had = csr_matrix((np.ones_like(self.histories.data), self.histories.indices, self.histories.indptr),
                         shape=self.histories.shape)  # fmt: skip
        known: Array = had @ neighbours > 0
        return known


@dataclass(frozen=True)
class ItemKnn(Recommender):
    """Settings of one fit.

    Args:
        k: neighbours that an item keeps.
        k1: BM25's bound on the effect of a repeated event: the greater, the later it is reached.
        b: how much BM25 makes of the length of a history (0-1); 0: nothing.
    """

    k: int = 200
    k1: float = 1.2
    b: float = 0.3

    name = "item_knn"
    fallback = Popularity()

    def fit(self, pairs: Pairs) -> FittedItemKnn:
        """See `Recommender.fit`."""
        from implicit.nearest_neighbours import BM25Recommender

        model = BM25Recommender(K=self.k, K1=self.k1, B=self.b)
        with warnings.catch_warnings():  # the library converts between sparse forms of its own and says so
            warnings.simplefilter("ignore")
            model.fit(pairs.weights, show_progress=False)
        return FittedItemKnn(pairs.weights.astype(np.float32), csr_matrix(model.similarity, dtype=np.float32))

    def load(self, arrays: Mapping[str, Array]) -> FittedItemKnn:
        """See `Recommender.load`."""
        return FittedItemKnn(matrix_from(arrays, "histories"), matrix_from(arrays, "similarity"))
