"""Six people to shop as, chosen from the data: whoever presents the shop shows what it does for people who differ.

They are looked for among the newest interactions, which an index gives: what that costs does not grow with the platform.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from itsdangerous import BadData, URLSafeTimedSerializer
from pymongo import DESCENDING
from pymongo.database import Database

from tidemark.storage.patience import brief

NEWEST = 50_000
"""Interactions, the newest, that the people are looked for in."""
HELD_FOR = 600.0
"""Seconds that the choice holds in a worker."""
OFFERED_FOR = 3_600
"""Seconds in which an offer may be taken: another worker may have chosen others meanwhile."""
PATIENCE = 10.0
"""Seconds that the look-up may take: it is one in ten minutes, and a presenter waits for it."""
SURELY = 3
"""Events from which on a category is a taste and no accident."""
NOBODY = "newcomer"
"""Who has no history: an id that nobody has taken anything under, or one made of it."""


@dataclass(frozen=True)
class Chosen:
    """One of the six.

    Args:
        user_id: whom.
        role: what they stand for: `heaviest`, `median`, `newest`, `no history`, `taste`.
        says: the same for people, with figures.
        events: how many of the interactions looked at are theirs.
    """

    user_id: str
    role: str
    says: str
    events: int


@dataclass(frozen=True)
class Taker:
    """One user of the interactions that were looked at: how many events, since when, and of which categories."""

    user_id: str
    events: int
    since: datetime
    categories: Counter[str]


def takers(interactions: Iterable[tuple[str, str, datetime]], category_of: Callable[[str], str]) -> list[Taker]:
    """The users of `interactions`, (user_id, item_id, time) in any order.

    Args:
        interactions: what was done.
        category_of: the main category of an item_id; empty where none is known.
    """
    events: Counter[str] = Counter()
    since: dict[str, datetime] = {}
    categories: dict[str, Counter[str]] = {}
    for user_id, item_id, at in interactions:
        events[user_id] += 1
        since[user_id] = min(at, since.get(user_id, at))
        if category := category_of(item_id):
            categories.setdefault(user_id, Counter())[category] += 1
    return [Taker(user, events[user], since[user], categories.get(user, Counter())) for user in events]


def choose(there: Sequence[Taker]) -> list[Chosen]:
    """The people to shop as: six, or fewer where the data has fewer that differ; whoever has no history is always there.

    Nobody is two of them. Equals are told apart by their id, so the same data gives the same people.
    """
    chosen: list[Chosen] = []

    def take(taker: Taker | None, role: str, says: str) -> None:
        if taker is not None:
            chosen.append(Chosen(taker.user_id, role, says, taker.events))

    def left() -> list[Taker]:
        return [taker for taker in by_weight if taker.user_id not in {one.user_id for one in chosen}]

    by_weight = sorted(there, key=lambda taker: (-taker.events, taker.user_id))
    median = by_weight[len(by_weight) // 2].events if by_weight else 0
    take(next(iter(by_weight), None), "heaviest", "takes the most")
    one = _purest(left(), lambda _: True)
    if one is not None:
        taste = favourite(one)
        take(one, "taste", f"loves {taste}")
        other = _purest(
            left(), lambda taker: favourite(taker) != taste and one.categories.keys().isdisjoint(taker.categories)
        )
        other = other or _purest(left(), lambda taker: favourite(taker) != taste)
        if other is not None:
            take(other, "taste", f"loves {favourite(other)}")
    rest = left()
    take(
        min(rest, key=lambda taker: (abs(taker.events - median), taker.user_id), default=None),
        "median",
        "takes as much as most",
    )
    rest = left()
    take(max(rest, key=lambda taker: (taker.since, taker.user_id), default=None), "newest", "came last")
    known = {taker.user_id for taker in there}
    stranger = next(name for number in range(len(known) + 1) if (name := f"{NOBODY}{number or ''}") not in known)
    chosen.append(Chosen(stranger, "no history", "has never taken anything", 0))
    return chosen


def favourite(taker: Taker) -> str:
    """The category that a taker takes the most from; empty where none is known."""
    return min(taker.categories, key=lambda name: (-taker.categories[name], name), default="")


def _purest(there: Iterable[Taker], wanted: Callable[[Taker], bool]) -> Taker | None:
    """Whoever takes the most of one category, as a share of what they take; of equals who takes more."""
    sure = [taker for taker in there if taker.categories[favourite(taker)] >= SURELY and wanted(taker)]
    return max(
        sure,
        key=lambda taker: (
            taker.categories[favourite(taker)] / taker.categories.total(),
            taker.events,
            taker.user_id,
        ),
        default=None,
    )


class People:
    """The choice of this worker, looked up when first asked for and then each `HELD_FOR` seconds; and the offers made of it.

    Args:
        db: the platform's database.
        secret: what offers are signed with; all workers have the same.
        clock: seconds that only grow.
    """

    def __init__(self, db: Database[dict[str, Any]], secret: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._db, self._clock = db, clock
        self._offers = URLSafeTimedSerializer(secret, salt="shop as")
        self._lock = threading.Lock()
        self._held: list[Chosen] = []
        self._until = -1.0

    def chosen(self, category_of: Callable[[str], str]) -> list[Chosen]:
        """The people; `category_of` as in `takers`.

        Raises:
            UnreachableError: MongoDB does not answer.
        """
        with self._lock:
            if self._clock() >= self._until:
                self._held = choose(takers(self._newest(), category_of))
                self._until = self._clock() + HELD_FOR
            return self._held

    def _newest(self) -> list[tuple[str, str, datetime]]:
        fields = {"_id": 0, "user_id": 1, "item_id": 1, "timestamp": 1}
        with brief(PATIENCE):
            found = self._db["interactions"].find({}, fields).sort("timestamp", DESCENDING).limit(NEWEST)
            return [(one["user_id"], one["item_id"], one["timestamp"]) for one in found]

    def offer(self, account: str, user_id: str) -> str:
        """A text by which the presenter `account`, and nobody else, may shop as `user_id`."""
        return str(self._offers.dumps([account, user_id]))

    def taken(self, account: str, offer: str) -> str | None:
        """Whom an offer is to shop as; None where it was forged, was made to another, or is too old."""
        try:
            offered_to, user_id = self._offers.loads(offer[:2_000], max_age=OFFERED_FOR)
        except (BadData, ValueError, TypeError):
            return None
        return str(user_id) if offered_to == account else None
