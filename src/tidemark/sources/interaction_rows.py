"""Interaction rows: from one record of a file to an interaction, by the mapping, unit and scale that were found; or why it is none.

What an event counts is told by the same rule as for the topic (`from_messages.weigh`), unless a column says it.
"""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tidemark.contracts import conformance
from tidemark.contracts.conformance import Difference
from tidemark.interactions import keys
from tidemark.interactions.from_messages import Weights, weigh
from tidemark.sources import time_units
from tidemark.sources.scales import Scale

Record = dict[str, Any]
Judged = tuple[Record, list[Difference]]

CONTRACT = "file_interaction"
MICROSECONDS = 1_000_000
ALIASES = {
    "addtocart": "cart",
    "add_to_cart": "cart",
    "add to cart": "cart",
    "transaction": "purchase",
    "buy": "purchase",
    "bought": "purchase",
    "order": "purchase",
    "purchased": "purchase",
    "pageview": "view",
    "page_view": "view",
    "wishlist": "wish",
    "favorite": "wish",
    "fav": "wish",
    "pv": "view",
}
"""Names that events usually have elsewhere, where the platform does not know an event of just that name."""


@dataclass(frozen=True)
class Rules:
    """By what records become interactions.

    Args:
        name: of the source; begins the keys.
        columns: what it is -> the column.
        unit: of the times; `none`: the order in the files is the time.
        scale: of the ratings; None where there are none.
        events: event types of the source -> those of the platform.
        event: the type of all events, where no column names one; empty: none.
        weights: what events count.
    """

    name: str
    columns: Mapping[str, str]
    unit: str
    scale: Scale | None
    events: Mapping[str, str]
    event: str
    weights: Weights


def identifier(value: Any) -> Any:
    """An id as text: numbers as they are written, whole ones without a point, and texts without blanks around them."""
    if isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value.strip() if isinstance(value, str) else str(value) if isinstance(value, int) else value


def number(value: Any) -> Any:
    """A number where `value` is one, or a text of one, with a decimal point or comma; else `value`."""
    if isinstance(value, str):
        text = value.strip()
        try:
            return float(text.replace(",", ".") if "." not in text else text)
        except ValueError:
            return value
    return value


def whole(value: Any) -> Any:
    """The same of a whole number."""
    read = number(value)
    return int(read) if isinstance(read, float) and math.isfinite(read) and read.is_integer() else read


def is_missing(value: Any) -> bool:
    """Whether nothing stands there: null, an empty text, or what is no number in a column of numbers."""
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))


def maker(rules: Rules) -> Callable[[Record, int], Judged]:
    """What makes of a record, and its place in the source, a document of the contract `interaction` with `event_type` and `extra`;
    or, where it is none, tells why, and whom it names."""
    read_time = time_units.reader(rules.unit) if rules.unit != time_units.NONE else None
    columns = rules.columns

    def make(record: Record, place: int) -> Judged:
        told: Record = {}
        for role, column in columns.items():
            value = record.get(column)
            if is_missing(value):
                continue
            if role in ("user", "item"):
                told[f"{role}_id"] = identifier(value)
            elif role in ("rating", "weight"):
                told[role] = number(value)
            elif role == "quantity":
                told[role] = whole(value)
            elif role == "event":
                told["event_type"] = _event(value, rules)
            elif role == "time" and read_time is not None:
                seconds = read_time(value)
                told["timestamp"] = value if seconds is None else seconds
        differences = _differences(told, rules)
        if differences:
            user_id = told.get("user_id")
            return {"user_id": user_id if isinstance(user_id, str) else None}, differences
        return _made(told, rules, place), []

    return make


def _event(value: Any, rules: Rules) -> Any:
    if not isinstance(value, str):
        return value
    event = value.strip().casefold()
    event = rules.events.get(event, event)
    return event if event in rules.weights.by_type else ALIASES.get(event, event)


def _differences(told: Record, rules: Rules) -> list[Difference]:
    found = conformance.differences(CONTRACT, told)
    named = {difference.text.partition(":")[0] for difference in found}
    if rules.unit != time_units.NONE and "time" in rules.columns and "timestamp" not in told:
        found.append(Difference("timestamp: missing", "timestamp: is missing"))
    if isinstance(told.get("timestamp"), str):
        unit = time_units.text(rules.unit)
        found = [d for d in found if not d.text.startswith("timestamp")]
        found.append(Difference("timestamp: of another unit", f"timestamp: {told['timestamp'][:40]!r} is not {unit}"))
    event = told.get("event_type")
    if isinstance(event, str) and "event_type" not in named and event not in rules.weights.by_type:
        known = ", ".join(rules.weights.by_type)
        found.append(
            Difference("event_type: not known", f"event_type: {event[:80]!r} is not known; there are: {known}")
        )
    rating = told.get("rating")
    if rules.scale and "rating" not in named and rating is not None and not rules.scale.holds(rating):
        found.append(Difference("rating: off its scale", f"rating: {rating:g} is not on the scale {rules.scale.name}"))
    return found


def _made(told: Record, rules: Rules, place: int) -> Record:
    rating, event = told.get("rating"), told.get("event_type")
    if event is None:
        event = rules.event or (rules.weights.default if rating is None else None)
    weight = told.get("weight")
    if weight is None:
        weight = weigh(event, told.get("quantity") or 1, rules.weights)
    seconds = told.get("timestamp")
    extra = {}
    if rating is not None and rules.scale and not rules.scale.is_stars:
        extra = {"rating": rating, "scale": rules.scale.name}
        rating = rules.scale.stars(rating)
    return {
        "_id": keys.of_file(rules.name, told["user_id"], told["item_id"], seconds, event),
        "user_id": told["user_id"],
        "item_id": told["item_id"],
        "rating": None if rating is None else float(rating),
        "weight": float(weight),
        # A place is a millisecond: nobody ever reads so much that it would reach 1995, where times begin.
        "timestamp": place * 1_000 if seconds is None else seconds * MICROSECONDS,
        "source": keys.FILE,
        "event_type": event,
        "extra": json.dumps(extra, separators=(",", ":")) if extra else None,
    }


def moment(seconds: int) -> str:
    """For a person: a time of a sample, ISO 8601."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()
