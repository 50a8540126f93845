"""Conformance: whether one record is as its contract says, and if not, how it differs, in words.

`differences` is `jsonschema`, in front of which stands a quick check made from the same contract: it says yes where there
is no doubt (about every record there is), and leaves all else to `jsonschema`, whose verdict and words count.

Two keywords are our own: `epoch` (`seconds` or `milliseconds`: the number is a time after 1995 and not in the future)
and, of a whole record, `maxBytes` (of its line).
"""

import json
import math
import re
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

import jsonschema

from tidemark.contracts.schemas import Schema, kinds, schema

EARLIEST = 788_918_400
"""1995-01-01 UTC, epoch seconds: nothing was reviewed on the web before."""

AHEAD = 86_400
"""Seconds that a clock may be ahead: a date without a zone can be up to a day."""

PER_SECOND = {"seconds": 1, "milliseconds": 1_000}
"""Units of the keyword `epoch`."""


class Difference(NamedTuple):
    """One way in which a record is not as its contract says: `kind` groups alike ones, `text` tells this one."""

    kind: str
    text: str


_WORDS = {
    "required": "missing",
    "type": "of another type",
    "minimum": "too small",
    "maximum": "too large",
    "pattern": "has characters that are not allowed",
    "minLength": "empty",
    "maxLength": "too long",
    "epoch": "before 1995 or in the future",
}


def _is_string(checker: Any, instance: Any) -> bool:
    return isinstance(instance, str | datetime)


def _is_integer(checker: Any, instance: Any) -> bool:
    return isinstance(instance, int) and not isinstance(instance, bool) and -(2**63) <= instance < 2**63


def _is_number(checker: Any, instance: Any) -> bool:
    return _is_integer(checker, instance) or (isinstance(instance, float) and math.isfinite(instance))


def _epoch(validator: Any, unit: str, instance: Any, node: Schema) -> Iterator[jsonschema.ValidationError]:
    if not _is_integer(None, instance):
        return
    seconds = instance // PER_SECOND[unit]
    if seconds < EARLIEST:
        yield jsonschema.ValidationError(f"{instance} ({unit} since 1970) is before 1995")
    elif seconds > time.time() + AHEAD:
        yield jsonschema.ValidationError(f"{instance} ({unit} since 1970) is in the future")


Check = Callable[[Any], bool]

Checks = Mapping[type, Check]
"""Of values of a Python type, a check that is never wrong when it says yes. A type that is not here is left to `jsonschema`."""

_SAYS_NOTHING = frozenset(["$schema", "$defs", "title", "description", "default"])
_OF_CONTAINERS = frozenset(["propertyNames", "additionalProperties", "items"])
"""Keywords that say nothing of a value that is no object and no array."""


def _yes(value: Any) -> bool:
    return True


def _of_string(node: Schema) -> Check:
    least, most = node.get("minLength", 0), node.get("maxLength", 2**31)
    match, listed = re.compile(node.get("pattern", "")).search, node.get("enum")

    def check(value: str) -> bool:
        return least <= len(value) <= most and match(value) is not None and (listed is None or value in listed)

    return check if {"pattern", "enum", "minLength", "maxLength"} & set(node) else _yes


def _of_number(node: Schema) -> Check:
    least, most = node.get("minimum", -(2**63)), node.get("maximum", 2**63 - 1)
    if "epoch" in node:  # a process that lives for days refuses nothing for it: jsonschema looks again
        unit = PER_SECOND[node["epoch"]]
        least, most = EARLIEST * unit, int(time.time()) * unit
    return lambda value: least <= value <= most


def _of_array(node: Schema, defs: Schema) -> Check:
    least, most = node.get("minItems", 0), node.get("maxItems", 2**31)
    if "items" not in node:
        return lambda value: least <= len(value) <= most
    items = _checks(node["items"], defs)
    return lambda value: least <= len(value) <= most and all(_passes(items, item) for item in value)


_KEYWORDS = {
    "string": {"minLength", "maxLength", "pattern", "enum"},
    "integer": {"minimum", "maximum", "epoch"},
    "number": {"minimum", "maximum"},
    "boolean": set[str](),
    "null": set[str](),
    "array": {"items", "minItems", "maxItems"},
    "object": {"additionalProperties"},
}
"""JSON type -> the keywords that the checks know; a node with another one is left to `jsonschema`."""


