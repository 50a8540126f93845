"""The one parser of the messages in the topic `interactions`: bytes in, an interaction or a dead letter out.

Two forms: JSON by `include/schemas/interaction_message.json`, and the compact `user:item`. What starts with `{`, `[`
or `"` is JSON; of the rest, what holds a `:` is compact. Plain Python, no I/O: the ingest calls it in Spark's
workers, `replay_dead_letters` and the tests call it as it is. It never raises: whatever came becomes one of the two.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from tidemark.contracts import conformance, messages, schemas
from tidemark.contracts.messages import DeadLetter
from tidemark.errors import RejectedError
from tidemark.interactions import keys

CONTRACT = "interaction_message"

_KNOWN = frozenset(schemas.fields(CONTRACT))
_conforms_surely = conformance.quick_check(CONTRACT)


@dataclass(frozen=True, slots=True)
class Weights:
    """What an event counts: the weight of each type, and the type of a message that names none."""

    by_type: Mapping[str, float]
    default: str


@dataclass(frozen=True, slots=True)
class Interaction:
    """One user-item event, ready to store. `extra` is the JSON text of the fields that the contract does not name."""

    id: str
    user_id: str
    item_id: str
    rating: float | None
    weight: float
    timestamp: datetime
    event_type: str | None
    extra: str | None


def weigh(event_type: str | None, quantity: int, weights: Weights) -> float:
    """What an event counts. A rating without a type counts 1, as a review from a file does.

    Pieces count by `1 + ln(quantity)`: three of a thing are more than one, a thousand screws are not a thousand tastes.
    """
    by_type = 1.0 if event_type is None else weights.by_type[event_type]
    return by_type * (1.0 + math.log(quantity))


def parse(
    value: bytes | None,
    topic: str,
    partition: int,
    offset: int,
    broker_time: datetime,
    weights: Weights,
    *,
    prefix: str | None = None,
    origin: str | None = None,
    happened: datetime | None = None,
) -> Interaction | DeadLetter:
    """Make an interaction of a message, or a dead letter with the reason. The same message gives the same answer.

    Args:
        value: the bytes of the message; None is a tombstone.
        topic, partition, offset: where it is; the result's id unless `origin` is given.
        prefix: what stands for the topic in that id, where it was made anew (see `keys.prefix`).
        broker_time: when Kafka took it (UTC): the time of a message without one, and the end of the past.
        weights: the event types that are known, and what they count.
        origin: of a message that was sent again, the key of what it was (see `keys.origin`).
        happened: the time of a message without one, where not `broker_time`: it was sent again later.
    """
    key = origin or keys.of_message(prefix or topic, partition, offset)
    try:
        message = _decode(value)
        if isinstance(message, str):
            interaction = _compact(message, key, happened or broker_time, weights)
        else:
            interaction = _interaction(message, key, broker_time, happened or broker_time, weights)
    except RejectedError as reason:
        return DeadLetter(key, topic, partition, offset, broker_time, str(reason)[:2_000], value)
    if origin is None:
        return interaction
    return replace(interaction, id=keys.of_replayed(origin, interaction.item_id))


def user_of(value: bytes | None) -> str | None:
    """Whom a message names, whether or not it can become an interaction; None where nobody can tell."""
    if value is None:
        return None
    text = value.decode("utf-8", "surrogateescape").strip(" \t\r\n")
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        user_id, colon, _ = text.partition(":")
        return user_id if colon and text[0] not in '{["' else None
    named = message.get("user_id") if isinstance(message, dict) else None
    return named if isinstance(named, str) else str(named) if type(named) is int else None


def _decode(value: bytes | None) -> dict[str, Any] | str:
    """The JSON object of a message, or the text of a compact one."""
    if value is None:
        raise RejectedError("no value (a tombstone)")
    text = messages.text_of(value)
    if not text.startswith(messages.JSON_BEGINS) and ":" in text:
        return text
    return messages.object_of(text, or_else="user:item")


def _compact(text: str, key: str, happened: datetime, weights: Weights) -> Interaction:
    user_id, _, item_id = text.partition(":")
    message = {"user_id": user_id, "item_id": item_id}
    if not _conforms_surely(message):
        raise RejectedError(f"compact form: {'; '.join(conformance.reasons(CONTRACT, message))}")
    weight = weigh(weights.default, 1, weights)
    return Interaction(key, user_id, item_id, None, weight, happened, weights.default, None)


def _interaction(
    message: dict[str, Any], key: str, broker_time: datetime, happened: datetime, weights: Weights
) -> Interaction:
    messages.require(CONTRACT, message)
    user_id, item_id = message["user_id"], message["item_id"]
    if not (user_id.isascii() and item_id.isascii()):
        messages.require_writable(user_id + item_id)
    rating, event_type = message.get("rating"), message.get("event_type")
    if event_type is None and rating is None:
        event_type = weights.default
    if event_type is not None and event_type not in weights.by_type:
        raise RejectedError(
            f"event_type: {str(event_type)[:80]!r} is not known; there are: {', '.join(weights.by_type)}"
        )
    quantity = message.get("quantity")
    extra = {name: value for name, value in message.items() if name not in _KNOWN}
    return Interaction(
        key,
        user_id,
        item_id,
        None if rating is None else float(rating),
        weigh(event_type, 1 if quantity is None else int(quantity), weights),
        happened if message.get("timestamp") is None else _time(message["timestamp"], broker_time),
        event_type,
        json.dumps(extra, separators=(",", ":")) if extra else None,  # ASCII: half a surrogate pair stays harmless
    )


def _time(value: float | str, broker_time: datetime) -> datetime:
    """The time that a message names, in whole seconds as a review's is: both ways give the same interaction."""
    return messages.moment(value, broker_time).replace(microsecond=0)
