"""Time units: in what a column of times counts, told by its values: seconds, milliseconds, microseconds, nanoseconds or text.

A time lies between 1995 and now. So a number has one unit at most by which it is a time: a second's number is a thousand
times too small for milliseconds.
"""

import re
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from tidemark.contracts.conformance import AHEAD, EARLIEST
from tidemark.errors import BadInputError

PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
ISO, NONE, AUTO = "iso", "none", "auto"

WORDS = {
    "s": "seconds since 1970",
    "ms": "milliseconds since 1970",
    "us": "microseconds since 1970",
    "ns": "nanoseconds since 1970",
    ISO: "ISO 8601",
    NONE: "no times",
}

_SLASHED = re.compile(r"(\d{1,4})[./-](\d{1,2})[./-](\d{1,4})")


def text(unit: str) -> str:
    """A unit in words."""
    return WORDS.get(unit, f"the pattern {unit}")


def is_known(unit: str) -> bool:
    """Whether a person may say this: `auto`, a unit, or a pattern of `strptime`."""
    return unit == AUTO or unit in WORDS or "%" in unit


def find(source: str, values: Sequence[Any]) -> str:
    """The unit of `values`, a sample from all of a file's times.

    Raises:
        BadInputError: they are of two units, of none, or can be read in two ways; it asks.
    """
    units = {_unit(value) for value in values if value not in (None, "")}
    known = units - {None}
    if len(known) == 1:
        return str(next(iter(known)))
    example = next((value for value in values if value not in (None, "") and _unit(value) is None), None)
    if len(known) > 1:
        each = ", ".join(f"{WORDS[str(u)]} (as {_first(values, u)!r})" for u in sorted(map(str, known)))
        raise BadInputError(
            f"{source}: its times are of several units: {each}. Split the file, or give the parameter `time_unit` if one of them "
            "is meant: rows of another are then kept aside"
        )
    if example is None:
        raise BadInputError(f"{source}: the column of times is empty. Give `time_unit` none if there are no times")
    raise BadInputError(
        f"{source}: it cannot be told what times like {str(example)[:40]!r} are. Give the parameter `time_unit`: "
        f"{', '.join(PER_SECOND)}, iso, none (the order in the file is the time), or a pattern such as %d/%m/%Y %H:%M "
        "(in `make run`: COLUMNS=\"'time_unit=%d/%m/%Y %H:%M'\")"
        + (": day and month cannot be told apart" if isinstance(example, str) and _SLASHED.match(example) else "")
    )


def _first(values: Sequence[Any], unit: str | None) -> Any:
    return next(value for value in values if value not in (None, "") and _unit(value) == unit)


def _unit(value: Any) -> str | None:
    """The one unit by which `value` is a time; None where there is none."""
    number = _number(value)
    if number is None:
        return ISO if isinstance(value, str) and _of_iso(value) is not None else None
    for unit, per_second in PER_SECOND.items():
        if EARLIEST <= number / per_second <= time.time() + AHEAD:
            return unit
    return ISO if isinstance(value, str) and len(value.strip()) == len("20200101") and _of_iso(value) else None


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if number == number and abs(number) != float("inf") else None


def _of_iso(value: str) -> int | None:
    try:
        moment = datetime.fromisoformat(value.strip().removesuffix(" UTC"))
    except ValueError:
        return None
    return _seconds(moment)


def _seconds(moment: datetime) -> int:
    """Whole seconds since 1970; a time without a zone is UTC."""
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() // 1)


def reader(unit: str) -> Callable[[Any], int | None]:
    """What makes whole seconds since 1970 of a value of `unit`, as the interactions of the topic have; None where it is none."""
    if unit == ISO:
        return lambda value: _of_iso(value) if isinstance(value, str) else None
    if unit in PER_SECOND:
        return lambda value: _of_number(value, PER_SECOND[unit])

    def of_pattern(value: Any) -> int | None:
        try:
            return _seconds(datetime.strptime(str(value).strip(), unit))
        except ValueError:
            return None

    return of_pattern


def _of_number(value: Any, per_second: int) -> int | None:
    if isinstance(value, str) and value.strip().lstrip("-").isdigit():
        return int(value) // per_second
    number = _number(value)
    return None if number is None or abs(number) > 2**63 else int(number // per_second)
