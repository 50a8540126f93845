"""Blend weights: what each member of a blend should carry, by what a validation slice can prove.

The members' z-scores are taken once, at the items that any member would list; every weighting is then a sum over these
few. Chosen is the one with the greatest lower bound of its lead over the first member alone, the one-sided 95 % bound
that the gate goes by (`promotion.lead`), here of the normal distribution: without evidence the first member stays alone.
"""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from tidemark.evaluation import evidence, ranking_metrics
from tidemark.models import ranking
from tidemark.models.blend import FittedBlend
from tidemark.models.pairs import Pairs

Array = np.ndarray[Any, Any]

STEPS = 5
"""Parts into which the whole weight is divided: 126 weightings of five members."""

DEPTH = 50
"""Items of each member that a weighting may bring to the top."""

ONE_SIDED = 1.64
"""Standard errors between a mean and its one-sided 95 % bound."""


@dataclass(frozen=True)
class Unions:
    """The items that any member would list for each validation user, and what all members say of them.

    Args:
        items: int32 `(u, c)`, ascending; `ranking.NONE` where there is none.
        z: float32 `(members, u, c)`.
        hit: boolean `(u, c)`, whether the user took the item.
        n_true: int `(u,)`, items that the user took, listed or not.
    """

    items: Array
    z: Array
    hit: Array
    n_true: Array

    def ndcg(self, weights: Sequence[float]) -> Array:
        """NDCG@10 of each user by these weights, float64 `(u,)`; equal scores by the lower item number.

        Only the places of the items that were taken are needed, so nothing is sorted: an item's place is the number of those
        before it.
        """
        users, columns, z, absent = self._with_hits
        scores = np.tensordot(np.asarray(weights, np.float32), z, axes=1)
        scores[absent] = -np.inf
        own = scores[np.arange(len(users)), columns][:, np.newaxis]
        before = (scores > own) | ((scores == own) & (np.arange(scores.shape[1]) < columns[:, np.newaxis]))
        place = before.sum(axis=1)
        hit = np.zeros((len(self.n_true), min(10, self.items.shape[1])), bool)
        high = place < hit.shape[1]
        hit[users[high], place[high]] = True
        return ranking_metrics.ndcg(hit, self.n_true, 10)

    @cached_property
    def _with_hits(self) -> tuple[Array, Array, Array, Array]:
        """Of each item that was taken: its user's row and its column, int `(h,)`; z `(members, h, c)` of the whole row, and
        where that has no item, boolean `(h, c)`."""
        users, columns = np.nonzero(self.hit)
        return users, columns, np.take(self.z, users, axis=1), self.items[users] == ranking.NONE


def unions(blend: FittedBlend, users: Array, train: Pairs, held: Pairs) -> Unions:
    """The unions of the members' `DEPTH` best unseen items.

    Args:
        blend: fitted on `train`; its own weights mean nothing here.
        users: int `(u,)`, validation users.
        train, held: both sides of the validation split.
    """
    n_items = train.shape[1]
    depth = min(DEPTH, n_items)
    shape = (len(users), depth * len(blend.members))
    items, z = np.empty(shape, np.int32), np.empty((len(blend.members), *shape), np.float32)
    unknown = np.flatnonzero(train.item_counts == 0)
    rows = max(1, ranking.rows_a_block(n_items) // len(blend.members))

    def fill(start: int) -> None:
        part = slice(start, start + rows)
        blocks = [block for block, _ in blend.standardised_scores(users[part])]
        for block in blocks:
            ranking.mask(block, users[part], train.weights)
            block[:, unknown] = -np.inf
        listed = np.sort(np.concatenate([ranking.select(block, depth)[0] for block in blocks], axis=1), axis=1)
        listed[:, 1:][listed[:, 1:] == listed[:, :-1]] = ranking.NONE
        items[part] = np.sort(listed, axis=1)
        for member, block in enumerate(blocks):
            z[member, part] = np.take_along_axis(block, np.maximum(items[part], 0), axis=1)

    with threadpool_limits(1, "blas"), ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        list(pool.map(fill, range(0, len(users), rows)))
    z[:, items == ranking.NONE] = 0
    return Unions(items, z, ranking_metrics.hits(items, users, held.weights), held.user_counts[users])


def simplex(members: int, steps: int = STEPS) -> Iterator[tuple[float, ...]]:
    """All weights of `members` in steps of `1 / steps` that add up to 1; those of the first member fall."""

    def parts(left: int, n: int) -> Iterator[tuple[int, ...]]:
        if n == 1:
            yield (left,)
            return
        for first in range(left, -1, -1):
            yield from ((first, *rest) for rest in parts(left - first, n - 1))

    return (tuple(part / steps for part in whole) for whole in parts(steps, members))


@dataclass(frozen=True)
class Weighting:
    """What one weighting reached.

    Args:
        weights: of each member.
        ndcg_at_10: mean over the validation users.
        lead: the mean of what each user gains on the first member alone.
        bound: its lower bound; 0 for the first member alone.
    """

    weights: tuple[float, ...]
    ndcg_at_10: float
    lead: float
    bound: float


def weigh(periods: Sequence[Unions], members: int) -> list[Weighting]:
    """Every weighting of `members`, the first member alone first, over the users of all validation periods together.

    A user measured in two periods counts twice, as what is measured of them is. Below `evidence.LEAST` users only the first
    member alone is there: nothing can be concluded.
    """
    users = sum(len(period.n_true) for period in periods)
    out: list[Weighting] = []
    alone: Array | None = None
    for weights in simplex(members):
        ndcg = np.concatenate([period.ndcg(weights) for period in periods])
        if alone is None:
            alone = ndcg
        gain = ndcg - alone
        error = float(gain.std(ddof=1)) / users**0.5 if users > 1 else 0.0
        lead = float(gain.mean())
        out.append(Weighting(weights, float(ndcg.mean()), lead, lead - ONE_SIDED * error))
        if users < evidence.LEAST:
            break
    return out


def proven(weightings: Sequence[Weighting]) -> Weighting:
    """The one with the greatest lower bound; of equal ones the first, so the first member alone where nothing leads it."""
    return max(weightings, key=lambda weighting: weighting.bound)
