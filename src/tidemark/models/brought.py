"""Brought: the best items of many users, and which member of a blend brought each of them.

A member brings an item if its part of the score is the greatest: told while the parts are at hand, so that nobody is scored
twice for it.
"""

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tidemark.models import ranking

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

    from tidemark.models.interface import Fitted

Array = np.ndarray[Any, Any]

NOBODY = -1
"""In place of a member: there is no item, or no member knows the user."""


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


def recommend(fitted: "Fitted", user_nums: Array, n: int, seen: "csr_matrix") -> tuple[Array, Array, Array | None]:
    """What `interface.recommend` gives, and who brought it.

    Returns:
        items int32, scores float32 and int8 places in `Fitted.member_names`, `NOBODY` among them, each
        `(len(user_nums), n)`; None in place of the last where `fitted` is no blend.
    """
    by = np.full((len(user_nums), n), NOBODY, np.int8) if fitted.member_names() else None
    parts: dict[int, Sequence[Array]] = {}  # of the block that each thread has scored

    def scores(users: Array) -> Array:
        block, parts[threading.get_ident()] = fitted.scores_and_parts(users)
        return block

    def listed(rows: slice, items: Array) -> None:
        if by is not None:
            by[rows, : items.shape[1]] = greatest(parts.pop(threading.get_ident()), items)

    items, best = ranking.top_n(scores, user_nums, n, seen, listed=listed)
    return items, best, by
