"""Dead letters: what they are for, and how those that are valid by now are sent again."""

import base64
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from confluent_kafka import Message, Producer
from pymongo.database import Database

from tidemark.contracts.messages import DeadLetter
from tidemark.errors import UnreachableError
from tidemark.interactions import keys
from tidemark.interactions.from_messages import Interaction, Weights, parse, user_of
from tidemark.items import item_messages
from tidemark.items.item_messages import ItemSaid
from tidemark.settings import Settings
from tidemark.storage import tombstones
from tidemark.stream import topics

Document = dict[str, Any]

COLLECTION = "dead_letters"
CHUNK = 500
"""Letters that are sent, waited for and marked together."""

OF_ERASED = "of a user who was erased"
"""Why a letter is not sent again that will be gone in a moment."""
WAITING: Mapping[str, Any] = MappingProxyType({"replayed_at": None})
"""Matches the letters that were not sent again."""


@dataclass
class Replay:
    """What a replay did: letters read, sent again, and the reasons of the rest with how many have each."""

    read: int = 0
    sent: int = 0
    rest: Counter[str] = field(default_factory=Counter)

    def document(self) -> dict[str, Any]:
        """As JSON; the fifteen most common reasons."""
        return {"read": self.read, "sent": self.sent, "rest": dict(self.rest.most_common(15))}

    def text(self) -> str:
        """For a log: counts, and why the rest stays."""
        lines = [f"read {self.read:,} dead letters; sent {self.sent:,} again; {self.read - self.sent:,} stay"]
        lines += [f"{count:>9,}  {reason}" for reason, count in self.rest.most_common(15)]
        return "\n".join(lines)


def kind(reason: str) -> str:
    """A reason without its details: `rating: 6 is greater than the maximum of 5` and `rating: 7 ...` are one kind."""
    return re.sub(r"'[^']*'|\"[^\"]*\"|\d[\d.,:T+-]*", "…", reason)[:120]


def replay(db: Database[dict[str, Any]], config: Settings, *, dry_run: bool = False, only: str = "") -> Replay:
    """Check every dead letter by today's rules, and send those that are valid to the topic that they came by.

    Args:
        db: the platform's database.
        config: the settings; event types may have been added since.
        dry_run: only count.
        only: a part of the reason; the letters with another one are left alone.

    A letter is sent with its origin in a header and marked afterwards; one that was sent and not marked is sent again,
    and is still one interaction (`keys.origin`), or changes an item to the same. It keeps its time. Raises UnreachableError
    where Kafka does not take it; what was sent before is marked.
    """
    weights, done = Weights(config.weight_of_event, config.event_default), Replay()
    gone = tombstones.read(db, config)
    of_interactions, of_items = (topics.name(topic, config) for topic in (topics.INTERACTIONS, topics.ITEMS))
    producer = Producer(topics.producer_config(config) | {"delivery.timeout.ms": 30_000})
    asked: dict[str, Any] = dict(WAITING)
    if only:
        asked["reason"] = {"$regex": re.escape(only)}
    waiting: list[str] = []
    for letter in db[COLLECTION].find(asked).sort("_id"):
        done.read += 1
        value = None if letter.get("value") is None else base64.b64decode(letter["value"])
        if gone and user_of(value) in gone:
            done.rest[OF_ERASED] += 1
            continue
        topic = of_items if letter["topic"] == of_items else of_interactions
        place = letter["topic"], letter["partition"], letter["offset"]
        checked: Interaction | ItemSaid | DeadLetter
        if topic == of_items:
            checked = item_messages.parse(None, value, *place, datetime.now(UTC), letter_id=letter["_id"])
        else:
            checked = parse(value, *place, datetime.now(UTC), weights, happened=letter["time"])
        if isinstance(checked, DeadLetter):
            done.rest[kind(checked.reason)] += 1
            continue
        done.sent += 1
        if dry_run:
            continue
        _send(producer, topic, letter, value, checked.item_id if isinstance(checked, ItemSaid) else checked.user_id)
        waiting.append(letter["_id"])
        if len(waiting) >= CHUNK:
            _mark(db, producer, waiting, config)
    if waiting:
        _mark(db, producer, waiting, config)
    return done


def _send(producer: Producer, topic: str, letter: Document, value: bytes | None, key: str) -> None:
    producer.produce(
        topic,
        value,
        key=key.encode(),
        headers=[keys.origin_header(letter["_id"], letter["time"])],
        on_delivery=_delivered,
    )
    producer.poll(0)


def _delivered(error: Any, _message: Message) -> None:
    if error is not None:
        raise UnreachableError(
            f"Kafka did not take a dead letter that was sent again: {error.str()}. `make status` tells"
        )


def _mark(db: Database[dict[str, Any]], producer: Producer, waiting: list[str], config: Settings) -> None:
    if producer.flush(60) > 0:
        raise UnreachableError(f"Kafka does not take what is sent at {config.kafka_bootstrap}. `make status` tells")
    db[COLLECTION].update_many({"_id": {"$in": waiting}}, {"$set": {"replayed_at": datetime.now(UTC)}})
    waiting.clear()
