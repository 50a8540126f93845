"""Scales: on what scale a source's ratings are, and the rule by which they become stars from 1 to 5.

The rule is a straight line: the scale's lowest is one star, its highest five. What is on stars already stays as it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from tidemark.errors import BadInputError

LOWEST, HIGHEST = 1.0, 5.0


@dataclass(frozen=True)
class Scale:
    """From the worst to the best rating that can be given."""

    low: float
    high: float

    @property
    def is_stars(self) -> bool:
        """Whether ratings on it are stars as they come."""
        return (self.low, self.high) == (LOWEST, HIGHEST)

    def stars(self, rating: float) -> float:
        """The stars of a rating: `1 + 4 * (rating - low) / (high - low)`."""
        return LOWEST + (HIGHEST - LOWEST) * (rating - self.low) / (self.high - self.low)

    def holds(self, rating: float) -> bool:
        """Whether it can be given."""
        return self.low <= rating <= self.high

    @property
    def name(self) -> str:
        """As the parameter `scale` has it."""
        return f"{self.low:g}-{self.high:g}"

    def text(self) -> str:
        """In words, for a person."""
        if self.is_stars:
            return "stars, 1 to 5, as they are"
        return (
            f"{self.low:g} to {self.high:g}, made stars by 1 + 4 * (rating - {self.low:g}) / {self.high - self.low:g}; "
            "the rating as it came is kept beside each"
        )


STARS = Scale(LOWEST, HIGHEST)
KNOWN = (Scale(0, 1), STARS, Scale(0.5, 5), Scale(0, 5), Scale(1, 10), Scale(0, 10), Scale(0, 100))
"""Tried in this order: the first that holds all of a sample."""
NEARLY_ALL = 0.95


def parse(text: str) -> Scale:
    """The scale that a person says, as `0.5-5`.

    Raises:
        BadInputError: it is none.
    """
    low, dash, high = text.partition("-")
    try:
        scale = Scale(float(low), float(high))
    except ValueError:
        dash = ""
    if not dash or not scale.low < scale.high or max(abs(scale.low), abs(scale.high)) > 1e6:
        raise BadInputError(f"scale {text!r}: give the worst and the best rating that can be given, as 0.5-5 or 1-10")
    return scale


def find(source: str, ratings: Sequence[float]) -> Scale:
    """The scale of `ratings`, a sample from all of a file's.

    Raises:
        BadInputError: they are on no known scale, or all the same, so that nobody can tell; it asks.
    """
    least, most = min(ratings), max(ratings)
    if least == most and least in (0, 1):
        raise BadInputError(
            f"{source}: every rating seen is {least:g}: on which scale? Give the parameter `scale`: 0-1 if 1 means liked, 1-5 if it "
            "means one star; or map no rating"
        )
    for scale in KNOWN:
        if scale.low <= least and most <= scale.high:
            _require_used(source, ratings, scale)
            return scale
    raise BadInputError(
        f"{source}: ratings from {least:g} to {most:g} are on no scale that is known. Give the parameter `scale`: the worst and the "
        "best rating that can be given, as 0-20"
    )


def _require_used(source: str, ratings: Sequence[float], scale: Scale) -> None:
    """Refuse a scale that a few ratings alone speak for: they may be the mistake.

    Raises:
        BadInputError: nearly all ratings are on another, of half the width or less; it asks.
    """
    for other in KNOWN:
        inside = sum(other.holds(rating) for rating in ratings)
        if other.high * 2 <= scale.high and inside >= NEARLY_ALL * len(ratings):
            outside = next(rating for rating in ratings if not other.holds(rating))
            raise BadInputError(
                f"{source}: {inside / len(ratings):.1%} of the ratings are on the scale {other.name}, and others are not, as {outside:g}. "
                f"Give the parameter `scale`: {scale.name}, or {other.name}, by which those others are kept aside"
            )
