"""Implicit-feedback ALS by the `implicit` library, for a window that fits one machine (Hu, Koren, Volinsky 2008)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from tidemark.models.factors import Factors, Folding, without_users
from tidemark.models.fold_in import FoldIn
from tidemark.models.interface import Learned, Recommender
from tidemark.models.pairs import Pairs
from tidemark.models.popularity import Popularity

Array = np.ndarray[Any, Any]

RESUMED = 5
"""Rounds of a fit that goes on from an earlier one, at least. On amazon_book with 256 factors, 6 rounds of a search, then 9 for the
candidate and 5 for what is published, end at NDCG@20 .0935, where 15 from random factors end at .0937."""


@dataclass(frozen=True)
class AlsImplicit(Recommender):
    """Settings of one fit.

    Args:
        factors: length of a user's and an item's vector.
        regularization: added to the diagonal as it is, not scaled by a user's number of events.
        alpha: confidence of a pair is `1 + alpha * weight`.
        iterations: rounds, each of which solves for all users and then all items.
        seed: of the random factors that the first round starts from.
    """

    factors: int
    regularization: float
    alpha: float
    iterations: int = 15
    seed: int = 42

    name = "als_implicit"
    fallback = Popularity()

    def fit(self, pairs: Pairs) -> Factors:
        """See `Recommender.fit`. More factors than users or items are allowed: regularisation carries them."""
        return self._fitted(pairs, self.iterations, None)

    def fit_on(self, pairs: Pairs, earlier: Learned | None) -> Factors:
        """See `Recommender.fit_on`: the rounds that are left of `iterations`, and `RESUMED` at least, which begin with the users'
        turn, from the items' earlier factors."""
        if (
            earlier is None
            or not isinstance(earlier.recommender, AlsImplicit)
            or not isinstance(earlier.fitted, Factors)
        ):
            return self.fit(pairs)
        if replace(earlier.recommender, iterations=self.iterations) != self:
            return self.fit(pairs)
        rounds = max(RESUMED, self.iterations - earlier.recommender.iterations)
        return self._fitted(pairs, min(self.iterations, rounds), earlier.fitted.item_factors)

    def _fitted(self, pairs: Pairs, iterations: int, item_factors: Array | None) -> Factors:
        """What so many rounds learn, from random factors or from these of the items."""
        from implicit.cpu.als import AlternatingLeastSquares

        weights = pairs.weights
        confidence = csr_matrix((1 + self.alpha * weights.data, weights.indices, weights.indptr), weights.shape)
        with threadpool_limits(1, "blas"):  # the library has threads of its own; two kinds fight
            model = AlternatingLeastSquares(
                factors=self.factors,
                regularization=self.regularization,
                alpha=1.0,  # applied above, with the 1 that the paper has and the library leaves out
                iterations=iterations,
                random_state=self.seed,
            )
            if item_factors is not None:
                model.item_factors = item_factors.copy()  # the library writes it over
            model.fit(confidence.astype(np.float32), show_progress=False)
            # The library ends with the items' turn, and solves it nearly: with a last turn of the users, which is fold-in, what is
            # stored for a user is what serving makes of the same history.
            item_factors = np.asarray(model.item_factors, np.float32)
            user_factors = FoldIn(item_factors, self.regularization, self.alpha).user_factors(weights)
        return Factors(user_factors, item_factors, self._folding)

    def load(self, arrays: Mapping[str, Array]) -> Factors:
        """See `Recommender.load`."""
        return Factors(arrays["user_factors"], arrays["item_factors"], self._folding)

    def load_for_histories(self, arrays: Mapping[str, Array]) -> Factors:
        """See `Recommender.load_for_histories`."""
        return without_users(arrays["item_factors"], self._folding)

    @property
    def _folding(self) -> Folding:
        return Folding(self.regularization, self.alpha)
