"""Item-kNN: items that the same users have, by BM25 weights (Robertson & Walker 1994; `implicit.nearest_neighbours`)."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from tidemark.models.interface import Fitted
from tidemark.models.pairs import Pairs

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class FittedItemKnn:
    """`histories` CSR `(n_users, n_items)`; `similarity` CSR `(n_items, n_items)`, k neighbours a row."""

    histories: csr_matrix
    similarity: csr_matrix

    def scores(self, user_nums: Array) -> Array:
        """See `Fitted.scores`: the summed similarity of an item to what the user has; -inf where it has none."""
        found = self.histories[user_nums] @ self.similarity
        scores = np.full(found.shape, -np.inf, np.float32)
        rows = np.repeat(np.arange(found.shape[0]), np.diff(found.indptr))
        scores[rows, found.indices] = found.data
        return scores


@dataclass(frozen=True)
class ItemKnn:
    """`k` neighbours; BM25's `k1` bounds the effect of a repeated event, `b` that of a long history."""

    k: int = 200
    k1: float = 1.2
    b: float = 0.3

    def fit(self, pairs: Pairs) -> Fitted:
        """See `Recommender.fit`."""
        from implicit.nearest_neighbours import BM25Recommender

        model = BM25Recommender(K=self.k, K1=self.k1, B=self.b)
        with warnings.catch_warnings():  # the library converts between sparse forms of its own and says so
            warnings.simplefilter("ignore")
            model.fit(pairs.weights, show_progress=False)
        return FittedItemKnn(pairs.weights.astype(np.float32), csr_matrix(model.similarity, dtype=np.float32))
