"""Standard scores: `(score - mean) / standard deviation` over all items of a user, by which scores of different models add up."""

from typing import Any

import numpy as np

from tidemark.models import ranking

Array = np.ndarray[Any, Any]

LEAST_SHARE, LEAST = 1e-6, 1e-30
"""Of the mean, and at all: a deviation that is less is what rounding leaves of equal scores, and no difference."""


def standardised(scores: Array, known: Array) -> tuple[Array, Array]:
    """`(score - mean) / standard deviation`, over all items of a row.

    Args:
        scores: float32 `(m, n_items)`, written over. A gap (-inf) is 0: to a model of neighbours, nothing speaks for it.
        known: boolean `(m,)`, for whom the scores mean something; others get zeros, as rows of equal scores do.

    Returns:
        z float32 `(m, n_items)`, and float32 `(m,)` the z of a score of 0: that of an item which took part in nothing.
    """
    np.copyto(scores, 0, where=scores < ranking.LEAST)
    scores[~known] = 0
    mean, by = centred(scores)
    scores *= by[:, np.newaxis]
    return scores, -mean * by


def centred(scores: Array) -> tuple[Array, Array]:
    """The mean of each row, which is taken off `scores`, and `1 / standard deviation`, 0 where all are equal; `(m,)` each."""
    mean = scores.mean(axis=1)
    scores -= mean[:, np.newaxis]
    deviation = np.sqrt(np.einsum("mi,mi->m", scores, scores) / np.float32(max(scores.shape[1], 1)))
    return mean, scale(mean, deviation)


def scale(mean: Array, deviation: Array) -> Array:
    """`1 / deviation`, float32 `(m,)`; 0 where all scores are equal."""
    differ = deviation > np.maximum(LEAST_SHARE * np.abs(mean), LEAST)
    return np.where(differ, 1 / np.where(differ, deviation, 1), 0).astype(np.float32)
