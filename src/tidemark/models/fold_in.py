"""Fold-in: a user's factors from their full history against fixed item factors, exactly as ALS would compute them.

The user step of implicit-feedback ALS (Hu, Koren, Volinsky 2008, equation 4): with item factors Y, confidences c of the
user's items and regularisation r, x = (Y'Y + Y'(C - I)Y + rI)^-1 Y'Cp. The history must be whole: from the last
minutes alone it gives the taste of those minutes (implicit#650).
"""

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


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
        # Once for each model: what every user's equation starts from. In double, so that the sum over items is exact.
        wide = self.item_factors.astype(np.float64)
        self._gram = wide.T @ wide

    def user_factor(self, items: Ints, weights: Floats) -> Floats:
        """The factors `(n_factors,)` of a user who had `items` (row numbers, each once) with `weights` (> 0).

        Without items: zeros, as ALS gives. Raises IndexError where an item is not the model's.
        """
        n_items, n_factors = self.item_factors.shape
        if len(items) == 0:
            return np.zeros(n_factors, dtype=np.float32)
        if items.min() < 0 or items.max() >= n_items:
            raise IndexError(f"item numbers must lie in 0..{n_items - 1}")
        rows = self.item_factors[items].astype(np.float64)
        extra = self.alpha * np.asarray(weights, dtype=np.float64)  # confidence - 1
        left = self._gram + rows.T @ (rows * extra[:, None])
        left.flat[:: n_factors + 1] += self.regularization * (len(items) if self.scaled else 1)
        solved = cho_solve(cho_factor(left, lower=True, overwrite_a=True, check_finite=False), rows.T @ (1.0 + extra))
        return np.asarray(solved, dtype=np.float32)

    def recommend(self, items: Ints, weights: Floats, n: int) -> tuple[Ints, Floats]:
        """The `n` best items the user has not had, best first, and their scores; fewer where fewer are left.

        Equal scores come in the order of the item numbers.
        """
        scores = self.item_factors @ self.user_factor(items, weights)
        scores[items] = -np.inf
        n = min(n, len(scores) - len(items))
        if n <= 0:
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32)
        best = np.argpartition(-scores, n - 1)[:n]
        best = best[np.lexsort((best, -scores[best]))].astype(np.int64)
        return best, scores[best]
