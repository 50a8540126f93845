"""Masks: which items of a catalogue a filter allows; the last few are remembered."""

import threading
from collections.abc import Mapping
from typing import Any

import numpy as np

from tidemark.serving.columns import Columns
from tidemark.serving.details import Details
from tidemark.serving.filters import Filter

Array = np.ndarray[Any, Any]

MOST = 16
"""Filters whose masks are remembered; one takes a byte an item."""


class Masks:
    """The masks of one catalogue; any number of threads may ask for one.

    Args:
        columns: what the pack knows of the items.
        changes: item number -> what is known of it now, where that was changed.
        prices: float64 `(n,)`, of all items as they are now; NaN where unknown.
        available: boolean `(n,)`, the same.
    """

    def __init__(self, columns: Columns, changes: Mapping[int, Details], prices: Array, available: Array) -> None:
        self._columns, self._changes, self._prices, self._available = columns, changes, prices, available
        self._category_numbers = {name: number for number, name in enumerate(columns.category_names)}
        self._held: dict[Filter, Array] = {}
        self._lock = threading.Lock()

    def of(self, wanted: Filter) -> Array:
        """Which items are available and allowed by a filter that excludes nothing: boolean `(n,)`, read-only."""
        with self._lock:
            known = self._held.pop(wanted, None)
            if known is not None:
                self._held[wanted] = known
                return known
        made = self._available.copy()
        if wanted.category is not None:
            made &= self._in_category(wanted.category)
        with np.errstate(invalid="ignore"):
            if wanted.price_min is not None:
                made &= self._prices >= wanted.price_min
            if wanted.price_max is not None:
                made &= self._prices <= wanted.price_max
        made.flags.writeable = False
        with self._lock:
            self._held[wanted] = made
            while len(self._held) > MOST:
                del self._held[next(iter(self._held))]
        return made

    def _in_category(self, category: str) -> Array:
        """Which items are in a category, at any level: boolean `(n,)`."""
        inside = np.zeros(len(self._available), np.bool_)
        number = self._category_numbers.get(category)
        if number is not None:
            places = np.flatnonzero(self._columns.categories == number)
            inside[np.searchsorted(self._columns.category_ends, places, side="right")] = True
        for changed, details in self._changes.items():
            inside[changed] = category in details.categories
        return inside
