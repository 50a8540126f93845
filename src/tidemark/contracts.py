"""Contracts: one JSON Schema per record kind in `include/schemas/`, and what follows from each.

From the one file come the Spark type (`spark_type`), the MongoDB collection validator (`mongo_validator`) and the
check of a single record (`reasons`) or line of JSON (`line_differences`); `tidemark.records` holds whole files against
it. A stored time is `{"type": "string", "format": "date-time"}`: a Spark timestamp, a BSON date, and in a record a
`datetime`.

Two keywords are our own: `epoch` (`seconds` or `milliseconds`: the number is a time after 1995 and not in the future)
and, of a whole record, `maxBytes` (of its line).
"""

import json
import math
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import jsonschema

from tidemark.errors import ContractError
from tidemark.settings import ROOT

if TYPE_CHECKING:  # Spark is imported only where a Spark type is asked for
    from pyspark.sql.types import DataType, StructType

Schema = Mapping[str, Any]

_MONGO_KEYWORDS = frozenset(
    "description enum maxItems maxLength maximum minItems minLength minimum pattern required title uniqueItems".split()  # noqa: SIM905
)


@cache
def schema(name: str) -> Schema:
    """The JSON Schema of the record kind `name`.

    Raises:
        ContractError: there is no such contract.
    """
    path = ROOT / "include" / "schemas" / f"{name}.json"
    if not path.is_file():
        raise ContractError(f"no contract named {name!r} in include/schemas/; there are: {', '.join(names())}")
    loaded: Schema = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def names(prefix: str = "") -> list[str]:
    """The contracts whose names begin with `prefix`, sorted."""
    return sorted(p.stem for p in (ROOT / "include" / "schemas").glob(f"{prefix}*.json"))


def fields(name: str) -> list[str]:
    """The field names of the record kind `name`, in the order of its contract."""
    return list(schema(name)["properties"])


def _kinds(node: Schema) -> list[str]:
    kind = node.get("type", [])
    return [kind] if isinstance(kind, str) else list(kind)


def _spark(node: Schema) -> "DataType":
    from pyspark.sql import types as t

    kinds = [kind for kind in _kinds(node) if kind != "null"]
    if len(kinds) != 1:  # of several kinds: kept as the JSON text it came as
        return t.StringType()
    match kinds[0]:
        case "string":
            return t.TimestampType() if node.get("format") == "date-time" else t.StringType()
        case "integer":
            return t.LongType()
        case "number":
            return t.DoubleType()
        case "boolean":
            return t.BooleanType()
        case "array":
            return t.ArrayType(_spark(node.get("items", {})))
        case "object" if "properties" in node:
            return t.StructType([t.StructField(k, _spark(v)) for k, v in node["properties"].items()])
        case "object":
            values = node.get("additionalProperties")
            return t.MapType(t.StringType(), _spark(values if isinstance(values, Mapping) else {}))
        case other:
            raise ContractError(f"no Spark type for the JSON type {other!r}")


def spark_type(name: str) -> "StructType":
    """The Spark type of the record kind `name`; every field nullable, so that a missing one is a row with a reason."""
    from pyspark.sql.types import StructType

    struct = _spark(schema(name))
    assert isinstance(struct, StructType)  # noqa: S101 -- a contract is an object
    return struct


def _mongo(node: Schema) -> dict[str, Any]:
    bson = {
        "string": ["date"] if node.get("format") == "date-time" else ["string"],
        "integer": ["int", "long"],
        "number": ["double", "int", "long"],
        "boolean": ["bool"],
        "array": ["array"],
        "object": ["object"],
        "null": ["null"],
    }
    out: dict[str, Any] = {key: value for key, value in node.items() if key in _MONGO_KEYWORDS}
    kinds = [b for kind in _kinds(node) for b in bson[kind]]
    if kinds:
        out["bsonType"] = kinds
    if "properties" in node:
        out["properties"] = {key: _mongo(value) for key, value in node["properties"].items()}
    if "items" in node:
        out["items"] = _mongo(node["items"])
    if "additionalProperties" in node:
        extra = node["additionalProperties"]
        out["additionalProperties"] = _mongo(extra) if isinstance(extra, Mapping) else extra
    return out


def mongo_validator(name: str) -> dict[str, Any]:
    """The MongoDB collection validator of the record kind `name`: `{"$jsonSchema": ...}`."""
    return {"$jsonSchema": _mongo(schema(name))}


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
    errors = sorted(_validator(name).iter_errors(record), key=lambda e: (list(map(str, e.absolute_path)), e.validator))
    return [_difference(error) for error in errors]


def reasons(name: str, record: Any) -> list[str]:
    """Why `record` does not satisfy the contract `name`, one text for each difference; empty where it does."""
    return [difference.text for difference in differences(name, record)]


def _no_constant(constant: str) -> float:
    raise ValueError(f"{constant} is not a number in JSON")


def line_differences(name: str, line: bytes) -> list[Difference]:
    """How one line, bytes as they came, differs from a JSON record of the contract `name`; empty where it does not."""
    limit = schema(name).get("maxBytes", len(line))
    if len(line) > limit:
        return [Difference("record: too long", f"record: {len(line):,} bytes, more than {limit:,}")]
    try:
        record = json.loads(line.decode("utf-8"), parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        return [Difference("record: not UTF-8", f"record: not UTF-8 at byte {error.start}")]
    except (ValueError, RecursionError) as error:
        return [Difference("record: not JSON", f"record: not JSON: {str(error)[:200]}")]
    return differences(name, record)


def require_columns(name: str, frame_schema: "StructType") -> None:
    """Hold a Spark frame against the contract `name`.

    Raises:
        ContractError: columns are missing, too many or of another type; the message lists every difference.
    """
    expected = {f.name: f.dataType for f in spark_type(name)}
    found = {f.name: f.dataType for f in frame_schema}
    differences = [f"missing {k}" for k in expected if k not in found]
    differences += [f"not in the contract: {k}" for k in found if k not in expected]
    differences += [
        f"{k} is {found[k].simpleString()}, not {v.simpleString()}"
        for k, v in expected.items()
        if k in found and found[k].simpleString() != v.simpleString()
    ]
    if differences:
        raise ContractError(f"columns do not satisfy include/schemas/{name}.json: {'; '.join(differences)}")
