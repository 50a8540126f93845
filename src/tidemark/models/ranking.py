"""The best N unseen items of many users: score a block of users, mask what they have, select, sort."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

Array = np.ndarray[Any, Any]

BLOCK_BYTES = 24 * 2**20
"""Scores held at once by each thread: large enough for BLAS, small enough for any machine."""

LEAST = np.finfo(np.float32).min
"""Anything lower is -inf: not to be recommended."""

MANY = 2**17
"""Items from which on it pays to leave out what cannot be among the best: fewer are scored within a millisecond."""

PICKED = 4
"""A vector that is picked out takes as long as so many that are read in turn."""

PROBED, CHUNK = 64, 4096
"""One in so many vectors, the longest, is scored first; and vectors that are picked out at once."""

NONE = -1
"""The item number of a place that no item fills: the user has nearly the whole catalogue."""


def top_n(
    scores: Callable[[Array], Array],
    user_nums: Array,
    n: int,
    seen: csr_matrix,
    known: Array | None = None,
    threads: int | None = None,
    listed: Callable[[slice, Array], None] | None = None,
) -> tuple[Array, Array]:
    """The `n` best items of each user that `seen` does not hold.

    Args:
        scores: `(b,)` user numbers -> a new float32 array `(b, n_items)`; may be written to.
        user_nums: int `(m,)`, rows of `seen`.
        n: items for each user.
        seen: CSR `(n_users, n_items)`; every stored entry is an item not to recommend.
        known: boolean `(n_items,)`, the items that may be recommended at all; None: every one.
        threads: blocks scored at once; None: one for each core.
        listed: is told the items `(b, min(n, n_items))` of each block and its rows, by the thread that scored it.

    Returns:
        items int32 `(m, n)`, best first, ties by the lower number, `NONE` where nothing is left;
        scores float32 `(m, n)`, -inf there.
    """
    n_items = seen.shape[1]
    items = np.full((len(user_nums), n), NONE, np.int32)
    best = np.full((len(user_nums), n), -np.inf, np.float32)
    rows = rows_a_block(n_items)
    unknown = None if known is None or known.all() else np.flatnonzero(~known)

    def fill(start: int) -> None:
        part = slice(start, start + rows)
        block = scores(user_nums[part])
        mask(block, user_nums[part], seen)
        if unknown is not None:
            block[:, unknown] = -np.inf
        chosen, values = select(block, min(n, n_items))
        items[part, : chosen.shape[1]], best[part, : chosen.shape[1]] = chosen, values
        if listed is not None:
            listed(part, chosen)

    # One BLAS thread in each of our own: the blocks are the parallelism.
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
        list(pool.map(fill, range(0, len(user_nums), rows)))
    return items, best


def top_n_of_all(
    scores: Array, user_nums: Array, n: int, seen: csr_matrix, known: Array | None = None
) -> tuple[Array, Array]:
    """What `top_n` gives where the scores `(n_items,)` are everybody's: ranked once, and what a user has left out.

    Args:
        scores: float32 `(n_items,)`.
        user_nums, n, seen, known: see `top_n`.
    """
    able = scores >= LEAST if known is None else known & (scores >= LEAST)
    order = np.flatnonzero(able)
    order = order[np.lexsort((order, -scores[order]))].astype(np.int32)
    place = np.full(len(scores), len(order), np.int64)
    place[order] = np.arange(len(order))
    items, best = np.full((len(user_nums), n), NONE, np.int32), np.full((len(user_nums), n), -np.inf, np.float32)
    had = np.diff(seen.indptr)[user_nums]
    by_had = np.argsort(had, kind="stable")  # so that who has much makes the block of few others wide
    start = 0
    while start < len(by_had):
        rows = max(1, min(2048, BLOCK_BYTES // max(1, n + int(had[by_had[start]]))))
        part = by_had[start : start + rows]
        width = min(len(order), n + int(had[part[-1]]))
        taken = np.zeros((len(part), width), bool)
        _mark(taken, place, user_nums[part], seen)
        first = np.argsort(taken, axis=1, kind="stable")[:, :n]
        free = ~np.take_along_axis(taken, first, axis=1)
        items[part, : first.shape[1]] = np.where(free, order[first], NONE)
        best[part, : first.shape[1]] = np.where(free, scores[order[first]], -np.inf)
        start += rows
    return items, best


def _mark(taken: Array, place: Array, user_nums: Array, seen: csr_matrix) -> None:
    """Set to true, in `taken` `(m, width)`, the places of what each user has."""
    rows, items = _entries(user_nums, seen)
    inside = place[items] < taken.shape[1]
    taken[rows[inside], place[items[inside]]] = True


def rows_a_block(n_items: int) -> int:
    """Users who are scored at once."""
    return max(1, min(2048, BLOCK_BYTES // (4 * max(n_items, 1))))


def best(scores: Array, n: int) -> Array:
    """The numbers int64 of the `n` greatest of `scores` `(n_items,)`, greatest first, ties by the lower number.

    What is below `LEAST` or no number at all is never among them, so there may be fewer.
    """
    able = np.flatnonzero(scores >= _floors(scores[np.newaxis], n))
    return able[np.lexsort((able, -scores[able]))[: max(n, 0)]]


def best_products(
    vectors: Array, user: Array, allowed: Array, n: int, lengths: Array, longest: Array
) -> tuple[Array, Array]:
    """The `n` best of the products `vectors @ user`, exactly, without multiplying what cannot be among them.

    No product is greater than the product of the two lengths (Cauchy and Schwarz). So the n-th best of the longest vectors
    leaves out whatever is too short to reach it; where most may reach it, as of vectors of one length, all are multiplied.

    Args:
        vectors: float32 `(n_items, d)`, all of them finite.
        user: float32 `(d,)`.
        allowed: boolean `(n_items,)`.
        n: how many.
        lengths: float32 `(n_items,)`, of the vectors.
        longest: numbers of the longest vectors, one in `PROBED`.

    Returns:
        numbers int64, best first, ties by the lower number, and their products float32; fewer where fewer are allowed.
    """
    first = longest[allowed[longest]]
    floor = np.partition(_picked(vectors, first, user), -n)[-n] if 0 < n <= len(first) else LEAST
    # With room for what rounding makes of either side; of no floor above 0, nothing is too short.
    least = floor / (np.linalg.norm(user) * np.float32(1.0001)) if floor > 0 else np.float32(0)
    able = allowed & (lengths >= least)
    if np.count_nonzero(able) * PICKED < len(vectors):
        numbers = np.flatnonzero(able)
        products = _picked(vectors, numbers, user)
        places = best(products, n)
        return numbers[places], products[places]
    products = vectors @ user
    products[~allowed] = -np.inf
    numbers = best(products, n)
    return numbers, products[numbers]


def _picked(vectors: Array, numbers: Array, user: Array) -> Array:
    """`vectors[numbers] @ user`, float32 `(len(numbers),)`, a few vectors at a time."""
    products = np.empty(len(numbers), np.float32)
    held = np.empty((min(CHUNK, len(numbers)), vectors.shape[1]), np.float32)
    for start in range(0, len(numbers), CHUNK):
        part = numbers[start : start + CHUNK]
        rows = held[: len(part)]
        np.take(vectors, part, axis=0, out=rows, mode="clip")  # by another mode it would be copied twice
        np.matmul(rows, user, out=products[start : start + CHUNK])
    return products


def mask(block: Array, user_nums: Array, seen: csr_matrix) -> None:
    """Set to -inf, in `block` `(m, n_items)`, what each user has."""
    block[_entries(user_nums, seen)] = -np.inf


def _entries(user_nums: Array, seen: csr_matrix) -> tuple[Array, Array]:
    """What each of the users has: places in `user_nums`, and items."""
    starts, ends = seen.indptr[user_nums], seen.indptr[user_nums + 1]
    counts = ends - starts
    rows = np.repeat(np.arange(len(user_nums)), counts)
    offsets = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return rows, seen.indices[np.repeat(starts, counts) + offsets]


def select(block: Array, n: int) -> tuple[Array, Array]:
    """The `n` greatest of each row, greatest first, ties by the lower column: columns int32 and values, `(rows, n)`."""
    rows, columns = block.shape
    row, column = np.divmod(np.flatnonzero(block >= _floors(block, n)[:, np.newaxis]), columns)
    value = block[row, column]
    order = np.lexsort((column, -value, row))
    row, column, value = row[order], column[order], value[order]
    place = np.arange(len(row)) - np.searchsorted(row, np.arange(rows))[row]
    kept = place < n
    chosen, values = np.full((rows, n), NONE, np.int32), np.full((rows, n), -np.inf, np.float32)
    chosen[row[kept], place[kept]], values[row[kept], place[kept]] = column[kept], value[kept]
    return chosen, values


def _floors(block: Array, n: int) -> Array:
    """Of each row of `block`, a number that its `n` greatest reach and few others: float32 `(rows,)`, `LEAST` or more.

    The columns fall into groups; the n-th greatest of the groups' maxima bounds the n-th greatest value from below, so
    that all but a few of a row are put aside by two passes of SIMD instead of a selection over the whole row.
    """
    rows, columns = block.shape
    groups = max(4 * n, columns // 64)
    if n < 1 or columns < 2 * groups:
        return np.full(rows, LEAST, np.float32)
    depth = columns // groups
    # What is no number is never the greatest: `fmax` passes it over, and the first bound stands where all are none.
    grouped = block[:, : depth * groups].reshape(rows, depth, groups)
    maxima = np.fmax.reduce(grouped, axis=1, initial=np.float32(-np.inf))
    floors: Array = np.maximum(np.partition(maxima, -n, axis=1)[:, -n], LEAST)
    return floors
