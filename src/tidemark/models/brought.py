"""Brought: the best items of many users, and which member of a blend brought each of them.

A member brings an item if its part of the score is the greatest: told while the parts are at hand, so that nobody is scored
twice for it.
"""

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tidemark.models import ranking, variety

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

    from tidemark.models.interface import Fitted

Array = np.ndarray[Any, Any]

NOBODY = -1
"""In place of a member: there is no item, or no member knows the user."""

USERS = 1 << 16
"""Users at once: their candidates are held."""


def greatest(parts: Sequence[Array], items: Array) -> Array:
    """The place of the greatest of `parts` at each of `items`.

    Args:
        parts: one or more of float32 `(m, n_items)`; a row of -inf: that member does not know the user.
        items: int `(m, n)`, `ranking.NONE` where there is none.

    Returns:
        int8 `(m, n)`: the first of equal ones, `NOBODY` where there is no item or no part.
    """
    shares = [np.take_along_axis(part, np.maximum(items, 0), axis=1) for part in parts]
    nobody = (items == ranking.NONE) | np.isneginf(np.maximum.reduce(shares))
    return np.where(nobody, NOBODY, np.argmax(shares, axis=0)).astype(np.int8)


def recommend(
    fitted: "Fitted",
    user_nums: Array,
    n: int,
    seen: "csr_matrix",
    diversity: float = 0.0,
    known: Array | None = None,
    threads: int | None = None,
) -> tuple[Array, Array, Array | None]:
    """What `interface.recommend` gives, and who brought it; users are taken `USERS` at a time.

    Returns:
        items int32, scores float32 and int8 places in `Fitted.member_names`, `NOBODY` among them, each
        `(len(user_nums), n)`; None in place of the last where `fitted` is no blend.
    """
    blocks = [
        _recommend(fitted, user_nums[start : start + USERS], n, seen, diversity, known, threads)
        for start in range(0, max(len(user_nums), 1), USERS)
    ]
    items, scores, by = zip(*blocks, strict=True)
    return np.concatenate(items), np.concatenate(scores), np.concatenate(by) if fitted.member_names() else None


def _recommend(
    fitted: "Fitted",
    user_nums: Array,
    n: int,
    seen: "csr_matrix",
    diversity: float,
    known: Array | None,
    threads: int | None,
) -> tuple[Array, Array, Array]:
    depth = variety.candidates(n, diversity)
    by = np.full((len(user_nums), depth), NOBODY, np.int8)
    parts: dict[int, Sequence[Array]] = {}  # of the block that each thread has scored

    def scores(users: Array) -> Array:
        block, parts[threading.get_ident()] = fitted.scores_and_parts(users)
        return block

    def listed(rows: slice, items: Array) -> None:
        if fitted.member_names():
            by[rows, : items.shape[1]] = greatest(parts.pop(threading.get_ident()), items)

    candidates = ranking.top_n(scores, user_nums, depth, seen, known, threads, listed)
    items, best, at = variety.listed(*candidates, fitted.factors_of_items() if diversity else None, diversity, n)
    return items, best, np.where(at == ranking.NONE, NOBODY, np.take_along_axis(by, np.maximum(at, 0), axis=1))
