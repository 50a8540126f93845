"""Factors: matrix factorisation, learned; what every ALS gives."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tidemark.models.alignment import Places
from tidemark.models.interface import Fitted

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Factors(Fitted):
    """A score is the dot product of a user's and an item's factors.

    Args:
        user_factors: float32 `(n_users, n_factors)`; zeros, or not finite, where nothing is known of a user.
        item_factors: float32 `(n_items, n_factors)`.
    """

    user_factors: Array
    item_factors: Array
    _transposed: Array = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_transposed", np.ascontiguousarray(self.item_factors.T))

    def scores(self, user_nums: Array) -> Array:
        """See `Fitted.scores`; of a user whom it does not know, zeros or NaN: `fallback.WithFallback` replaces them."""
        product: Array = self.user_factors[user_nums] @ self._transposed
        return product

    def arrays(self) -> dict[str, Array]:
        """`user_factors`, `item_factors`."""
        return {"user_factors": self.user_factors, "item_factors": self.item_factors}

    def aligned(self, users: Places, items: Places) -> "Factors":
        """See `Fitted.aligned`: factors of zeros for whom and what it does not know."""
        return Factors(users.rows(self.user_factors), items.rows(self.item_factors))

    def knows(self, user_nums: Array) -> Array:
        """See `Fitted.knows`: users with factors other than zeros, all of them finite."""
        norms = np.abs(self.user_factors[user_nums]).sum(axis=1)
        return np.isfinite(norms) & (norms > 0)

    def factors_of_items(self) -> Array:
        """See `Fitted.factors_of_items`."""
        return self.item_factors
