"""Factors: matrix factorisation, learned; what every ALS gives."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, cast

import numpy as np
from numpy.linalg import LinAlgError

from tidemark.models import ranking, standard_scores
from tidemark.models.alignment import Places
from tidemark.models.fold_in import FoldIn, gram
from tidemark.models.interface import FACTORS, Fitted, Likeness
from tidemark.models.pairs import Pairs
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

    def scores(self, user_nums: Array) -> Array:
        """See `Fitted.scores`; of a user whom it does not know, zeros or NaN: `fallback.WithFallback` replaces them."""
        product: Array = self.user_factors[user_nums] @ self._transposed
        return product

    def standardised_scores_of(self, user_nums: Array) -> tuple[Array, Array]:
        """See `Fitted.standardised_scores_of`: mean and deviation of a user's scores follow from those of the item factors, so
        that the scores are standardised by what they are multiplied of."""
        if not np.isfinite(self._moments[1]).all():
            return super().standardised_scores_of(user_nums)
        users = self.factors_of_users(user_nums).astype(np.float64)
        mean_factor, covariance = self._moments
        mean = users @ mean_factor
        deviation = np.sqrt(np.maximum(np.einsum("mf,mf->m", users @ covariance, users), 0))
        by = standard_scores.scale(mean, deviation)
        z = (users * by[:, np.newaxis]).astype(np.float32) @ self._transposed
        nothing = (-mean * by).astype(np.float32)
        z += nothing[:, np.newaxis]
        return z, nothing

    def scores_of_history(self, history: History) -> Array | None:
        """See `Fitted.scores_of_history`: by fold-in, which is the user step of the solver. Where that was its last
        (`AlsImplicit`), a known user's scores are those of `scores`; of MLlib they are as near as the solver was to its end.
        After an alignment, the items that are left are folded into."""
        user_factor = self.factor_of_history(history)
        return None if user_factor is None else np.asarray(self.item_factors @ user_factor)

    def best_of_history(self, history: History, allowed: Array, n: int) -> tuple[Array, Array] | None:
        """See `Fitted.best_of_history`; of many items, those that cannot be among the best are not scored."""
        if len(self.item_factors) < ranking.MANY:
            return super().best_of_history(history, allowed, n)
        user = self.factor_of_history(history)
        if user is None:
            return None
        return ranking.best_products(self.item_factors, user, allowed, n, self._norms, self._longest)

    def factor_of_history(self, history: History) -> Array | None:
        """See `Fitted.factor_of_history`: by fold-in."""
        fold = self._fold
        if fold is None:
            return None
        counted = _counted(fold, history)
        if not counted.any():
            return None
        try:
            return fold.user_factor(history.items[counted], history.weights[counted])
        except LinAlgError:  # factors that lie in a plane and no regularisation: no one answer
            return None

    def reads_histories(self) -> bool:
        """See `Fitted.reads_histories`."""
        return self._fold is not None

    def of_users(self, pairs: Pairs) -> "Factors":
        """See `Fitted.of_users`: the user step of the solver, which MLlib and `AlsImplicit` end with.

        Raises:
            SettingError: there is no folding, or no number.
        """
        if self._fold is None:
            return cast("Factors", super().of_users(pairs))
        return self.with_user_factors(self._fold.user_factors(pairs.weights))

    def with_user_factors(self, user_factors: Array) -> "Factors":
        """The same items with other users; what was made of the items is not made again."""
        made = replace(self, user_factors=user_factors)
        made.__dict__.update({name: getattr(self, name) for name in ("_transposed", "_moments")})
        return made

    def contributions(self, history: History, items: Array) -> Array | None:
        """See `Fitted.contributions`: the score of ALS is a sum over what the user had (`FoldIn.contributions`)."""
        fold = self._fold
        if fold is None:
            return None
        counted = _counted(fold, history)
        brought = np.zeros((len(items), len(history)))
        try:
            brought[:, counted] = fold.contributions(history.items[counted], history.weights[counted], items)
        except LinAlgError:
            return None
        return brought

    def likeness(self, item: int) -> Likeness | None:
        """See `Fitted.likeness`: cosines of the factors."""
        if not self._norms[item] > 0:
            return None
        with np.errstate(divide="ignore", invalid="ignore"):
            cosines = self.item_factors @ (self.item_factors[item] / self._norms[item]) / self._norms
        return Likeness(FACTORS, np.where(self._norms > 0, cosines, np.float32(0)))

    def arrays(self) -> dict[str, Array]:
        """`user_factors`, `item_factors`."""
        return {"user_factors": self.user_factors, "item_factors": self.item_factors}

    def history_arrays(self) -> dict[str, Array]:
        """`item_factors`."""
        return {"item_factors": self.item_factors}

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

    def factors_of_users(self, user_nums: Array) -> Array:
        """See `Fitted.factors_of_users`."""
        return np.where(self.knows(user_nums)[:, np.newaxis], self.user_factors[user_nums], np.float32(0))

    @cached_property
    def _transposed(self) -> Array:
        return np.ascontiguousarray(self.item_factors.T)

    @cached_property
    def _moments(self) -> tuple[Array, Array]:
        """Mean `(n_factors,)` and covariance `(n_factors, n_factors)` of the item factors, in double."""
        n = max(len(self.item_factors), 1)
        mean = self.item_factors.sum(axis=0, dtype=np.float64) / n
        return mean, gram(self.item_factors) / n - np.outer(mean, mean)

    @cached_property
    def _fold(self) -> FoldIn | None:
        """The item factors, ready to fold in; None where that is not to be, or one of them is no number."""
        if self.folding is None or not len(self.item_factors):
            return None
        how = self.folding
        fold = FoldIn(self.item_factors, how.regularization, how.alpha, scaled=how.scaled)
        return fold if fold.finite else None

    @cached_property
    def _norms(self) -> Array:
        """Lengths of the item factors: float32 `(n_items,)`, 0 where nothing is known of the item."""
        norms = np.sqrt(np.einsum("ij,ij->i", self.item_factors, self.item_factors))
        return np.where(np.isfinite(norms), norms, np.float32(0))

    @cached_property
    def _longest(self) -> Array:
        """The numbers of the longest item factors, one in `ranking.PROBED`."""
        count = len(self.item_factors) // ranking.PROBED
        return np.argpartition(self._norms, -count)[-count:]


def without_users(item_factors: Array, folding: Folding | None) -> Factors:
    """Item factors alone: they say what a history says, and know nobody.

    Raises:
        ValueError: they are none.
    """
    if item_factors.ndim != 2 or item_factors.dtype != np.float32:
        raise ValueError(
            f"item factors are float32 (n_items, n_factors), not {item_factors.dtype} {item_factors.shape}"
        )
    return Factors(np.empty((0, item_factors.shape[1]), np.float32), item_factors, folding)


def _counted(fold: FoldIn, history: History) -> Array:
    """Which items of a history count: MLlib counts an event of no weight neither in the sum nor in the regularisation."""
    return history.weights > 0 if fold.scaled else np.ones(len(history), bool)
