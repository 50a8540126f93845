"""What the pages read from, asked with little patience: one client each for the process, and what is away rests a while."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

import pymongo
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import PyMongoError

from tidemark.errors import UnreachableError
from tidemark.settings import Settings, fresh, settings
from tidemark.storage import mongo
from tidemark.stream import progress
from tidemark.stream.bookmark import Bookmark, Lag
from tidemark.stream.progress import Progress

Document = dict[str, Any]
Answer = TypeVar("Answer")

PATIENCE = 1.5
"""Seconds that a page waits for a server."""

REST = 5.0
"""Seconds in which a server that did not answer is not asked again: only the first page waits."""

FRESH = 1.0
"""Seconds that a measurement of the lag is shown: many open pages cost Kafka one question."""


@dataclass
class _Rest:
    """A server that is away is left alone until then, and why."""

    until: float = 0.0
    error: str = ""

    def check(self) -> None:
        if time.monotonic() < self.until:
            raise UnreachableError(self.error)

    def begin(self, error: str) -> UnreachableError:
        self.until, self.error = time.monotonic() + REST, error
        return UnreachableError(error)


@dataclass
class Sources:
    """MongoDB, Kafka and the settings, for as long as the process lives; safe to use from many threads."""

    _given: Settings | None = None
    _connecting: threading.Lock = field(default_factory=threading.Lock)
    _measuring: threading.Lock = field(default_factory=threading.Lock)
    _client: MongoClient[Document] | None = None
    _bookmark: Bookmark | None = None
    _lag: tuple[float, Lag] | None = None
    _read: tuple[float, Settings] | None = None
    _mongo: _Rest = field(default_factory=_Rest)
    _kafka: _Rest = field(default_factory=_Rest)

    @property
    def config(self) -> Settings:
        """The settings as they are now: a mark that was changed in `.env` is shown within seconds."""
        if self._given is not None:
            return self._given
        now = time.monotonic()
        if self._read is None or now - self._read[0] > REST:
            self._read = now, fresh(self._read[1]) if self._read else settings()
        return self._read[1]

    def ask(self, question: Callable[[Database[Document]], Answer]) -> Answer:
        """The answer to `question`, which reads from the platform's database.

        Raises:
            UnreachableError: MongoDB did not answer in time, or has not a moment ago.
        """
        self._mongo.check()
        with self._connecting:
            if self._client is None:
                self._client = mongo.unasked(self.config, PATIENCE, each=2 * PATIENCE).client
        try:
            with pymongo.timeout(2 * PATIENCE):
                return question(self._client[self.config.mongo_database])
        except PyMongoError as error:
            raise self._mongo.begin(
                f"MongoDB does not answer at {self.config.mongo_hosts} ({type(error).__name__}). "
                "Is it running? `make status` tells"
            ) from None

    def lag(self) -> Lag:
        """The lag, not older than `FRESH` seconds.

        Raises:
            UnreachableError: Kafka did not answer in time, or has not a moment ago.
        """
        with self._measuring:  # whoever comes meanwhile gets the same answer
            if self._lag is not None and time.monotonic() - self._lag[0] < FRESH:
                return self._lag[1]
            self._kafka.check()
            try:
                self._bookmark = self._bookmark or Bookmark(self.config, timeout=PATIENCE)
                lag = self._bookmark.lag()
            except UnreachableError as error:
                raise self._kafka.begin(str(error)) from None
            self._lag = time.monotonic(), lag
            return lag

    def progress(self) -> Progress | None:
        """How far the ingest has stored the stream; None before it first ran."""
        topic = self.lag().topic
        return self.ask(lambda db: progress.read(db, topic))


@dataclass(frozen=True)
class Tide:
    """The lag against the mark, for the gauge.

    `behind` records have come and are not stored yet; None where that cannot be told. `trouble` says why there is no lag.
    """

    mark: int
    lag: int | None
    behind: int | None
    measured_at: datetime
    trouble: str = ""

    @property
    def share(self) -> float:
        """Of the mark: 1.0 when a retrain starts."""
        return (self.lag or 0) / self.mark

    @property
    def text(self) -> str:
        """In words."""
        if self.lag is None:
            return self.trouble
        if self.lag >= self.mark:
            return "The mark is reached: a retrain starts, or is at work"
        return f"{self.mark - self.lag:,} more until a retrain starts"

    def document(self) -> Document:
        """As JSON, for the page's own refresh."""
        return {
            "mark": self.mark,
            "lag": self.lag,
            "behind": self.behind,
            "share": round(self.share, 4),
            "text": self.text,
            "measured_at": self.measured_at.isoformat(timespec="seconds"),
        }


def tide(sources: Sources) -> Tide:
    """Measure; what is away is told, not raised."""
    mark, now = sources.config.retrain_mark, datetime.now(UTC)
    try:
        lag = sources.lag()
    except UnreachableError as error:
        return Tide(mark, None, None, now, str(error))
    try:
        known = sources.progress()
    except UnreachableError:
        return Tide(mark, lag.total, None, now)
    return Tide(mark, lag.total, progress.behind(lag, known.next_offsets if known else {}), now)
