"""Contracts: one JSON Schema per record kind in `include/schemas/`, and what follows from each.

From the one file come the Spark type (`spark_type`), the MongoDB collection validator (`mongo_validator`) and the
check of a single record (`tidemark.contracts.conformance`). A stored time is `{"type": "string", "format": "date-time"}`: a Spark
timestamp, a BSON date, and in a record a `datetime`.
"""

import json
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from tidemark.errors import ContractError
from tidemark.settings import shipped

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
    path = shipped(f"include/schemas/{name}.json")
    if not path.is_file():
        raise ContractError(f"no contract named {name!r} in include/schemas/; there are: {', '.join(names())}")
    loaded: Schema = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def names(prefix: str = "") -> list[str]:
    """The contracts whose names begin with `prefix`, sorted."""
    return sorted(p.stem for p in shipped("include/schemas").glob(f"{prefix}*.json"))


def fields(name: str) -> list[str]:
    """The field names of the record kind `name`, in the order of its contract."""
    return list(schema(name)["properties"])


def kinds(node: Schema) -> list[str]:
    """The JSON types that `node` allows; empty where it allows any."""
    kind = node.get("type", [])
    return [kind] if isinstance(kind, str) else list(kind)


def _spark(node: Schema) -> "DataType":
    from pyspark.sql import types as t

    allowed = [kind for kind in kinds(node) if kind != "null"]
    if len(allowed) != 1:  # of several kinds: kept as the JSON text it came as
        return t.StringType()
    match allowed[0]:
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
    allowed = [b for kind in kinds(node) for b in bson[kind]]
    if allowed:
        out["bsonType"] = allowed
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


def require_columns(name: str, frame_schema: "StructType") -> None:
    """Hold a Spark frame against the contract `name`.

    Raises:
        ContractError: columns are missing, too many or of another type; the message lists every difference.
    """
    expected = {f.name: f.dataType for f in spark_type(name)}
    given = {f.name: f.dataType for f in frame_schema}
    differences = [f"missing {k}" for k in expected if k not in given]
    differences += [f"not in the contract: {k}" for k in given if k not in expected]
    differences += [
        f"{k} is {given[k].simpleString()}, not {v.simpleString()}"
        for k, v in expected.items()
        if k in given and given[k].simpleString() != v.simpleString()
    ]
    if differences:
        raise ContractError(f"columns do not satisfy include/schemas/{name}.json: {'; '.join(differences)}")
