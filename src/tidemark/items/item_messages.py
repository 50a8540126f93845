"""The one parser of the messages in the topic `items`: key and value in, what is said of one item or a dead letter out.

Three forms: JSON by `include/schemas/item_message.json`; the bare id, as simple senders have it, which says that the item is
there; and no value at all, with the id as the message's key, which says that it is gone. Plain Python, no I/O. It never raises.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tidemark.contracts import messages
from tidemark.contracts.messages import DeadLetter
from tidemark.errors import RejectedError

CONTRACT = "item_message"
TOLD = ("title", "brand", "category", "categories", "price", "description", "image")
"""What can be said of an item, beside whether it is there."""

_OWN = frozenset(["item_id", "available", "timestamp", "schema_version", *TOLD])


@dataclass(frozen=True, slots=True)
class ItemSaid:
    """What one message says of one item.

    Args:
        item_id: of which.
        told: fields of the contract `item`, in place of all that was told before; None: it speaks of `available` alone.
        available: whether it may be shown.
        at: since when it is so, UTC, in milliseconds.
    """

    item_id: str
    told: Mapping[str, Any] | None
    available: bool
    at: datetime


def parse(
    key: bytes | None,
    value: bytes | None,
    topic: str,
    partition: int,
    offset: int,
    broker_time: datetime,
    *,
    letter_id: str,
    happened: datetime | None = None,
) -> ItemSaid | DeadLetter:
    """What a message says, or a dead letter with the reason. The same message gives the same answer.

    Args:
        key, value: the bytes of the message.
        topic, partition, offset: where it is.
        broker_time: when Kafka took it (UTC). A time that is ahead of it counts as it: nothing that comes after may wait
            for a wrong clock.
        letter_id: of the dead letter.
        happened: the time of a message without one, where not `broker_time`: it was sent again later.
    """
    try:
        message = _decode(key, value)
        messages.require(CONTRACT, message)
        named = message.get("timestamp")
        at = happened or broker_time if named is None else messages.moment(named, broker_time)
        messages.require_writable(json.dumps(message, ensure_ascii=False), "a text")
        available = message.get("available")
        return ItemSaid(
            message["item_id"], _told(message), True if available is None else available, min(at, broker_time)
        )
    except RejectedError as reason:
        return DeadLetter(letter_id, topic, partition, offset, broker_time, str(reason)[:2_000], value)


def _decode(key: bytes | None, value: bytes | None) -> dict[str, Any]:
    """A message as JSON says it, whatever its form."""
    if value is None or not value.strip() or value.strip() == b"null":
        if not key:
            raise RejectedError("neither a value nor a key: which item is gone?")
        return {"item_id": messages.text_of(key), "available": False}
    text = messages.text_of(value)
    if text.startswith('"'):  # the bare id, by a sender that writes all as JSON
        try:
            text = json.loads(text)
        except ValueError as error:
            raise RejectedError(f"not JSON and not the id of an item: {error}") from None
    if text.startswith(("{", "[")):
        return messages.object_of(text, or_else="the id of an item")
    return {"item_id": text}


def _told(message: Mapping[str, Any]) -> dict[str, Any] | None:
    """The fields that a message tells; what is null is not told."""
    told = {name: message[name] for name in TOLD if message.get(name) is not None}
    others = {name: value for name, value in message.items() if name not in _OWN and value is not None}
    if others:
        texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in others.items()}
        told["extra"] = texts
    return told or None
