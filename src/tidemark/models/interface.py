"""The one interface of every recommender: fit on pairs, then score items for users."""

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from scipy.sparse import csr_matrix

from tidemark.models import ranking
from tidemark.models.pairs import Pairs

Array = np.ndarray[Any, Any]


class Fitted(Protocol):
    """A recommender that has learned."""

    def scores(self, user_nums: Array) -> Array:
        """A new float32 array `(len(user_nums), n_items)`; greater is better, comparable within a row only."""
        ...


class Recommender(Protocol):
    """A recommender before it has learned: settings only."""

    def fit(self, pairs: Pairs) -> Fitted:
        """Learn from `pairs`; the same pairs and settings give the same model.

        Raises:
            NotEnoughDataError: these pairs cannot be learned from with these settings.
        """
        ...


def recommend(
    fitted: Fitted, user_nums: Array, n: int, seen: csr_matrix, known: Array | None = None
) -> tuple[Array, Array]:
    """The `n` best unseen items of each user: items int32, scores float32, `(len(user_nums), n)`; see `ranking.top_n`."""
    return ranking.top_n(fitted.scores, user_nums, n, seen, known)


@dataclass(frozen=True)
class Factors:
    """Matrix factorisation, learned: a score is the dot product of a user's and an item's factors.

    Args:
        user_factors: float32 `(n_users, n_factors)`.
        item_factors: float32 `(n_items, n_factors)`.
    """

    user_factors: Array
    item_factors: Array
    _transposed: Array = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_transposed", np.ascontiguousarray(self.item_factors.T))

    def scores(self, user_nums: Array) -> Array:
        """See `Fitted.scores`."""
        product: Array = self.user_factors[user_nums] @ self._transposed
        return product

    def users_without(self) -> Array:
        """Which users the model has nothing for (factors of zeros, or not finite): boolean `(n_users,)`."""
        norms = np.abs(self.user_factors).sum(axis=1)
        return ~(np.isfinite(norms) & (norms > 0))


@dataclass(frozen=True)
class WithFallback:
    """`first`, and for the users of whom it has nothing, `other`."""

    first: Factors
    other: Fitted

    def scores(self, user_nums: Array) -> Array:
        """See `Fitted.scores`."""
        scores = self.first.scores(user_nums)
        without = np.flatnonzero(self.first.users_without()[user_nums])
        if len(without):
            scores[without] = self.other.scores(user_nums[without])
        return scores
