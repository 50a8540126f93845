"""Engagement: what became of the lists that were shown, counted from Kafka's two topics into MongoDB.

Counts, the lists' documents and the offsets of a batch are one MongoDB transaction: killed anywhere, it goes on with the
batch that was not counted, and never with one that was. The transaction moves the offsets only from where the batch began,
so of two that run by mistake one counts and the other begins again. Nothing is committed to Kafka.

Whoever is killed within a transaction leaves it open, and MongoDB holds what it has touched for a minute. So the session is
noted beside the offsets: who begins ends the session of who was there before, and its transaction with it.

What a user did who was erased is read and counts nowhere.
"""

import logging
import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, cast

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition
from pymongo import ReplaceOne, UpdateOne
from pymongo.client_session import ClientSession
from pymongo.database import Database
from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern

from tidemark.errors import OutpacedError, TidemarkError, TopicChangedError, TransientError, UnreachableError
from tidemark.interactions.from_messages import Interaction, Weights, parse
from tidemark.settings import Settings
from tidemark.storage import mongo, tombstones
from tidemark.stream import attribution, progress, topics
from tidemark.stream.attribution import USER_KEPT, Act, Changes, Exposure, Read
from tidemark.stream.progress import Progress

log = logging.getLogger("tidemark.stream.engagement")

COUNTS, LISTS, USERS = "engagement", "shown_lists", "experiment_users"
READ_TOPICS = (topics.RECOMMENDATIONS, topics.INTERACTIONS)
BATCH = 500
"""Messages of one transaction: it stays far below what MongoDB advises (1,000 documents)."""
WAIT = 0.25
"""Seconds that a batch waits for more messages."""
LOOK = 30.0
"""Seconds between two looks for new partitions."""
BEAT = 10.0
"""Seconds between two signs of life: a health check asks for them."""
_BACKOFF = (0.5, 30.0)

Document = dict[str, Any]


def progress_id(topic: str) -> str:
    """The `_id` in `progress` of how far the topic, by its full name, was counted."""
    return f"engagement:{topic}"


