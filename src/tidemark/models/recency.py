"""Recency: how new an interaction is, among its user's own and among all, and what it then counts."""

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

MARKS = 10_000
"""Times that a clock keeps, so that a stored model stays small: of more pairs than this, ages are right to 1 / MARKS."""


def newer(user_num: Array, timestamp: Array) -> Array:
    """How many items of its user are strictly newer than each pair: int64 `(n,)`.

    Args:
        user_num: int `(n,)`, in any order; zeros for the pairs of one user.
        timestamp: int64 `(n,)`.
    """
    n = len(user_num)
    order = np.lexsort((timestamp, user_num))
    user, time = user_num[order], timestamp[order]
    last_of_time = np.append((user[1:] != user[:-1]) | (time[1:] != time[:-1]), True)[:n]
    last_of_user = np.append(user[1:] != user[:-1], True)[:n]
    places = np.arange(n)
    out = np.empty(n, np.int64)
    out[order] = _next(places, last_of_user) - _next(places, last_of_time)
    return out


def _next(places: Array, last: Array) -> Array:
    """Of each place the first that is `last`, from it on: int64 `(n,)`."""
    ends = np.flatnonzero(last)
    found: Array = ends[np.searchsorted(ends, places)]
    return found


def faded(weight: Array, newer: Array, decay: float) -> Array:
    """`weight * (1 + newer) ^ -decay`, float32 `(n,)`: what an item of a history counts."""
    if decay == 0:
        return np.asarray(weight, np.float32)
    return np.asarray(weight * (1.0 + newer) ** -decay, np.float32)


@dataclass(frozen=True)
class Clock:
    """The age of a moment: the share of all pairs that are strictly newer, from 0 (now) to 1.

    Time is so measured in interactions: a quiet year makes nothing old.

    Args:
        times: int64, ascending: of all pairs, or of `MARKS` of them at equal distances.
    """

    times: Array

    @classmethod
    def of(cls, timestamp: Array) -> "Clock":
        """The clock of pairs of these times `(n,)`."""
        times = np.sort(timestamp)
        return cls(times[np.linspace(0, len(times) - 1, MARKS).astype(np.int64)] if len(times) > MARKS else times)

    def ages(self, timestamp: Array) -> Array:
        """The age of each moment, float64 `(n,)`; 0 for whatever is newer than all."""
        older = np.searchsorted(self.times, timestamp, side="right")
        return np.asarray(1 - older / max(len(self.times), 1))

    def remaining(self, timestamp: Array, half_life: float) -> Array:
        """`2 ^ (-age / half_life)`, float64 `(n,)`: what is left of an interaction's worth."""
        return np.asarray(2.0 ** (-self.ages(timestamp) / half_life))
