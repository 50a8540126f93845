"""Fold-in: a user's factors from their full history against fixed item factors, exactly as ALS would compute them.

The user step of implicit-feedback ALS (Hu, Koren, Volinsky 2008, equation 4): with item factors Y, confidences c of the
user's items and regularisation r, x = (Y'Y + Y'(C - I)Y + rI)^-1 Y'Cp. The history must be whole: from the last
minutes alone it gives the taste of those minutes (implicit#650).
"""

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.sparse import csr_matrix

from tidemark.models import ranking

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Ints = NDArray[np.int64]

BLOCK = 65_536
"""Items that are held in double at once."""
SOLVED = 4_000_000
"""Numbers in double of users that are solved together."""


def gram(factors: Floats) -> Doubles:
    """`factors' factors`, `(n_factors, n_factors)`: in double, so that the sum over items is exact; by blocks, for a million items
    in double would be more memory than all else of a process that serves."""
    total = np.zeros((factors.shape[1],) * 2)
    for start in range(0, len(factors), BLOCK):
        wide = factors[start : start + BLOCK].astype(np.float64)
        total += wide.T @ wide
    return total


class FoldIn:
    """One model's item factors, ready to place users who are newer than the model.

    Args:
        item_factors: `(n_items, n_factors)`, float32.
        regularization: the model's own.
        alpha: the model's own; the confidence of an item is `1 + alpha * weight`, as `models.als_implicit` has it.
        scaled: whether regularisation counts once for each item of the user: as MLlib does (`models.als_spark`).
    """

    def __init__(
        self, item_factors: Floats, regularization: float, alpha: float = 1.0, *, scaled: bool = False
    ) -> None:
        self.item_factors = np.ascontiguousarray(item_factors, dtype=np.float32)
        self.alpha, self.regularization, self.scaled = alpha, regularization, scaled
        self._gram = gram(self.item_factors)  # once for each model: what every user's equation starts from

    @property
    def finite(self) -> bool:
        """Whether all item factors are numbers: with one that is none, every user's factors would be none."""
        return bool(np.isfinite(self._gram).all())

    def user_factor(self, items: Ints, weights: Floats) -> Floats:
        """The factors `(n_factors,)` of a user who had `items` (row numbers, each once) with `weights` (> 0).

        Without items: zeros, as ALS gives. Raises IndexError where an item is not the model's.
        """
        if len(items) == 0:
            return np.zeros(self.item_factors.shape[1], dtype=np.float32)
        rows, confidence = self._had(items, weights)
        solved = self._solve(rows, confidence, rows.T @ confidence)
        return np.asarray(solved, dtype=np.float32)

    def user_factors(self, histories: csr_matrix) -> Floats:
        """`user_factor` of each row of `histories` `(m, n_items)` (weights of what a user had): float32 `(m, n_factors)`.

        By the identity of Woodbury, x = A^-1 Y_u' (I + (C - I) Y_u A^-1 Y_u')^-1 c with A = Y'Y + rI: a user costs the cube of their
        items, not of the factors. Users of equally many items are solved together. Where regularisation is `scaled`, what counts
        nothing is left out, as MLlib leaves it out.
        """
        if self.scaled and not histories.data.all():
            histories = histories.copy()
            histories.eliminate_zeros()
        n_factors = self.item_factors.shape[1]
        found = np.zeros((histories.shape[0], n_factors), np.float32)
        counts = np.diff(histories.indptr)
        placed = None
        for count in np.unique(counts[counts > 0]).tolist():
            users = np.flatnonzero(counts == count)
            if count <= n_factors and (placed is None or self.scaled):
                inverse = self._inverse(count if self.scaled else 1)
                # One inverse for all places every item; one for each count, the items of few users alone.
                placed = None if self.scaled else np.asarray(self.item_factors @ inverse)
            for start in range(0, len(users), rows := max(1, SOLVED // (count * max(count, n_factors)))):
                some = users[start : start + rows]
                at = histories.indptr[some][:, np.newaxis] + np.arange(count)
                items, weights = histories.indices[at], histories.data[at].astype(np.float64)
                if count > n_factors:
                    found[some] = self._solved_by_factors(items, weights)
                else:
                    turned = self.item_factors[items] @ inverse if placed is None else placed[items]
                    found[some] = self._solved(items, weights, turned)
        return found

    def _solved_by_factors(self, items: NDArray[np.int32], weights: Doubles) -> Doubles:
        """The factors `(m, n_factors)` of users who had `items` `(m, count)` with `weights`, as `user_factor` has them."""
        rows = self.item_factors[items].astype(np.float64)
        turned = rows.transpose(0, 2, 1)
        left = self._gram + turned @ ((self.alpha * weights)[..., np.newaxis] * rows)
        diagonal = np.arange(left.shape[1])
        left[:, diagonal, diagonal] += self.regularization * (items.shape[1] if self.scaled else 1)
        return np.asarray(np.linalg.solve(left, turned @ (1 + self.alpha * weights)[..., np.newaxis])[..., 0])

    def _inverse(self, counted: int) -> Doubles:
        """A^-1 of a user who had `counted` items, before what they had is added: `(n_factors, n_factors)`."""
        left = self._gram.copy()
        left.flat[:: len(left) + 1] += self.regularization * counted
        return np.asarray(cho_solve(cho_factor(left, lower=True), np.eye(len(left))))

    def _solved(self, items: NDArray[np.int32], weights: Doubles, turned: Doubles) -> Doubles:
        """The factors `(m, n_factors)` of users who had `items` `(m, count)` with `weights`; `turned` are the items' factors times
        A^-1, `(m, count, n_factors)`."""
        rows = self.item_factors[items].astype(np.float64)
        more = (self.alpha * weights)[..., np.newaxis] * (turned @ rows.transpose(0, 2, 1))
        more[:, np.arange(items.shape[1]), np.arange(items.shape[1])] += 1
        confidence = 1 + self.alpha * weights
        shares = np.linalg.solve(more, confidence[..., np.newaxis])
        return np.asarray((turned.transpose(0, 2, 1) @ shares)[..., 0])

    def contributions(self, items: Ints, weights: Floats, targets: Ints) -> Doubles:
        """What each of a user's `items` adds to the scores of the items `targets`: `(len(targets), len(items))`.

        A user's factors are a sum over what they had, x = A^-1 (c_1 y_1 + c_2 y_2 + ...), so the score of item j is the sum
        of c_i y_j' A^-1 y_i: a row adds up to the score that `user_factor` gives. Raises IndexError as that does.
        """
        if len(items) == 0:
            return np.zeros((len(targets), 0))
        rows, confidence = self._had(items, weights)
        wanted = self.item_factors[targets].astype(np.float64)
        return np.asarray(self._solve(rows, confidence, wanted.T).T @ (rows * confidence[:, None]).T)

    def _had(self, items: Ints, weights: Floats) -> tuple[Doubles, Doubles]:
        """The factors and the confidences of what a user had."""
        n_items = len(self.item_factors)
        if items.min() < 0 or items.max() >= n_items:
            raise IndexError(f"item numbers must lie in 0..{n_items - 1}")
        return self.item_factors[items].astype(np.float64), 1.0 + self.alpha * np.asarray(weights, dtype=np.float64)

    def _solve(self, rows: Doubles, confidence: Doubles, right: Doubles) -> Doubles:
        """A^-1 times `right`, where A is the left side of the equation of a user who had `rows`."""
        left = self._gram + rows.T @ (rows * (confidence - 1.0)[:, None])
        left.flat[:: len(left) + 1] += self.regularization * (len(rows) if self.scaled else 1)
        return np.asarray(
            cho_solve(cho_factor(left, lower=True, overwrite_a=True, check_finite=False), right, check_finite=False)
        )

    def recommend(self, items: Ints, weights: Floats, n: int) -> tuple[Ints, Floats]:
        """The `n` best items the user has not had, best first, and their scores; fewer where fewer are left.

        Equal scores come in the order of the item numbers.
        """
        scores = self.item_factors @ self.user_factor(items, weights)
        scores[items] = -np.inf
        best = ranking.best(scores, n)
        return best, scores[best]
