"""Origins: moments of the past at which a model is trained, and the lags after them at which it is measured.

Interactions in the order of time; a lag is a number of marks that came since and that the model has not learned from.

    |---------- learned at the origin ----------|-- lag --|-- what users did next --|
"""

from dataclasses import dataclass
from typing import Any

from tidemark.errors import NotEnoughDataError

LAGS = (0, 1, 2, 5, 10)
"""Marks after an origin."""

SHARE_LEARNED = 1 / 2
"""Of all interactions, at least: what is learned from less says little of today."""

SHARE_TEST = 1 / 20
"""Of all interactions, at least: what users did next, so that there are users to measure."""

LEAST = 200
"""Interactions below which nothing is planned."""


@dataclass(frozen=True)
class Plan:
    """What is trained and measured when.

    Args:
        mark: interactions of one mark.
        test: interactions after a lag by which it is measured.
        origins: how many interactions each model learns from, oldest origin first.
        why: what was done otherwise than asked, in sentences.
    """

    mark: int
    test: int
    origins: tuple[int, ...]
    why: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {"mark": self.mark, "test": self.test, "origins": list(self.origins), "why": list(self.why)}

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> "Plan":
        """The inverse of `document`."""
        return cls(document["mark"], document["test"], tuple(document["origins"]), tuple(document["why"]))


def plan(n: int, mark: int, origins: int) -> Plan:
    """The newest `origins` rolling origins, each `test` interactions after the one before.

    Args:
        n: interactions that there are.
        mark: interactions of one mark, as asked; where the greatest lag does not fit, the greatest mark with which it does.
        origins: as asked; fewer where they do not fit.

    Raises:
        NotEnoughDataError: too few interactions for one origin.
    """
    if n < LEAST:
        raise NotEnoughDataError(
            f"{n:,} interactions are too few to backtest: at least {LEAST} are needed. Load more with load_reviews"
        )
    why = []
    room = n - int(n * SHARE_LEARNED)
    fits = max(1, (room - int(n * SHARE_TEST)) // max(LAGS))
    if mark > fits:
        why.append(
            f"a mark of {mark:,} interactions does not fit {n:,} stored ones {max(LAGS)} times: measured is {fits:,}"
        )
        mark = fits
    test = min(max(mark, int(n * SHARE_TEST)), room - max(LAGS) * mark)
    last = n - max(LAGS) * mark - test
    able = 1 + (last - int(n * SHARE_LEARNED)) // test
    if origins > able:
        why.append(f"{origins} origins do not fit: there are {able}")
    starts = (last - step * test for step in reversed(range(min(origins, able))))
    return Plan(mark, test, tuple(starts), tuple(why))
