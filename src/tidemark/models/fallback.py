"""Fallback: one recommender, and another for what it does not know, fitted, scored and kept as one.

Users whom it does not know get what the other has; items that it has no score for come after those that it has, in the order
of the other: whoever is recommended to gets a whole list.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tidemark.models.alignment import Places
from tidemark.models.interface import Fitted, Learned, Likeness, Recommender, part_of, prefixed
from tidemark.models.pairs import Pairs
from tidemark.models.user_history import History

if TYPE_CHECKING:
    from tidemark.models.pair_rows import PairRows

Array = np.ndarray[Any, Any]

FIRST, OTHER = "first", "other"
"""What the arrays of the two parts are prefixed with."""


@dataclass(frozen=True)
class WithFallback(Fitted):
    """`first`, and for the users whom it does not know, and behind the items that it scores, `other`."""

    first: Fitted
    other: Fitted

    def scores(self, user_nums: Array) -> Array:
        """See `Fitted.scores`."""
        return self._completed(self.first.scores(user_nums), user_nums)

    def member_names(self) -> tuple[str, ...]:
        """See `Fitted.member_names`: those of `first`."""
        return self.first.member_names()

    def scores_and_parts(self, user_nums: Array) -> tuple[Array, Sequence[Array]]:
        """See `Fitted.scores_and_parts`: the parts are those of `first`."""
        scores, parts = self.first.scores_and_parts(user_nums)
        return self._completed(scores, user_nums), parts

    def brought_to_history(self, history: History, items: Array) -> Array | None:
        """See `Fitted.brought_to_history`: by members of `first`."""
        return self.first.brought_to_history(history, items)

    def _completed(self, scores: Array, user_nums: Array) -> Array:
        """`scores` of `first`, with those of `other` where it has none; written over."""
        known = self.first.knows(user_nums)
        without, short = np.flatnonzero(~known), np.flatnonzero(known & np.isneginf(scores).any(axis=1))
        if len(without):
            scores[without] = self.other.scores(user_nums[without])
        if len(short):
            scores[short] = _filled(scores[short], self.other.scores(user_nums[short]))
        return scores

    def scores_of_history(self, history: History) -> Array | None:
        """See `Fitted.scores_of_history`."""
        scores = self.first.scores_of_history(history)
        return self.other.scores_of_history(history) if scores is None else scores

    def reads_histories(self) -> bool:
        """See `Fitted.reads_histories`: whether `first` does."""
        return self.first.reads_histories()

    def history_arrays(self) -> dict[str, Array]:
        """See `Fitted.history_arrays`: those of `first`; whoever has no history that says anything is not asked about."""
        return self.first.history_arrays()

    def contributions(self, history: History, items: Array) -> Array | None:
        """See `Fitted.contributions`: those of `first`."""
        return self.first.contributions(history, items)

    def likeness(self, item: int) -> Likeness | None:
        """See `Fitted.likeness`: that of `first`."""
        return self.first.likeness(item)

    def of_users(self, pairs: Pairs) -> "WithFallback":
        """See `Fitted.of_users`."""
        return WithFallback(self.first.of_users(pairs), self.other.of_users(pairs))

    def arrays(self) -> dict[str, Array]:
        """Those of both, as `first/<name>` and `other/<name>`."""
        return prefixed(FIRST, self.first.arrays()) | prefixed(OTHER, self.other.arrays())

    def aligned(self, users: Places, items: Places) -> "WithFallback":
        """See `Fitted.aligned`: a user whom `first` did not know gets what `other` has, as readers would at its time."""
        return WithFallback(self.first.aligned(users, items), self.other.aligned(users, items))

    def knows(self, user_nums: Array) -> Array:
        """See `Fitted.knows`."""
        return self.first.knows(user_nums) | self.other.knows(user_nums)

    def factors_of_items(self) -> Array | None:
        """See `Fitted.factors_of_items`: those of `first`, which is the model."""
        return self.first.factors_of_items()

    def factors_of_users(self, user_nums: Array) -> Array | None:
        """See `Fitted.factors_of_users`: those of `first`."""
        return self.first.factors_of_users(user_nums)

    def factor_of_history(self, history: History) -> Array | None:
        """See `Fitted.factor_of_history`: that of `first`."""
        return self.first.factor_of_history(history)


def _filled(scores: Array, others: Array) -> Array:
    """`scores` `(m, n_items)`, at least 0 where they are not -inf, and in place of each -inf one of (-1, 0), greater where
    `others`, at least 0, is greater."""
    return np.where(np.isneginf(scores), -1 / (1 + others), scores).astype(np.float32)


def fit(recommender: Recommender, pairs: Pairs, earlier: Learned | None = None) -> Fitted:
    """`recommender` fitted on `pairs`, with its fallback if it names one: the model that is measured and published.

    Args:
        recommender: with its settings.
        pairs: what it learns from.
        earlier: what was learned before, with or without a fallback, to go on from (`Recommender.fit_on`).

    Raises:
        NotEnoughDataError: see `Recommender.fit`.
    """
    if earlier and isinstance(earlier.fitted, WithFallback):
        earlier = Learned(earlier.recommender, earlier.fitted.first)
    fitted = recommender.fit_on(pairs, earlier)
    return WithFallback(fitted, recommender.fallback.fit(pairs)) if recommender.fallback else fitted


def load(recommender: Recommender, arrays: Mapping[str, Array]) -> Fitted:
    """The model that `fit` gave, from its `Fitted.arrays`."""
    if not recommender.fallback:
        return recommender.load(arrays)
    other = recommender.fallback.load(part_of(arrays, OTHER))
    return WithFallback(recommender.load(part_of(arrays, FIRST)), other)


def fit_rows(recommender: Recommender, rows: "PairRows") -> dict[str, Array]:
    """What `fit` learns of the items alone, from pairs that no one process holds: by the names of `Fitted.arrays`.

    Raises:
        SettingError: see `Recommender.fit_rows`.
    """
    learned = recommender.fit_rows(rows)
    if not recommender.fallback:
        return learned
    return prefixed(FIRST, learned) | prefixed(OTHER, recommender.fallback.fit_rows(rows))


def load_items(recommender: Recommender, arrays: Mapping[str, Array]) -> Fitted:
    """The model that knows no user yet (`Fitted.of_users`), from what `fit_rows` gave, or from as much of `Fitted.arrays`."""
    if not recommender.fallback:
        return recommender.load_for_histories(arrays)
    other = recommender.fallback.load_for_histories(part_of(arrays, OTHER))
    return WithFallback(recommender.load_for_histories(part_of(arrays, FIRST)), other)
