"""Messages of any topic: bytes to text, to a JSON object, to a time; and what became of one that could not be taken."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NoReturn

from tidemark.contracts import conformance
from tidemark.errors import RejectedError

LARGEST = 256 * 1024
"""Bytes above which a message is not even parsed: an interaction is some hundred."""
DEEPEST = 32
"""Levels of nesting above which a message is not taken."""
MILLISECONDS_FROM = 100_000_000_000
"""Numbers from here on are milliseconds: as seconds they would mean the year 5138."""
JSON_BEGINS = ("{", "[", '"')


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that could not be taken: where it came from, when Kafka took it, and why."""

    id: str
    topic: str
    partition: int
    offset: int
    time: datetime
    reason: str
    value: bytes | None


def text_of(value: bytes) -> str:
    """The text of a message, without blanks around it; not empty.

    Raises:
        RejectedError: it is too large, no UTF-8, or empty.
    """
    if len(value) > LARGEST:
        raise RejectedError(f"too large: {len(value):,} bytes, {LARGEST:,} are taken")
    try:
        text = value.decode("utf-8").strip(" \t\r\n")
    except UnicodeDecodeError as error:
        raise RejectedError(f"not UTF-8: byte {error.start} is 0x{value[error.start]:02x}") from None
    if not text:
        raise RejectedError("empty")
    return text


def object_of(text: str, *, or_else: str) -> dict[str, Any]:
    """The JSON object that `text` is; `or_else` names the other form that it could have had.

    Raises:
        RejectedError: it is none.
    """
    try:
        message = json.loads(text, parse_constant=_no_constant)
    except RecursionError:
        raise RejectedError(f"nested deeper than {DEEPEST} levels") from None
    except ValueError as error:
        raise RejectedError(f"not JSON and not {or_else}: {error}") from None
    if not isinstance(message, dict):
        kind = {list: "an array", type(None): "null", str: "a string", bool: "a truth value"}.get(
            type(message), "a number"
        )
        raise RejectedError(f"JSON, but {kind} and not an object")
    return message


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def require(contract: str, message: dict[str, Any]) -> None:
    """Refuse what is not as `contract` says.

    Raises:
        RejectedError: how it differs, ten reasons at most.
    """
    if conformance.quick_check(contract)(message):
        return
    _require_flat(message, DEEPEST)
    reasons = conformance.reasons(contract, message)
    if reasons:
        raise RejectedError("; ".join(reasons[:10]))


def _require_flat(value: Any, allowed: int) -> None:
    if allowed < 0:
        raise RejectedError(f"nested deeper than {DEEPEST} levels")
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _require_flat(inner, allowed - 1)


def require_writable(text: str, what: str = "an id") -> None:
    """Refuse half of a character: an escape may name one (`\\ud800`), and no database takes it.

    Raises:
        RejectedError: `text` has one.
    """
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise RejectedError(f"{what} holds half of a surrogate pair") from None


def moment(value: float | str, broker_time: datetime) -> datetime:
    """The time that a message names, UTC, in milliseconds: seconds or milliseconds since 1970, or ISO 8601.

    Args:
        value: what it says.
        broker_time: when Kafka took it: a day after it the future begins.

    Raises:
        RejectedError: it is no time, before 1995 or in the future.
    """
    try:
        told = _moment(value)
    except (ValueError, OverflowError, OSError):
        raise RejectedError(f"timestamp: {str(value)[:40]!r} is not seconds, milliseconds or ISO 8601") from None
    if told.timestamp() < conformance.EARLIEST:
        raise RejectedError(f"timestamp: {told.isoformat()} is before 1995")
    if (told - broker_time).total_seconds() > conformance.AHEAD:
        raise RejectedError(
            f"timestamp: {told.isoformat()} is in the future (Kafka took it at {broker_time.isoformat()})"
        )
    return told


def _moment(value: float | str) -> datetime:
    if isinstance(value, str):
        told = datetime.fromisoformat(value)
        told = told.replace(tzinfo=UTC) if told.tzinfo is None else told.astimezone(UTC)
        return told.replace(microsecond=told.microsecond // 1000 * 1000)
    milliseconds = int(value) if abs(value) >= MILLISECONDS_FROM else int(value * 1000 // 1)
    told = datetime.fromtimestamp(milliseconds // 1000, UTC)
    return told.replace(microsecond=milliseconds % 1000 * 1000)
