"""Public recommenders that the platform has not, as users would take them from papers and libraries: for `quality.py`."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix, diags

from tidemark.models import neighbours
from tidemark.models.alignment import Places
from tidemark.models.factors import Factors
from tidemark.models.interface import Fitted, Recommender
from tidemark.models.item_knn import ItemKnn
from tidemark.models.neighbours import Neighbours
from tidemark.models.pairs import Pairs
from tidemark.models.popularity import RECENT_SHARE, Popularity

Array = np.ndarray[Any, Any]


class Public(Recommender):
    """A recommender that is measured and never stored."""

    fallback = Popularity()

    def load(self, arrays: Any) -> Fitted:
        """Nothing of it is kept."""
        raise NotImplementedError(f"{self.name} is measured, never stored")


@dataclass(frozen=True)
class Cosine(Public):
    """Item-kNN by cosine (`implicit.nearest_neighbours.CosineRecommender`), `k` neighbours."""

    k: int = 200

    name = "cosine"

    def fit(self, pairs: Pairs) -> Neighbours:
        """See `Recommender.fit`."""
        from implicit.nearest_neighbours import CosineRecommender

        return neighbours.learned(CosineRecommender(K=self.k), pairs)


@dataclass(frozen=True)
class Rp3Beta(Public):
    """RP3beta (Paudel et al. 2017): random walks of three steps, `(P_iu P_ui)^alpha / popularity^beta`, `k` neighbours."""

    alpha: float = 1.0
    beta: float = 0.6
    k: int = 200

    name = "rp3beta"

    def fit(self, pairs: Pairs) -> Neighbours:
        """See `Recommender.fit`."""
        taken = csr_matrix((np.ones(len(pairs)), pairs.weights.indices, pairs.weights.indptr), pairs.shape)
        by_user = diags(1.0 / np.maximum(pairs.user_counts, 1)) @ taken
        by_item = diags(1.0 / np.maximum(pairs.item_counts, 1)) @ taken.T.tocsr()
        by_user.data **= self.alpha
        by_item.data **= self.alpha
        walks = (by_item.tocsr() @ by_user.tocsr() @ diags(np.maximum(pairs.item_counts, 1.0) ** -self.beta)).tocsr()
        walks.setdiag(0)
        walks.eliminate_zeros()
        similarity = neighbours.strongest(walks.astype(np.float32), self.k)
        return Neighbours(neighbours.histories(pairs, 0), similarity)


@dataclass(frozen=True)
class FittedEase(Fitted):
    """Item weights of EASE over the most popular items; nothing of the others."""

    taken: csr_matrix
    items: Array
    weights: Array
    n_items: int

    def scores(self, user_nums: Array) -> Array:
        """See `Fitted.scores`."""
        scores = np.full((len(user_nums), self.n_items), -np.inf, np.float32)
        scores[:, self.items] = self.taken[user_nums] @ self.weights
        return scores

    def arrays(self) -> dict[str, Array]:
        """Nothing of it is kept."""
        return {}

    def aligned(self, users: Places, items: Places) -> "FittedEase":
        """It is asked by its own numbering alone."""
        return self


@dataclass(frozen=True)
class Ease(Public):
    """EASE (Steck 2019), `B = I - P diag(1 / diag P)`, `P = (X'X + l2 I)^-1`, over the `most` popular items, for its matrix is
    dense."""

    l2: float = 500.0
    most: int = 4_000

    name = "ease"

    def fit(self, pairs: Pairs) -> FittedEase:
        """See `Recommender.fit`."""
        from scipy.linalg import cho_factor, cho_solve

        items = np.sort(np.lexsort((np.arange(pairs.shape[1]), -pairs.item_counts))[: self.most])
        taken = csr_matrix((np.ones(len(pairs), np.float32), pairs.weights.indices, pairs.weights.indptr), pairs.shape)
        taken = taken[:, items].tocsr()
        gram = (taken.T @ taken).toarray().astype(np.float32)
        gram[np.diag_indices_from(gram)] += self.l2
        inverse = cho_solve(cho_factor(gram, overwrite_a=True), np.eye(len(items), dtype=np.float32))
        weights = -inverse / np.diag(inverse)
        np.fill_diagonal(weights, 0)
        return FittedEase(taken, items, weights.astype(np.float32), pairs.shape[1])


@dataclass(frozen=True)
class LibraryAls(Public):
    """`implicit`'s ALS as its documentation uses it: confidence `alpha * weight`."""

    factors: int = 64
    regularization: float = 0.05
    alpha: float = 2.0

    name = "implicit_als"

    def fit(self, pairs: Pairs) -> Factors:
        """See `Recommender.fit`."""
        from implicit.als import AlternatingLeastSquares
        from threadpoolctl import threadpool_limits

        with threadpool_limits(1, "blas"):
            model = AlternatingLeastSquares(
                factors=self.factors, regularization=self.regularization, alpha=self.alpha, random_state=42
            )
            model.fit(pairs.weights, show_progress=False)
        return Factors(np.asarray(model.user_factors), np.asarray(model.item_factors))


@dataclass(frozen=True)
class IrspackIals(Public):
    """irspack's iALS (Rendle et al. 2021, Revisiting the Performance of iALS): what nobody took weighs `alpha0`, and regularisation
    is `regularization` times a user's or item's events and `alpha0` times all there could be."""

    factors: int = 64
    alpha0: float = 0.1
    regularization: float = 0.003

    name = "irspack_ials"

    def fit(self, pairs: Pairs) -> Factors:
        """See `Recommender.fit`."""
        from irspack import IALSRecommender
        from threadpoolctl import threadpool_limits

        with threadpool_limits(1, "blas"):
            model = IALSRecommender(
                pairs.weights, n_components=self.factors, alpha0=self.alpha0, reg=self.regularization, random_seed=42
            )
            model.learn()
            users, items = (
                np.asarray(side, np.float32) for side in (model.get_user_embedding(), model.get_item_embedding())
            )
        return Factors(users, items)


GRIDS: dict[str, tuple[Recommender, ...]] = {
    "popularity": (Popularity(), Popularity(RECENT_SHARE)),
    "BM25 item-kNN": tuple(ItemKnn(k=k, b=b) for k in (50, 200) for b in (0.3, 0.75)),
    "cosine item-kNN": tuple(Cosine(k) for k in (50, 200)),
    "RP3beta": tuple(Rp3Beta(alpha, beta) for alpha in (0.7, 1.0) for beta in (0.3, 0.6)),
    "EASE": (Ease(100.0), Ease(500.0)),
    "implicit ALS": (
        *(LibraryAls(64, 0.05, 2.0), LibraryAls(128, 10.0, 60.0), LibraryAls(64, 10.0, 20.0)),
        *(LibraryAls(16, 100.0, 20.0), LibraryAls(32, 50.0, 20.0)),
    ),
    "irspack iALS": (
        *(IrspackIals(16, 0.1, 0.01), IrspackIals(64, 0.1, 0.003), IrspackIals(128, 0.1, 0.003)),
        *(IrspackIals(128, 0.03, 0.003), IrspackIals(128, 0.03, 0.001), IrspackIals(256, 0.03, 0.001)),
    ),
}
"""Name -> the settings among which validation chooses."""
