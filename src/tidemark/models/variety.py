"""Variety: lists whose items are less alike, by maximal marginal relevance (Carbonell and Goldstein 1998).

A list grows by the item with the greatest

    (1 - diversity) x relevance - diversity x max(0, greatest cosine to an item that is listed already)

where relevance is the score, from 1 of a user's best candidate down to 0 of the last, and the cosine that of the vectors of
two items. Such a value never rises along a list, so it takes the place of the score; and a shorter list is the beginning of a
longer one.
"""

from typing import Any

import numpy as np

from tidemark.models import ranking

Array = np.ndarray[Any, Any]

CANDIDATES = 200
"""The best items of a user, of which the list is made, however short it is: so that a shorter one is its beginning."""

ROWS = 256
"""Users at once: their candidates' vectors are held."""


def candidates(n: int, diversity: float) -> int:
    """How many of the best items a list of `n` is made of."""
    return max(n, CANDIDATES) if diversity else n


def places(items: Array, scores: Array, vectors: Array, diversity: float, n: int) -> tuple[Array, Array]:
    """Which candidates are listed, in what order.

    Args:
        items: int `(m, c)`, candidates, best first, then `ranking.NONE`.
        scores: float32 `(m, c)`, -inf in the place of `NONE`.
        vectors: float32 `(n_items, d)`, whatever their lengths; 0 where nothing is known of an item: it is like none.
        diversity: 0 (by score alone) to 1.
        n: how many are listed.

    Returns:
        places int `(m, n)` in a row of `items`, `ranking.NONE` where no candidate is left; and the values float32, -inf
        there. Of equal ones the better score comes first.
    """
    out = np.full((len(items), n), ranking.NONE), np.full((len(items), n), -np.inf, np.float32)
    for start in range(0, len(items), ROWS):
        part = slice(start, start + ROWS)
        for whole, found in zip(out, _places(items[part], scores[part], vectors, diversity, n), strict=True):
            whole[part, : found.shape[1]] = found
    return out


def _places(items: Array, scores: Array, vectors: Array, diversity: float, n: int) -> tuple[Array, Array]:
    own = vectors[np.maximum(items, 0)]
    lengths = np.linalg.norm(own, axis=2, keepdims=True)
    towards = np.divide(own, lengths, out=np.zeros_like(own), where=lengths > 0)
    wanted = np.where(items != ranking.NONE, (1 - diversity) * relevance(scores), -np.inf).astype(np.float32)
    alike = np.zeros_like(wanted)
    rows, length = np.arange(len(items)), min(n, items.shape[1])
    chosen, values = np.empty((len(items), length), np.int64), np.empty((len(items), length), np.float32)
    for place in range(length):
        value = wanted - np.float32(diversity) * alike
        chosen[:, place] = best = value.argmax(axis=1)
        values[:, place] = value[rows, best]
        wanted[rows, best] = -np.inf
        np.maximum(alike, np.einsum("mcd,md->mc", towards, towards[rows, best]), out=alike)
    return np.where(np.isneginf(values), ranking.NONE, chosen), values


def relevance(scores: Array) -> Array:
    """`scores` `(m, c)`, falling, then -inf, as 1 for the first of a row to 0 for its last, and for what is -inf; 1 where all
    are equal."""
    last = np.where(np.isneginf(scores), np.inf, scores).min(axis=1, keepdims=True)
    width = scores[:, :1] - last
    safe = np.where(np.isfinite(width) & (width > 0), width, 1)
    with np.errstate(invalid="ignore"):
        return np.where(np.isneginf(scores), 0, np.where(width > 0, (scores - last) / safe, 1))


def listed(items: Array, scores: Array, vectors: Array | None, diversity: float, n: int) -> tuple[Array, Array, Array]:
    """The list of each user, and where each item stood among the candidates.

    Args:
        items, scores: as `places` takes them.
        vectors: float32 `(n_items, d)` of the items; None: nothing is known of them, and the score alone decides.
        diversity, n: as `places` takes them.

    Returns:
        items int32, values float32 and places, `(m, n)` each, `ranking.NONE` and -inf where nothing is left.
    """
    if vectors is None or not diversity:
        at = np.where(items[:, :n] == ranking.NONE, ranking.NONE, np.arange(items[:, :n].shape[1]))
        return items[:, :n], scores[:, :n], at
    at, values = places(items, scores, vectors, diversity, n)
    chosen = np.take_along_axis(items, np.maximum(at, 0), axis=1)
    return np.where(at == ranking.NONE, ranking.NONE, chosen).astype(np.int32), values, at
