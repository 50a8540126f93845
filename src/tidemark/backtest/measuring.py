"""Measuring one origin: a model of then at each lag after it, beside one that is trained anew, and over shorter windows."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from tidemark.backtest.origins import LAGS, Plan
from tidemark.evaluation import ranking_metrics, splits
from tidemark.models import fallback, ranking, user_history
from tidemark.models.interface import Fitted, Recommender, recommend
from tidemark.models.pairs import Pairs

Array = np.ndarray[Any, Any]

USERS = 2_000
"""Users measured at each lag, at most: drawn by a seed."""

WINDOWS = (0.25, 0.5, 1.0)
"""Shares of what there is at an origin, the newest of it, that a model is trained on."""

STALE, FOLDED, FRESH = "stale", "folded", "fresh"
"""The lists of then; the same with what came since folded in, as the shop serves them; and those of a model trained anew."""


@dataclass(frozen=True)
class Moment:
    """A moment of the past: what was known, what came next, and who is measured by it.

    Args:
        known, next: pairs of both sides, over the ids of all.
    """

    known: Pairs
    next: Pairs

    @cached_property
    def users(self) -> Array:
        """int64 `(u,)`, ascending."""
        both = ranking_metrics.users_of_both(self.known, self.next)
        return ranking_metrics.drawn(both, USERS)

    def ndcg(self, lists: Array) -> Array:
        """NDCG@10 of each user, float64 `(u,)`, of their lists int32 `(u, 10)`."""
        hit = ranking_metrics.hits(lists, self.users, self.next.weights)
        return ranking_metrics.ndcg(hit, self.next.user_counts[self.users], 10)

    def lists(self, fitted: Fitted, learned: Pairs) -> Array:
        """What a model that has learned from `learned` lists, of the items that it knows and the users do not have."""
        return recommend(fitted, self.users, 10, self.known.weights, learned.item_counts > 0)[0]


class Past:
    """The pairs in the order of time."""

    def __init__(self, pairs: Pairs, plan: Plan) -> None:
        """Nothing is copied yet."""
        self.pairs, self.plan, self._order = pairs, plan, splits.oldest_first(pairs)

    def part(self, start: int, end: int) -> Pairs:
        """The pairs from the `start`-th oldest on, before the `end`-th."""
        chosen = np.zeros(len(self.pairs), bool)
        chosen[self._order[start:end]] = True
        return self.pairs.take(chosen)

    def moment(self, origin: int, lag: int) -> Moment:
        """`lag` marks after an origin at which there were `origin` pairs."""
        at = origin + lag * self.plan.mark
        return Moment(self.part(0, at), self.part(at, at + self.plan.test))


@dataclass(frozen=True)
class Trained:
    """A model, what it learned from, and the seconds of CPU that this took."""

    fitted: Fitted
    learned: Pairs
    cpu_seconds: float


def train(recommender: Recommender, pairs: Pairs) -> Trained:
    """`recommender` as it would go live, fitted on `pairs`."""
    begun = time.process_time()
    fitted = fallback.fit(recommender, pairs)
    return Trained(fitted, pairs, time.process_time() - begun)


def lags(past: Past, origin: int, recommender: Recommender, then: Trained) -> dict[int, dict[str, Array]]:
    """NDCG@10 of each measured user, by lag: `{STALE, FOLDED, FRESH: (u,), "cpu_seconds": (1,)}`.

    Args:
        past: what there is.
        origin: how many pairs `then` has learned from.
        recommender: is trained anew at each lag.
        then: the model of the origin.
    """
    out: dict[int, dict[str, Array]] = {}
    for lag in LAGS:
        moment = past.moment(origin, lag)
        anew = then if lag == 0 else train(recommender, moment.known)
        stale = moment.lists(then.fitted, then.learned)
        out[lag] = {
            STALE: moment.ndcg(stale),
            FOLDED: moment.ndcg(folded(moment, then, stale)),
            FRESH: moment.ndcg(moment.lists(anew.fitted, anew.learned)),
            "cpu_seconds": np.array([anew.cpu_seconds]),
        }
    return out


def folded(moment: Moment, then: Trained, stale: Array) -> Array:
    """`stale` `(u, 10)`, with the lists of those who did something since scored from their whole history, as the shop does."""
    lists = stale.copy()
    untaken = then.learned.item_counts == 0
    newer = np.flatnonzero(moment.known.user_counts[moment.users] > then.learned.user_counts[moment.users])
    for row in newer.tolist():
        had = user_history.of_user(moment.known, int(moment.users[row]))
        scores = then.fitted.scores_of_history(had)
        if scores is None:
            continue
        scores[untaken] = -np.inf
        scores[had.items] = -np.inf
        found = ranking.best(scores, lists.shape[1])
        lists[row] = ranking.NONE
        lists[row, : len(found)] = found
    return lists


def windows(past: Past, origin: int, recommender: Recommender, then: Trained) -> dict[float, dict[str, Array]]:
    """NDCG@10 of each measured user at the origin, by the share of the pairs that was learned from: `{"ndcg": (u,),
    "cpu_seconds": (1,), "pairs": (1,)}`."""
    moment, out = past.moment(origin, 0), {}
    for share in WINDOWS:
        one = then if share == 1 else train(recommender, past.part(origin - max(1, round(origin * share)), origin))
        ndcg = moment.ndcg(moment.lists(one.fitted, one.learned))
        out[share] = {
            "ndcg": ndcg,
            "cpu_seconds": np.array([one.cpu_seconds]),
            "pairs": np.array([len(one.learned)]),
        }
    return out


def flat(found: Mapping[Any, Mapping[str, Array]], what: str) -> dict[str, Array]:
    """The arrays as one file holds them: `<what>/<key>/<name>`."""
    return {f"{what}/{key}/{name}": array for key, arrays in found.items() for name, array in arrays.items()}