def _checks(node: Schema, defs: Schema) -> Checks:
    """The checks of values of `node`; `defs` are the definitions that a `$ref` in it may name."""
    if set(node) == {"$ref"}:
        return _checks(defs[node["$ref"].removeprefix("#/$defs/")], defs)
    allowed, says = kinds(node), set(node) - _SAYS_NOTHING - {"type"}
    if not allowed:  # a keyword then binds the values of its own kind, and lets all others be
        containers = {"array", "object"} if says & _OF_CONTAINERS else set()
        allowed, says = [kind for kind in _KEYWORDS if kind not in containers], says - _OF_CONTAINERS
    if says - set[str]().union(*(_KEYWORDS[kind] for kind in allowed)):
        return {}
    checks: dict[type, Check] = {}
    for kind in allowed:
        match kind:
            case "string":
                checks[str] = _of_string(node)
            case "integer":
                checks[int] = _of_number(node)
            case "number":
                checks[int] = checks[float] = _of_number(node)
            case "boolean":
                checks[bool] = _yes
            case "null":
                checks[type(None)] = _yes
            case "array":
                checks[list] = _of_array(node, defs)
            case "object" if not node.get("additionalProperties"):
                checks[dict] = _yes
    return checks


def _passes(checks: Checks, value: Any) -> bool:
    check = checks.get(type(value))
    return check is not None and check(value)


@cache
def quick_check(name: str) -> Check:
    """A check whether a record satisfies the contract `name` beyond doubt: fast, and never wrong when it says yes.

    Where it says no, only `differences` can tell.
    """
    whole = schema(name)
    says = {"type", "required", "properties", "propertyNames", "additionalProperties", "maxBytes"}
    if set(whole) - _SAYS_NOTHING - says:
        return lambda record: False
    defs, required = whole.get("$defs", {}), whole.get("required", [])
    named = _checks(whole.get("propertyNames", {}), defs).get(str, lambda name: False)
    fields = {field: _checks(node, defs) for field, node in whole["properties"].items() if named(field)}
    extra = whole.get("additionalProperties", True)
    others = _checks(extra, defs) if isinstance(extra, Mapping) else _checks({}, defs) if extra else {}

    def check_record(record: Any) -> bool:
        if type(record) is not dict:
            return False
        for field in required:
            if field not in record:
                return False
        for field, value in record.items():
            checks = fields.get(field)
            if checks is None:
                if not named(field):
                    return False
                checks = others
            check = checks.get(type(value))
            if check is None or not check(value):
                return False
        return True

    return check_record


@cache
def _validator(name: str) -> Any:
    base = jsonschema.Draft202012Validator
    kinds = base.TYPE_CHECKER.redefine_many({"string": _is_string, "integer": _is_integer, "number": _is_number})
    return jsonschema.validators.extend(base, {"epoch": _epoch}, type_checker=kinds)(schema(name))


def _difference(error: jsonschema.ValidationError) -> Difference:
    where, message = ".".join(map(str, error.absolute_path)), error.message
    if error.validator == "required":
        where, message = message.split("'")[1], "is missing"
    elif error.instance is None:
        return Difference(f"{where}: missing", f"{where}: is null")
    shown = repr(error.instance)
    if len(shown) > 60:  # a long value must not push out what is wrong with it
        message = message.replace(shown, f"{shown[:50]}... ({len(shown)} characters)")
    words = _WORDS.get(str(error.validator), f"fails {error.validator}")
    return Difference(f"{where or 'record'}: {words}", f"{where or 'record'}: {message[:300]}")


def differences(name: str, record: Any) -> list[Difference]:
    """How `record` differs from the contract `name`; empty where it does not."""
    if quick_check(name)(record):
        return []
    errors = sorted(_validator(name).iter_errors(record), key=lambda e: (list(map(str, e.absolute_path)), e.validator))
    return [_difference(error) for error in errors]


def reasons(name: str, record: Any) -> list[str]:
    """Why `record` does not satisfy the contract `name`, one text for each difference; empty where it does."""
    return [difference.text for difference in differences(name, record)]


def _no_constant(constant: str) -> float:
    raise ValueError(f"{constant} is not a number in JSON")


def read_line(name: str, line: bytes) -> tuple[Any, list[Difference]]:
    """One line of JSON, bytes as they came: the record, and how it differs from the contract `name`.

    The record is None where it could not be read; where there is no difference, it is a `dict` as the contract says.
    """
    limit = schema(name).get("maxBytes", len(line))
    if len(line) > limit:
        return None, [Difference("record: too long", f"record: {len(line):,} bytes, more than {limit:,}")]
    record, unread = decode(line)
    return record, unread or differences(name, record)


def decode(line: bytes) -> tuple[Any, list[Difference]]:
    """One line of JSON, bytes as they came, whatever it holds; None, and why, where it is none."""
    try:
        return json.loads(line.decode("utf-8"), parse_constant=_no_constant), []
    except UnicodeDecodeError as error:
        return None, [not_utf8(error)]
    except (ValueError, RecursionError) as error:
        return None, [Difference("record: not JSON", f"record: not JSON: {str(error)[:200]}")]


def not_utf8(error: UnicodeDecodeError) -> Difference:
    """Where a record's bytes are no text."""
    return Difference("record: not UTF-8", f"record: not UTF-8 at byte {error.start}")
