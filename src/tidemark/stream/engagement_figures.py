"""Click-through and purchase rates, each with its interval: of models, of placements, and of users in an experiment's arms."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from pymongo.database import Database

from tidemark.stream.attribution import PRESENTER
from tidemark.stream.engagement import COUNTS, USERS

Document = dict[str, Any]

Z = 1.959963984540054
"""Of the normal distribution, between whose negative and itself 95 % lie."""


class Interval(NamedTuple):
    """Both ends of a 95 % interval."""

    low: float
    high: float

    def meets(self, other: "Interval") -> bool:
        """Whether the two have a point in common."""
        return self.low <= other.high and other.low <= self.high


def wilson(successes: int, trials: int, z: float = Z) -> Interval:
    """The score interval of a share: E. B. Wilson, Journal of the American Statistical Association 22 (1927), 209-212.

    It takes the trials for independent of each other. Unlike the one that adds and takes away a standard error it never
    leaves [0, 1], and is of use with few trials and shares near 0, as rates of clicks are. Without trials: all of [0, 1].

    Raises:
        ValueError: more successes than trials, or fewer than none.
    """
    if not 0 <= successes <= trials:
        raise ValueError(f"{successes} of {trials} is no share")
    if trials == 0:
        return Interval(0.0, 1.0)
    share, square = successes / trials, z * z
    middle = share + square / (2 * trials)
    half = z * math.sqrt(share * (1 - share) / trials + square / (4 * trials * trials))
    whole = 1 + square / trials
    # In exact arithmetic the interval ends at 0 and 1 there.
    low = 0.0 if successes == 0 else (middle - half) / whole
    high = 1.0 if successes == trials else (middle + half) / whole
    return Interval(low, high)


def difference(first: tuple[int, int], second: tuple[int, int]) -> Interval:
    """The interval of the second share less the first: R. G. Newcombe, Statistics in Medicine 17 (1998), 873-890, method 10.

    Args:
        first, second: successes and trials of two samples that are independent of each other.
    """
    (of_first, of_second) = (wilson(*sample) for sample in (first, second))
    share_1, share_2 = (hits / trials if trials else 0.5 for hits, trials in (first, second))
    by = share_2 - share_1
    return Interval(
        by - math.hypot(share_2 - of_second.low, of_first.high - share_1),
        by + math.hypot(of_second.high - share_2, share_1 - of_first.low),
    )


@dataclass(frozen=True)
class Rate:
    """How often what was shown was clicked and bought; shares are 0 where nothing was shown.

    The intervals take items for independent of each other. Those of one list are not quite: read them as the least that
    is not known. Experiments compare users, who are.
    """

    shown: int
    clicked: int
    purchased: int = 0

    @property
    def rate(self) -> float:
        """The click-through: clicked of shown."""
        return self.clicked / self.shown if self.shown else 0.0

    @property
    def low(self) -> float:
        """The lower end of the click-through's interval."""
        return wilson(self.clicked, self.shown).low

    @property
    def high(self) -> float:
        """Its upper end."""
        return wilson(self.clicked, self.shown).high

    @property
    def purchase_rate(self) -> float:
        """Purchased of shown."""
        return self.purchased / self.shown if self.shown else 0.0

    @property
    def purchase(self) -> Interval:
        """The purchase rate's interval."""
        return wilson(self.purchased, self.shown)

    def document(self) -> Document:
        """As JSON: counts, both rates and their intervals."""
        return {
            "shown": self.shown,
            "clicked": self.clicked,
            "purchased": self.purchased,
            "click_through": {"value": self.rate, "low": self.low, "high": self.high},
            "purchase_rate": {"value": self.purchase_rate, **self.purchase._asdict()},
        }


def by_model(db: Database[Document], since: datetime | None = None) -> dict[str, Rate]:
    """Model -> its rate, over all that was shown (from the hour of `since` on), but for what presenters saw."""
    return {key[0]: rate for key, rate in _rates(db, ("model_id",), since).items() if key[0] is not None}


def by_placement(db: Database[Document], since: datetime | None = None) -> dict[tuple[str | None, str, str], Rate]:
    """(model, arm, placement) -> its rate, likewise."""
    return {(key[0], key[1], key[2]): rate for key, rate in _rates(db, ("model_id", "arm", "placement"), since).items()}


def _rates(db: Database[Document], fields: Sequence[str], since: datetime | None) -> Mapping[tuple[Any, ...], Rate]:
    match: Document = {"arm": {"$nin": [None, PRESENTER]}} | ({"hour": {"$gte": since}} if since else {})
    sums = {name: {"$sum": f"${name}"} for name in ("shown", "clicked", "purchased")}
    groups = db[COUNTS].aggregate(
        [{"$match": match}, {"$group": {"_id": {name: f"${name}" for name in fields}} | sums}]
    )
    return {
        tuple(group["_id"].get(name) for name in fields): Rate(group["shown"], group["clicked"], group["purchased"])
        for group in groups
    }


def users_by_arm(db: Database[Document], experiment: str) -> dict[str, Rate]:
    """Arm of the experiment -> `Rate` of its users: how many were shown anything, have clicked, have bought."""
    arms = {"$gte": f"{experiment}/", "$lt": f"{experiment}0"}  # "0" follows "/"
    groups = db[USERS].aggregate(
        [
            {"$match": {"arm": arms, "shown": {"$gt": 0}}},
            {
                "$group": {
                    "_id": "$arm",
                    "users": {"$sum": 1},
                    "clicked": {"$sum": {"$cond": [{"$gt": ["$clicked", 0]}, 1, 0]}},
                    "purchased": {"$sum": {"$cond": [{"$gt": ["$purchased", 0]}, 1, 0]}},
                }
            },
        ]
    )
    return {
        group["_id"].partition("/")[2]: Rate(group["users"], group["clicked"], group["purchased"]) for group in groups
    }
