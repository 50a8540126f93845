"""New items: what nobody has taken yet, ranked for each user by content, and put in stated places of lists.

Every `1 / share`-th place of a list is one of a new item: with a share of a tenth the tenth and the twentieth. A list keeps its
order otherwise; what had stood there moves down.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from tidemark.models import ranking
from tidemark.models.als_implicit import AlsImplicit
from tidemark.models.interface import Fitted
from tidemark.models.pairs import Pairs

Array = np.ndarray[Any, Any]

SPACE, NEW_FACTORS = "space", "new_factors"
"""Before the arrays of `space` in a pack, where it is not the model; and where new items stand in it."""

PLACING = AlsImplicit(factors=16, regularization=30.0, alpha=20.0)
"""What places items and users for content where the model itself places none: moderate settings, few factors."""


def space(fitted: Fitted, pairs: Pairs) -> Fitted:
    """Who places users and items beside each other: `fitted`, or where it does not, `PLACING` fitted on `pairs`."""
    return PLACING.fit(pairs) if fitted.factors_of_items() is None else fitted


def places(n: int, share: float) -> Array:
    """The places, from 0, of a list of `n` that are new items': int `(about n * share,)`."""
    upto = np.floor(np.arange(n + 1) * share + 1e-9)
    return np.flatnonzero(np.diff(upto) > 0)


def best(users: Array, factors: Array, n: int) -> tuple[Array, Array]:
    """The `n` new items that are best for each user.

    Args:
        users: float32 `(m, f)`, vectors of users; zeros: nothing is known, so nothing is best.
        factors: float32 `(n_new, f)`; zeros: nothing is known, so it is not among them.
        n: how many.

    Returns:
        int32 `(m, n)` places in `factors`, best first, `ranking.NONE` where there are no more; their scores float32.
    """
    known = np.abs(factors).sum(axis=1) > 0
    nothing = csr_matrix((len(users), len(factors)), dtype=np.float32)
    chosen, scores = ranking.top_n(
        lambda rows: np.asarray(users[rows] @ factors.T, np.float32), np.arange(len(users)), n, nothing, known
    )
    unknown = np.abs(users).sum(axis=1) == 0
    chosen[unknown], scores[unknown] = ranking.NONE, -np.inf
    return chosen, scores


def placed(items: Array, scores: Array, new: Array, at: Sequence[int] | Array) -> tuple[Array, Array]:
    """Lists with new items in the places `at`; what stood there and after moves down, and the last falls out.

    A new item has the score of what stands before it: scores of two kinds do not compare, and a list's never rise.

    Args:
        items, scores: int32 and float32 `(m, n)`, lists, best first, then `ranking.NONE`.
        new: int32 `(m, >= len(at))`, item numbers, best first, then `ranking.NONE`.
        at: ascending places below n. One that lies beyond the end of a list stays free there.
    """
    items, scores = items.copy(), scores.copy()
    for turn, place in enumerate(at):
        chosen = new[:, turn]
        rows = np.flatnonzero((chosen != ranking.NONE) & (items[:, max(place - 1, 0)] != ranking.NONE))
        items[rows, place + 1 :], scores[rows, place + 1 :] = items[rows, place:-1], scores[rows, place:-1]
        items[rows, place] = chosen[rows]
        scores[rows, place] = scores[rows, max(place - 1, 0)]
    return items, scores