class Engagement:
    """Counts from where the database says that it was left.

    Args:
        config: the settings.
        db: the platform's database.
        read: reads recommendation ids.

    Attributes:
        counted: messages that were counted. rejected: of these, those that were not as their contract says.
    """

    def __init__(self, config: Settings, db: Database[Document], read: Read) -> None:
        self._config, self._db, self._read = config, db, read
        self._weights = Weights(config.weight_of_event, config.event_default)
        self._names = {topics.name(short, config): short for short in READ_TOPICS}
        self._admin = topics.admin_client(config)
        self._known: dict[str, Progress] = {}
        self._consumer: Consumer | None = None
        self._session: ClientSession | None = None
        self._partitions: dict[str, list[int]] = {}
        self.counted = self.rejected = 0

    def begin(self) -> None:
        """Make what is missing in the database, and go to where the database says.

        Raises:
            KafkaException: Kafka does not answer, or does not have the topics.
            PyMongoError: MongoDB does not answer.
        """
        self.close()
        self._end_who_was_before()
        for collection in (COUNTS, LISTS, USERS, progress.COLLECTION):
            mongo.ensure(self._db, collection)
        self._known = {
            topic: progress.begin(self._db, progress_id(topic), topics.topic_id(self._admin, topic))
            for topic in self._names
        }
        self._session = self._db.client.start_session()
        noted = {"$set": {"session": dict(self._session.session_id)}}
        self._db[progress.COLLECTION].update_many(self._own_progress(), noted)
        # A new consumer, and not a seek: what an old one has fetched already must not be read after it.
        self._consumer = Consumer(
            topics.client_config(self._config)
            | {
                "group.id": topics.name("tidemark-engagement", self._config),  # required, and never joined
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",  # what expired is gone either way
                "isolation.level": "read_committed",
                "log_level": 0,
            }
        )
        self._partitions = self._there()
        self._consumer.assign(
            [
                TopicPartition(topic, number, self._known[topic].next_offsets.get(number, 0))
                for topic, numbers in self._partitions.items()
                for number in numbers
            ]
        )

    def step(self) -> int:
        """Count one batch; gives how many messages it had.

        Raises:
            TopicChangedError: a topic was deleted and made anew; OutpacedError: another process counted: `begin` again.
            KafkaException, PyMongoError: a server is away; nothing of the batch was counted: `begin` again.
        """
        assert self._consumer is not None and self._session is not None  # noqa: S101 -- begun
        messages = [m for m in self._consumer.consume(BATCH, WAIT) if m.error() is None]
        if not messages:
            return 0
        for topic in self._names:
            if topics.topic_id(self._admin, topic) != self._known[topic].topic_id:
                raise TopicChangedError(f"topic {topic} was deleted and made anew: beginning at its start")
        ends = self._ends(messages)
        gone = tombstones.read(self._db, self._config)
        events = [event for event in self._events(messages) if event.user_id not in gone]
        self._session.with_transaction(
            lambda inside: self._store(inside, events, ends), read_concern=ReadConcern("snapshot")
        )
        for topic, moved in ends.items():
            self._known[topic].next_offsets.update(moved)
        self.counted += len(messages)
        return len(messages)

    def run(self, stop: threading.Event) -> None:
        """Count until `stop`; a server that is away is said once and waited for."""
        pause, _ = _BACKOFF
        while not stop.is_set():
            try:
                self.begin()
                log.info("counting %s", " and ".join(self._names))
                self._until(stop)
            except (KafkaException, PyMongoError, TidemarkError, TimeoutError) as error:
                if isinstance(error, TidemarkError) and not isinstance(error, TransientError | TopicChangedError):
                    raise
                log.warning("%s; beginning again in %.1f s", _told(error), pause)
                stop.wait(pause)
                pause = min(2 * pause, _BACKOFF[1])
            else:
                pause, _ = _BACKOFF
        self.close()

    def close(self) -> None:
        """Let go of Kafka and of the session."""
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = None
        if self._session is not None:
            self._session.end_session()
            self._session = None

    def _own_progress(self) -> Document:
        return {"_id": {"$in": [progress_id(topic) for topic in self._names]}}

    def _end_who_was_before(self) -> None:
        """First of all: not even a collection can be brought up to its contract where a transaction is open in it."""
        noted = self._db[progress.COLLECTION].find(self._own_progress(), {"session": 1})
        if before := [each["session"] for each in noted if each.get("session")]:
            self._db.client.admin.command({"killSessions": before})

    def _until(self, stop: threading.Event) -> None:
        looked, beaten = _now(), datetime.min.replace(tzinfo=UTC)
        while not stop.is_set():
            self.step()
            if (_now() - beaten).total_seconds() > BEAT:
                beaten = _now()
                for known in self._known.values():
                    progress.beat(self._db, known.topic, known.topic_id)
            if (_now() - looked).total_seconds() > LOOK:
                looked = _now()
                if self._there() != self._partitions:
                    log.info("there are more partitions")
                    return

    def _there(self) -> dict[str, list[int]]:
        known = self._admin.list_topics(timeout=15).topics
        for topic in self._names:
            if topic not in known or known[topic].error is not None:
                raise UnreachableError(f"no topic {topic!r} at {self._config.kafka_bootstrap}: make run makes it")
        return {topic: sorted(known[topic].partitions) for topic in self._names}

    def _ends(self, messages: Iterable[Message]) -> dict[str, dict[int, int]]:
        """Topic -> partition -> the first offset after those of `messages`."""
        ends: dict[str, dict[int, int]] = {}
        for message in messages:
            topic, number, offset = _place(message)
            before = ends.setdefault(topic, {}).get(number, self._known[topic].next_offsets.get(number, 0))
            if offset < before:
                raise TopicChangedError(f"topic {topic} goes back from {before} to {offset}: beginning again")
            ends[topic][number] = offset + 1
        return ends

    def _events(self, messages: Iterable[Message]) -> Iterable[Exposure | Act]:
        for message in messages:
            place, at = _place(message), datetime.fromtimestamp(message.timestamp()[1] / 1000, UTC)
            if self._names[place[0]] == topics.RECOMMENDATIONS:
                shown = attribution.exposure(message.value())
                if shown is None:
                    self.rejected += 1
                    log.warning("no exposure: %s-%d-%d", *place)
                else:
                    yield shown
                continue
            parsed = parse(message.value(), *place, at, self._weights)
            if isinstance(parsed, Interaction):
                yield attribution.act(parsed, at, self._read)
            else:
                self.rejected += 1  # the ingest keeps it as a dead letter

    def _store(
        self, session: ClientSession, events: list[Exposure | Act], ends: Mapping[str, Mapping[int, int]]
    ) -> None:
        self._advance(session, ends)
        ids = list({event.recommendation_id for event in events if event.recommendation_id is not None})
        found = self._db[LISTS].find({"_id": {"$in": ids}}, session=session) if ids else ()
        changes = attribution.join({each["_id"]: each for each in found}, events)
        for collection, writes in _writes(changes).items():
            if writes:
                self._db[collection].bulk_write(writes, ordered=False, session=session)

    def _advance(self, session: ClientSession, ends: Mapping[str, Mapping[int, int]]) -> None:
        """Move the offsets from where they were known to be, and from nowhere else."""
        for topic, moved in ends.items():
            known = self._known[topic]
            wanted: Document = {"_id": known.topic, "topic_id": known.topic_id}
            wanted |= {f"next_offsets.{number}": known.next_offsets.get(number) for number in moved}
            change = {f"next_offsets.{number}": at for number, at in moved.items()} | {"updated_at": _now()}
            done = self._db[progress.COLLECTION].update_one(wanted, {"$set": change}, session=session)
            if done.matched_count == 0:
                raise OutpacedError(f"another process counts {topic}")


def _place(message: Message) -> tuple[str, int, int]:
    """Topic, partition and offset; every message that was read has them."""
    return cast("tuple[str, int, int]", (message.topic(), message.partition(), message.offset()))


def _writes(changes: Changes) -> dict[str, list[Any]]:
    """Collection -> what to write."""
    return {
        LISTS: [ReplaceOne({"_id": name}, there, upsert=True) for name, there in changes.lists.items()],
        COUNTS: [
            UpdateOne({"_id": key.id}, {"$setOnInsert": key._asdict(), "$inc": _long(counted)}, upsert=True)
            for key, counted in changes.counts.items()
        ],
        USERS: [
            UpdateOne(
                {"_id": f"{arm}:{user_id}"},
                {
                    "$setOnInsert": {"arm": arm, "user_id": user_id, "expires_at": _now() + USER_KEPT},
                    "$inc": _long(counted),
                },
                upsert=True,
            )
            for (arm, user_id), counted in changes.users.items()
        ],
    }


def _long(counted: Counter[str]) -> dict[str, int]:
    return {name: count for name, count in counted.items() if count}


def _now() -> datetime:
    return datetime.now(UTC)


def _told(error: Exception) -> str:
    if isinstance(error, KafkaException):
        return f"Kafka: {error.args[0].str()}"
    return f"{type(error).__name__}: {error}"[:300]
