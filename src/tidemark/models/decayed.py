"""Decayed: another recommender, fitted on weights that fall with the age of the interaction."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tidemark.models.alignment import Places
from tidemark.models.interface import Fitted, Learned, Likeness, Recommender, part_of, prefixed
from tidemark.models.pairs import Pairs
from tidemark.models.popularity import Popularity
from tidemark.models.recency import Clock
from tidemark.models.user_history import History

if TYPE_CHECKING:
    from tidemark.models.pair_rows import PairRows

Array = np.ndarray[Any, Any]

INNER, TIMES = "recommender", "times"


@dataclass(frozen=True)
class FittedDecayed(Fitted):
    """What was learned from decayed weights, and the clock by which a history's weights decay.

    Args:
        inner: what the recommender learned.
        clock: of the pairs that it learned from.
        half_life: see `Decayed`.
    """

    inner: Fitted
    clock: Clock
    half_life: float

    def scores(self, user_nums: Array) -> Array:
        """See `Fitted.scores`."""
        return self.inner.scores(user_nums)

    def standardised_scores_of(self, user_nums: Array) -> tuple[Array, Array]:
        """See `Fitted.standardised_scores_of`."""
        return self.inner.standardised_scores_of(user_nums)

    def scores_of_history(self, history: History) -> Array | None:
        """See `Fitted.scores_of_history`: what is newer than the model counts whole."""
        return self.inner.scores_of_history(self._aged(history))

    def best_of_history(self, history: History, allowed: Array, n: int) -> tuple[Array, Array] | None:
        """See `Fitted.best_of_history`."""
        return self.inner.best_of_history(self._aged(history), allowed, n)

    def arrays(self) -> dict[str, Array]:
        """Those of the recommender as `recommender/<name>`, and `times` of the clock."""
        return prefixed(INNER, self.inner.arrays()) | {TIMES: self.clock.times}

    def history_arrays(self) -> dict[str, Array]:
        """See `arrays`."""
        return prefixed(INNER, self.inner.history_arrays()) | {TIMES: self.clock.times}

    def reads_histories(self) -> bool:
        """See `Fitted.reads_histories`."""
        return self.inner.reads_histories()

    def contributions(self, history: History, items: Array) -> Array | None:
        """See `Fitted.contributions`."""
        return self.inner.contributions(self._aged(history), items)

    def likeness(self, item: int) -> Likeness | None:
        """See `Fitted.likeness`."""
        return self.inner.likeness(item)

    def aligned(self, users: Places, items: Places) -> "FittedDecayed":
        """See `Fitted.aligned`."""
        return replace(self, inner=self.inner.aligned(users, items))

    def knows(self, user_nums: Array) -> Array:
        """See `Fitted.knows`."""
        return self.inner.knows(user_nums)

    def factors_of_items(self) -> Array | None:
        """See `Fitted.factors_of_items`."""
        return self.inner.factors_of_items()

    def factors_of_users(self, user_nums: Array) -> Array | None:
        """See `Fitted.factors_of_users`."""
        return self.inner.factors_of_users(user_nums)

    def factor_of_history(self, history: History) -> Array | None:
        """See `Fitted.factor_of_history`: what is newer than the model counts whole."""
        return self.inner.factor_of_history(self._aged(history))

    def of_users(self, pairs: Pairs) -> "FittedDecayed":
        """See `Fitted.of_users`."""
        return replace(self, inner=self.inner.of_users(_aged(self.clock, self.half_life, pairs)))

    def _aged(self, history: History) -> History:
        """The history with decayed weights."""
        return replace(history, weights=_decayed(self.clock, self.half_life, history.weights, history.timestamps))


@dataclass(frozen=True)
class Decayed(Recommender):
    """`recommender`, with each weight times `2^(-age / half_life)`.

    Args:
        recommender: one that makes something of weights, as ALS does.
        half_life: share of all pairs that are newer, at which an interaction counts half (above 0).
    """

    recommender: Recommender
    half_life: float = 0.5

    name = "decayed"
    fallback = Popularity()
    needs_times = True

    def fit(self, pairs: Pairs) -> FittedDecayed:
        """See `Recommender.fit`; of pairs without times it learns what the recommender itself does."""
        return self.fit_on(pairs, None)

    def fit_on(self, pairs: Pairs, earlier: Learned | None) -> FittedDecayed:
        """See `Recommender.fit_on`: as the recommender does."""
        clock = Clock.of(pairs.timestamp)
        aged = _aged(clock, self.half_life, pairs)
        inner = None
        if earlier and isinstance(earlier.recommender, Decayed) and isinstance(earlier.fitted, FittedDecayed):
            inner = Learned(earlier.recommender.recommender, earlier.fitted.inner)
        return FittedDecayed(self.recommender.fit_on(aged, inner), clock, self.half_life)

    def fit_rows(self, rows: "PairRows") -> dict[str, Array]:
        """See `Recommender.fit_rows`."""
        learned = self.recommender.fit_rows(rows.decayed(self.half_life))
        return prefixed(INNER, learned) | {TIMES: rows.clock.times}

    def why_not_rows(self, n_items: int) -> str:
        """See `Recommender.why_not_rows`."""
        return self.recommender.why_not_rows(n_items)

    def load(self, arrays: Mapping[str, Array]) -> FittedDecayed:
        """See `Recommender.load`."""
        return FittedDecayed(self.recommender.load(part_of(arrays, INNER)), Clock(arrays[TIMES]), self.half_life)

    def load_for_histories(self, arrays: Mapping[str, Array]) -> FittedDecayed:
        """See `Recommender.load_for_histories`."""
        inner = self.recommender.load_for_histories(part_of(arrays, INNER))
        return FittedDecayed(inner, Clock(arrays[TIMES]), self.half_life)

    def with_given(self, given: Mapping[str, Any]) -> "Decayed":
        """See `Recommender.with_given`: what is given is the recommender's."""
        return replace(self, recommender=self.recommender.with_given(given))


def _aged(clock: Clock, half_life: float, pairs: Pairs) -> Pairs:
    """The pairs with decayed weights."""
    return replace(pairs, weight=_decayed(clock, half_life, pairs.weight, pairs.timestamp))


def _decayed(clock: Clock, half_life: float, weight: Array, timestamp: Array) -> Array:
    """The decayed weights, float32 `(n,)`."""
    return np.asarray(weight * clock.remaining(timestamp, half_life), np.float32)
