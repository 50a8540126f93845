"""Ratings: how many stars a user would give; the global mean, user and item bias, and explicit ALS over the bias.

Its figures (RMSE, MAE) are about stars and never about ranking; recommendations come from the other models.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tidemark.errors import NotEnoughDataError
from tidemark.models.als_spark import AlsSpark
from tidemark.models.factors import Factors
from tidemark.models.pairs import Pairs

Array = np.ndarray[Any, Any]

STARS = (1.0, 5.0)


@dataclass(frozen=True)
class Bias:
    """`mean + user_bias[u] + item_bias[i]`, each bias a damped mean of what is left (Koren 2010, "Factor in the neighbors").

    Args:
        mean: of all ratings.
        user_bias, item_bias: float64 `(n_users,)`, `(n_items,)`; 0 where nothing is known.
    """

    mean: float
    user_bias: Array
    item_bias: Array

    def predict(self, user_num: Array, item_num: Array) -> Array:
        """Stars of each place, float64 `(len(user_num),)`, between 1 and 5."""
        return np.clip(self.mean + self.user_bias[user_num] + self.item_bias[item_num], *STARS)


def fit_bias(pairs: Pairs, item_damping: float = 25.0, user_damping: float = 10.0) -> Bias:
    """The biases of the rated `pairs`: `b_i = sum(r - mean) / (damping + n)`, then users on what the items leave.

    Raises:
        NotEnoughDataError: no pair has a rating.
    """
    rated = pairs.take(np.isfinite(pairs.rating))
    if not len(rated):
        raise NotEnoughDataError("no interaction has a rating: ratings cannot be predicted")
    n_users, n_items = pairs.shape
    rating = rated.rating.astype(np.float64)
    mean = float(rating.mean())
    left = rating - mean
    item_bias = np.bincount(rated.item_num, left, n_items) / (
        item_damping + np.bincount(rated.item_num, minlength=n_items)
    )
    left = left - item_bias[rated.item_num]
    user_bias = np.bincount(rated.user_num, left, n_users) / (
        user_damping + np.bincount(rated.user_num, minlength=n_users)
    )
    return Bias(mean, user_bias, item_bias)


@dataclass(frozen=True)
class Ratings:
    """Bias and the factors of what bias leaves: `bias + user_factors[u] . item_factors[i]`, between 1 and 5."""

    bias: Bias
    factors: Factors

    def predict(self, user_num: Array, item_num: Array) -> Array:
        """Stars of each place, float64 `(len(user_num),)`."""
        taste = np.einsum("nf,nf->n", self.factors.user_factors[user_num], self.factors.item_factors[item_num])
        bias = self.bias.mean + self.bias.user_bias[user_num] + self.bias.item_bias[item_num]
        return np.clip(bias + taste, *STARS)


def fit_ratings(pairs: Pairs, factors: int = 8, regularization: float = 0.5, iterations: int = 10) -> Ratings:
    """Bias, then explicit ALS by MLlib on the residuals of the rated `pairs`.

    Raises:
        NotEnoughDataError: no pair has a rating.
    """
    bias = fit_bias(pairs)
    rated = pairs.take(np.isfinite(pairs.rating))
    known = bias.mean + bias.user_bias[rated.user_num] + bias.item_bias[rated.item_num]
    als = AlsSpark(factors, regularization, iterations=iterations, explicit=True)
    return Ratings(bias, als.fit_values(rated, rated.rating - known))
