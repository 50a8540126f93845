"""The tail: what came to the topic `interactions` after a model's snapshot, read from Kafka itself.

Each message becomes the very event that the ingest stores: the same parser, weights and keys. So a history from MongoDB
and the tail are put together by `id`, wherever the ingest happens to be.

| what happens | the tail |
|---|---|
| Kafka is away | keeps what it has, is not `fresh` after some seconds, and goes on by itself |
| offsets have expired | goes on at the oldest there is; `expired` counts |
| partitions are added | follows them, from their first message |
| the topic is made anew | forgets what was of the old one and reads all of the new, under the next generation's keys |
| MongoDB is away, which knows the generation | takes the last known one, else the first, and begins anew if that proves wrong |
| an interaction is deleted by its user | drops it, and does not hold it when it reads it again |
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition
from pymongo.database import Database

from tidemark.errors import UnreachableError
from tidemark.interactions import keys
from tidemark.interactions.from_messages import Interaction, Weights, parse
from tidemark.serving.deletions import Deletions
from tidemark.serving.events import Event, from_interaction
from tidemark.serving.listeners import Listeners
from tidemark.serving.newer import Newer
from tidemark.settings import Settings
from tidemark.storage import mongo
from tidemark.storage.patience import brief
from tidemark.stream import progress, topics
from tidemark.stream.bookmark import Bookmark, NextOffsets

log = logging.getLogger(__name__)

LOOK = 1.0
"""Seconds between two questions where the topic ends, which partitions it has, and whether it is still the same one."""
FRESH = 5.0
"""Seconds that a tail may be behind and still be called fresh."""
BATCH = 1_000
"""Messages that are taken at a time, at most."""

Headers = list[tuple[str, bytes | None]]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Tail:
    """Follows the topic from a model's offsets, in a thread of its own, until it is closed.

    Args:
        config: the settings; `shop_tail` is the most that is held.
        next_offsets: partition -> the first offset that the model has not learned from; other partitions: from their start.
        topic_id: the topic that these are of; of another one, or None, all of the topic is newer.
        bookmark: a way to ask Kafka about the topic, where several tails share one.
        db: where the topic's generation is known, where one is open already.
        deletions: what is not to be held; None: only what nobody is told of here.
        since: from when on deletions are newer than the model.

    Attributes:
        read, dead: messages read; those of them that are no interactions.
        expired: offsets that had expired before they were read.
        failures: turns that failed for a reason that nobody foresaw; it goes on after each.
        lag: messages that were not read yet when it last looked.

    What it holds may still be asked for once it is closed.
    """

    def __init__(
        self,
        config: Settings,
        next_offsets: Mapping[int, int],
        topic_id: str | None,
        *,
        bookmark: Bookmark | None = None,
        db: Database[dict[str, Any]] | None = None,
        deletions: Deletions | None = None,
        since: datetime = _EPOCH,
    ) -> None:
        self._config = config
        self._bookmark = bookmark or Bookmark(config, timeout=2)
        self._db = mongo.unasked(config, patience=1) if db is None else db
        self._owns_db = db is None
        self._deletions = Deletions(self._db) if deletions is None else deletions
        self._since, self._dropped = since, 0
        self._weights = Weights(config.weight_of_event, config.event_default)
        self._starts, self._starts_of = dict(next_offsets), topic_id

        self._is: tuple[str, int] | None = None
        """The topic's identity, and the generation that its keys are of."""
        self._generation_is_known = False
        self._prefix = self._bookmark.topic
        self._next: NextOffsets = {}
        self._misplaced = False
        self._goal: tuple[float, NextOffsets] | None = None
        self._looked_at = self._caught_up_at = float("-inf")
        self._newer = Newer(config.shop_tail)
        self._newest: Event | None = None
        self._listeners = Listeners()
        self.read = self.dead = self.expired = self.failures = self.lag = 0

        self._caught_up, self._stop = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._follow, name="tail", daemon=True)
        self._thread.start()

    def of(self, user_id: str) -> tuple[Event, ...]:
        """What the user did since, as it came. No lock, no wait."""
        return self._newer.of(user_id)

    def version(self, user_id: str) -> int:
        """A number that stands for exactly what `of` gives, and for what was deleted since; 0: nothing newer (see
        `Newer.version`)."""
        return self._newer.version(user_id) ^ self._deletions.version(user_id, self._since)

    def fewer(self, user_id: str) -> bool:
        """Whether the user has deleted something since the model's interactions were read."""
        return self._deletions.version(user_id, self._since) != 0

    @property
    def fresh(self) -> bool:
        """Whether it holds all that had come up to `FRESH` seconds ago."""
        return not self._newer.beyond and time.monotonic() - self._caught_up_at <= FRESH

    @property
    def kept(self) -> int:
        """Events that it holds."""
        return self._newer.kept

    @property
    def beyond(self) -> int:
        """Events that it does not hold, because `shop_tail` were there already."""
        return self._newer.beyond

    @property
    def unheard(self) -> int:
        """Events that a listener was not told of: it was too slow."""
        return self._listeners.missed

    def newest(self) -> Event | None:
        """The event that came last; None where none has."""
        return self._newest

    def wait(self, timeout: float) -> bool:
        """Wait until all is read that was there at the start; False where that takes longer than `timeout` seconds."""
        return self._caught_up.wait(timeout)

    def on_event(self, listener: Callable[[Event], object]) -> Callable[[], None]:
        """Tell `listener` of each event that comes from now on, in a thread that is not the tail's (see `Listeners`).

        What is read to catch up, at the start or because the topic was made anew, is no news: nobody is told.

        Returns:
            what ends it.
        """
        return self._listeners.add(listener)

    def close(self) -> None:
        """Stop following; done again, it changes nothing."""
        self._stop.set()
        self._thread.join(10)
        self._listeners.close()
        if self._owns_db:
            self._db.client.close()

    def _follow(self) -> None:
        consumer = Consumer(
            topics.client_config(self._config)
            | {
                "group.id": topics.tail_group(
                    self._config
                ),  # the client wants one; nobody joins it, nothing is committed
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "auto.offset.reset": "error",  # what has expired is counted, not passed over
                "isolation.level": "read_committed",
                "enable.partition.eof": True,
                "reconnect.backoff.max.ms": 1_000,
                "queued.max.messages.kbytes": 16_384,
                "log_level": 0,
            }
        )
        try:
            while not self._stop.is_set():
                try:
                    self._turn(consumer)
                except Exception:
                    # A thread that ended would look like a topic in which nothing happens.
                    self.failures += 1
                    self._misplaced = True  # what was taken and not read is asked for again
                    log.exception("the tail of %s failed, and goes on", self._bookmark.topic)
                    self._stop.wait(LOOK)
        finally:
            consumer.close()

    def _turn(self, consumer: Consumer) -> None:
        if time.monotonic() - self._looked_at >= LOOK:
            try:
                self._look(consumer)
            except UnreachableError as error:
                log.debug("%s", error)  # `fresh` says it to whoever asks
            self._looked_at = time.monotonic()
        self._drop_deleted()
        if not self._next:
            self._stop.wait(0.1)
            return
        self._take(consumer.consume(BATCH, 0.1))
        if self._goal and all(self._next.get(number, 0) >= end for number, end in self._goal[1].items()):
            self._caught_up_at, self._goal = self._goal[0], None
            self._caught_up.set()

    def _look(self, consumer: Consumer) -> None:
        """Ask Kafka what the topic is and where it ends; begin, or begin anew, or follow more partitions, as that is."""
        asked_at, topic_id = time.monotonic(), self._bookmark.topic_id()
        found = topic_id, self._generation(topic_id)
        if found != self._is:
            if self._is is not None:
                log.warning("topic %s was made anew: its tail begins at its start", self._bookmark.topic)
                self._newer, self._newest = Newer(self._config.shop_tail), None
                self._caught_up.clear()
            self._is, self._next, self._goal = found, {}, None
            self._prefix = keys.prefix(self._bookmark.topic, found[1])
        ends = self._bookmark.ends()
        if self._misplaced or ends.keys() != self._next.keys():
            self._place(consumer, topic_id)
        self.lag = sum(max(0, end - self._next.get(number, 0)) for number, end in ends.items())
        # A goal that is still ahead stays a while: one that moved on with the stream might never be reached.
        if self._goal is None or asked_at - self._goal[0] > FRESH:
            self._goal = asked_at, ends

    def _generation(self, topic_id: str) -> int:
        """The topic's generation, by MongoDB; while that is away, what is most likely."""
        known_id, known = self._is or (topic_id, 0)
        if topic_id == known_id and self._generation_is_known:
            return known
        try:
            with brief(or_refused=True):
                stored = progress.read(self._db, self._bookmark.topic)
        except UnreachableError:
            self._generation_is_known = False
            return known if topic_id == known_id else known + 1
        self._generation_is_known = True
        return progress.generation(stored, topic_id)

    def _place(self, consumer: Consumer, topic_id: str) -> None:
        """Read each partition on from where it was left, or from where the model left it, or from the oldest there is."""
        starts = self._starts if topic_id == self._starts_of else {}
        for at in self._bookmark.lag().partitions:
            wanted = self._next.get(at.partition, starts.get(at.partition, at.earliest))
            if wanted < at.earliest:
                self.expired += at.earliest - wanted
                log.warning(
                    "partition %d of %s: %d messages expired before the tail had read them",
                    at.partition, self._bookmark.topic, at.earliest - wanted,
                )  # fmt: skip
            self._next[at.partition] = max(wanted, at.earliest)
        consumer.assign([TopicPartition(self._bookmark.topic, number, at) for number, at in self._next.items()])
        self._misplaced = False

    def _take(self, messages: list[Message]) -> None:
        for message in messages:
            error, number, offset = message.error(), message.partition(), message.offset()
            if number is None or offset is None:  # an error of the whole client: it mends itself
                continue
            if error is None:
                self._next[number] = offset + 1
                self._read(message, number, offset)
            elif error.code() == KafkaError._PARTITION_EOF:
                self._next[number] = max(self._next[number], offset)  # a transaction's marks are no messages
            elif error.code() == KafkaError._AUTO_OFFSET_RESET:
                self._misplaced = True

    def _drop_deleted(self) -> None:
        """Drop what has become known to be deleted since the last turn; what was known before is not held at all."""
        for deletion in self._deletions.after(self._dropped):
            self._newer.drop(deletion.user_id, deletion.id)
            self._dropped += 1

    def _read(self, message: Message, number: int, offset: int) -> None:
        self.read += 1
        taken = _EPOCH + timedelta(milliseconds=message.timestamp()[1])
        headers = [{"key": key, "value": value} for key, value in cast("Headers", message.headers() or ())]
        origin, happened = keys.origin(headers) if headers else (None, None)
        parsed = parse(
            message.value(), self._bookmark.topic, number, offset, taken, self._weights,
            prefix=self._prefix, origin=origin, happened=happened,
        )  # fmt: skip
        if not isinstance(parsed, Interaction):
            self.dead += 1
            return
        if parsed.id in self._deletions:
            return
        event = from_interaction(parsed)
        self._newer.keep(event)
        self._newest = event
        if self._caught_up.is_set():
            self._listeners.tell(event)
