"""Factors: matrix factorisation, learned; what every ALS gives."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from tidemark.models.alignment import Places
from tidemark.models.fold_in import FoldIn
from tidemark.models.interface import Fitted
from tidemark.models.user_history import History

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Folding:
    """How users who are newer than the model are folded in: arguments of `fold_in.FoldIn`.

    Args:
        regularization, alpha, scaled: see there.
    """

    regularization: float
    alpha: float
    scaled: bool = False


@dataclass(frozen=True)
class Factors(Fitted):
    """A score is the dot product of a user's and an item's factors.

    Args:
        user_factors: float32 `(n_users, n_factors)`; zeros, or not finite, where nothing is known of a user.
        item_factors: float32 `(n_items, n_factors)`.
        folding: how a history becomes factors; None: not at all, as after explicit feedback.
    """

    user_factors: Array
    item_factors: Array
    folding: Folding | None = None
    _transposed: Array = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_transposed", np.ascontiguousarray(self.item_factors.T))

    def scores(self, user_nums: Array) -> Array:
        """See `Fitted.scores`; of a user whom it does not know, zeros or NaN: `fallback.WithFallback` replaces them."""
        product: Array = self.user_factors[user_nums] @ self._transposed
        return product

    def scores_of_history(self, history: History) -> Array | None:
        """See `Fitted.scores_of_history`: by fold-in, which is one more user step of the solver. So a known user's scores are
        as near to `scores` as the solver was to its end. After an alignment, the items that are left are folded into."""
        fold = self._fold
        if fold is None:
            return None
        # MLlib counts an event of no weight neither in the sum nor in the regularisation.
        counted = history.weights > 0 if fold.scaled else np.ones(len(history), bool)
        if not counted.any():
            return None
        return np.asarray(self.item_factors @ fold.user_factor(history.items[counted], history.weights[counted]))

    def arrays(self) -> dict[str, Array]:
        """`user_factors`, `item_factors`."""
        return {"user_factors": self.user_factors, "item_factors": self.item_factors}

    def aligned(self, users: Places, items: Places) -> "Factors":
        """See `Fitted.aligned`: factors of zeros for whom and what it does not know."""
        return Factors(users.rows(self.user_factors), items.rows(self.item_factors), self.folding)

    def knows(self, user_nums: Array) -> Array:
        """See `Fitted.knows`: users with factors other than zeros, all of them finite."""
        norms = np.abs(self.user_factors[user_nums]).sum(axis=1)
        return np.isfinite(norms) & (norms > 0)

    def factors_of_items(self) -> Array:
        """See `Fitted.factors_of_items`."""
        return self.item_factors

    @cached_property
    def _fold(self) -> FoldIn | None:
        """The item factors, ready to fold in."""
        if self.folding is None:
            return None
        how = self.folding
        return FoldIn(self.item_factors, how.regularization, how.alpha, scaled=how.scaled)
