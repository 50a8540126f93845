"""Content: where an item would stand in a model's space of factors, told by its features alone.

The rows of `item_features` are reduced by a truncated SVD (latent semantic indexing, Deerwester et al. 1990) and mapped to the
item factors by ridge regression (as Gantner et al. 2010 map attributes to factors), whose strength is that of the least
error where each item is left out in turn (Allen 1974). Both are linear, so that they are kept as one matrix.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.linalg import svds

from tidemark.models.item_features import Product, Terms

Array = np.ndarray[Any, Any]

DIMENSIONS = 128
"""Of the reduced features."""
STRENGTHS = (0.01, 0.1, 1.0, 10.0, 100.0)
"""Of the ridge that are tried."""
LEAST_ITEMS = 20
"""Items with features and factors, below which nothing is learned."""
MOST_ITEMS = 100_000
"""Items that are learned from: the most taken ones."""


@dataclass(frozen=True)
class Content:
    """What was learned.

    Args:
        terms: of the features.
        weights: float32 `(n_terms, n_factors)`.
        bias: float32 `(n_factors,)`: where an item stands of which nothing is known.
        strength: of the ridge.
    """

    terms: Terms
    weights: Array
    bias: Array
    strength: float

    def factors(self, products: Iterable[Product]) -> Array:
        """Where these would stand: float32 `(n_products, n_factors)`; zeros, so no item like another, where no term counts."""
        rows = self.terms.matrix(products)
        placed = np.asarray(rows @ self.weights + self.bias, np.float32)
        placed[np.diff(rows.indptr) == 0] = 0
        return placed

    def arrays(self) -> dict[str, Array]:
        """All that `load` needs, without Python objects."""
        made = {"weights": self.weights, "bias": self.bias, "strength": np.array([self.strength])}
        return self.terms.arrays() | made

    @classmethod
    def load(cls, arrays: Mapping[str, Array]) -> "Content":
        """The content whose `arrays` these are.

        Raises:
            KeyError: one is missing.
        """
        return cls(Terms.load(arrays), arrays["weights"], arrays["bias"], float(arrays["strength"][0]))


def learn(products: Sequence[Product | None], factors: Array, takers: Array) -> Content | None:
    """Learn from the items that somebody took and of which something is known; None where they are too few.

    Args:
        products: of each item; None where nothing is known.
        factors: float32 `(n_items, n_factors)`, of a model.
        takers: int `(n_items,)`, how many took each; an item counts as `ln(1 + takers)` in the regression.
    """
    known = np.array([product is not None for product in products], bool) & (takers > 0)
    known &= np.isfinite(factors).all(axis=1)
    order = np.flatnonzero(known)
    order = np.sort(order[np.argsort(-takers[order], kind="stable")[:MOST_ITEMS]])
    chosen = [product for at in order.tolist() if (product := products[at]) is not None]
    if len(chosen) < LEAST_ITEMS:
        return None
    terms = Terms.of(chosen)
    rows = terms.matrix(chosen)
    there = np.diff(rows.indptr) > 0
    if there.sum() < LEAST_ITEMS:
        return None
    reduce = _reduction(rows[there])
    reduced = np.asarray(rows[there] @ reduce, np.float64)
    weights, bias, strength = regress(reduced, factors[order[there]], takers[order[there]])
    return Content(terms, (reduce @ weights).astype(np.float32), bias.astype(np.float32), strength)


def regress(features: Array, factors: Array, takers: Array) -> tuple[Array, Array, float]:
    """Map feature vectors to factors: weights `(d, n_factors)`, bias `(n_factors,)` and the strength of the ridge.

    Args:
        features: `(n_items, d)`.
        factors: `(n_items, n_factors)`.
        takers: `(n_items,)`, how many took each; an item counts as `ln(1 + takers)`.
    """
    return _ridge(features.astype(np.float64), factors.astype(np.float64), np.log1p(takers.astype(np.float64)))


def _reduction(rows: csr_matrix) -> Array:
    """The right singular vectors of the greatest singular values: float64 `(n_terms, d)`, d at most `DIMENSIONS`."""
    most = min(DIMENSIONS, min(rows.shape) - 1)
    if most < 1:
        return np.eye(rows.shape[1], 1)
    start = np.random.default_rng(0).normal(size=min(rows.shape))
    _, values, vectors = svds(rows.astype(np.float64), k=most, v0=start)
    return np.ascontiguousarray(vectors[values > 1e-9 * values.max()].T)


def _ridge(features: Array, targets: Array, counted: Array) -> tuple[Array, Array, float]:
    """Ridge regression with a bias that is not held down: weights `(d, n_factors)`, bias `(n_factors,)` and the strength.

    Args:
        features: `(n, d)`.
        targets: `(n, n_factors)`.
        counted: `(n,)`, how much each row counts.
    """
    share = counted[:, None] / counted.sum()
    center, middle = (features * share).sum(axis=0), (targets * share).sum(axis=0)
    root = np.sqrt(counted)[:, None]
    left, values, right = np.linalg.svd(root * (features - center), full_matrices=False)
    wanted = root * (targets - middle)
    turned = left.T @ wanted
    of_bias = (root[:, 0] ** 2) / counted.sum()  # what a row of itself makes of the two means

    def left_out(strength: float) -> float:
        shrunk = values**2 / (values**2 + strength)
        rest = wanted - left @ (shrunk[:, None] * turned)
        own = np.minimum((left**2) @ shrunk + of_bias, 1 - 1e-9)
        return float(((rest / (1 - own)[:, None]) ** 2).sum())

    strength = min(STRENGTHS, key=left_out)
    weights = right.T @ ((values / (values**2 + strength))[:, None] * turned)
    return weights, middle - center @ weights, strength
