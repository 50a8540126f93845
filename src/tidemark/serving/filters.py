"""Filters: which items a caller allows in an answer. They hold before the cut, over the whole catalogue."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Filter:
    """What a caller wishes; the default allows all that is available.

    Args:
        category: a category that the item must be in, at any level; None: any.
        price_min, price_max: inclusive, in the catalogue's currency; an item without a price is in no range.
        exclude: item_ids that must not be shown.
    """

    category: str | None = None
    price_min: float | None = None
    price_max: float | None = None
    exclude: frozenset[str] = frozenset()

    def is_open(self) -> bool:
        """Whether it allows everything."""
        return self is _OPEN or self == _OPEN


_OPEN = Filter()
