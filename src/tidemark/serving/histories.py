"""Histories: all that a user did, from MongoDB and from Kafka's tail, put together by key.

What came by the stream is in the tail at once and in MongoDB some seconds later, under the same `_id`: so nothing is
counted twice and nothing is missing between the two.
"""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pymongo import DESCENDING
from pymongo.database import Database
from pymongo.errors import PyMongoError

from tidemark.errors import UnreachableError
from tidemark.serving.events import Event
from tidemark.storage.patience import Breaker

log = logging.getLogger(__name__)

LONGEST = 10_000
"""Events of one user that are read, the newest: a history that is longer is cut there."""

HELD = 50_000
"""Events that one process holds, some 20 MB: those of the users who were asked for last."""

HELD_SECONDS = 60.0
"""How long a history is believed without a newer event: loads and deletions reach MongoDB and not the tail."""

PAUSE = 5.0
"""Seconds after it did not answer in which it is not asked again: else every thread would wait for it in vain."""

FIELDS = {"item_id": 1, "weight": 1, "rating": 1, "timestamp": 1, "source": 1}
NEWEST_FIRST = [("timestamp", DESCENDING), ("_id", DESCENDING)]

Before = tuple[datetime, str]
"""The (timestamp, id) of the last event of a page, after which the next one begins."""


@dataclass(frozen=True, slots=True)
class _Held:
    """A history, as of `version` and the newest event of the tail: a new tail counts its versions from the start."""

    version: tuple[int, str | None]
    events: list[Event]
    read_at: float


def merged(stored: Iterable[Event], tail_events: Iterable[Event]) -> list[Event]:
    """Both, each event once, the newest first; where both have it, the tail's, which says what was done."""
    events = {event.id: event for event in stored} | {event.id: event for event in tail_events}
    return sorted(events.values(), key=_place, reverse=True)


def _place(event: Event) -> Before:
    return event.timestamp, event.id


class Histories:
    """Users' histories, read when asked for and held for a while; safe to be asked by many threads.

    Args:
        db: the platform's database, whose times are UTC `datetime`s (`storage.mongo.connect`).
        deleted: keys of events that are in no history any more, though the ingest may just be storing them.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        db: Database[dict[str, Any]],
        deleted: Container[str] = (),
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._collection, self._deleted, self._clock = db["interactions"], deleted, clock
        self._lock = threading.Lock()
        self._held: OrderedDict[str, _Held] = OrderedDict()
        self._events_held = 0
        self._breaker = Breaker(PAUSE, or_refused=True, clock=clock)

    def of(self, user_id: str, tail_events: Sequence[Event] = (), version: int = 0) -> list[Event]:
        """All that the user did, newest first, at most `LONGEST` and what the tail has; not to be changed.

        MongoDB is asked once for each `version` of the user's tail, and again after `HELD_SECONDS`; where it is away,
        what was read of this version holds on.

        Raises:
            UnreachableError: MongoDB did not answer (`Breaker`), now or less than `PAUSE` ago.
        """
        wanted = version, tail_events[-1].id if tail_events else None
        with self._lock:
            held = self._held.get(user_id)
            if held is not None:
                self._held.move_to_end(user_id)
        known = held.events if held is not None and held.version == wanted else None
        if held is not None and known is not None and self._clock() - held.read_at < HELD_SECONDS:
            return known
        try:
            stored = self._find(user_id, {}, LONGEST)
        except UnreachableError:
            if known is None:
                raise
            return known
        events = merged(stored, tail_events)
        self._hold(user_id, _Held(wanted, events, self._clock()))
        return events

    def page(
        self, user_id: str, n: int = 50, before: Before | None = None, tail_events: Iterable[Event] = ()
    ) -> list[Event]:
        """The `n` newest events of a user, newest first, of those before the place `before`.

        `(timestamp, id)` of the last is `before` of the next page: events that come between two pages move none.

        Raises:
            UnreachableError: as `of` does.
        """
        older: dict[str, Any] = {}
        if before is not None:
            at, key = before
            older = {"$or": [{"timestamp": {"$lt": at}}, {"timestamp": at, "_id": {"$lt": key}}]}
            tail_events = [event for event in tail_events if _place(event) < before]
        return merged(self._find(user_id, older, n), tail_events)[:n]

    def forget(self, user_id: str) -> None:
        """Hold nothing of a user any more: something of theirs was deleted."""
        with self._lock:
            self._drop(user_id)

    def _hold(self, user_id: str, held: _Held) -> None:
        with self._lock:
            self._drop(user_id)
            self._held[user_id] = held
            self._events_held += len(held.events) + 1  # one without events takes room as well
            while self._events_held > HELD and len(self._held) > 1:
                self._drop(next(iter(self._held)))

    def _drop(self, user_id: str) -> None:
        held = self._held.pop(user_id, None)
        if held is not None:
            self._events_held -= len(held.events) + 1

    def _find(self, user_id: str, older: Mapping[str, Any], n: int) -> list[Event]:
        """The `n` newest of a user's events that MongoDB has."""
        try:
            user_id.encode()
        except UnicodeEncodeError:  # half a character: no database has such an id
            return []
        with self._breaker.asking():
            try:
                found = list(self._collection.find({"user_id": user_id, **older}, FIELDS).sort(NEWEST_FIRST).limit(n))
            except PyMongoError as error:
                log.warning("MongoDB gave no history (%s): not asked again for %g s", type(error).__name__, PAUSE)
                raise
        return [_event(document, user_id) for document in found if document["_id"] not in self._deleted]


def _event(document: Mapping[str, Any], user_id: str) -> Event:
    return Event(
        document["_id"],
        user_id,
        document["item_id"],
        float(document["weight"]),
        document.get("rating"),
        document["timestamp"],
        None,
        document["source"],
    )
