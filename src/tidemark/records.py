"""Files of JSON lines, read by Spark with the type of their contract and held against it.

The contract is checked twice over: natively, as Spark columns, on every line (`suspicion`, which may err on the side of
doubt), and by `contracts.line_differences` on the few lines under suspicion, whose verdict counts and whose words are
kept. So batch and stream refuse the same records for the same reasons, at the speed of native columns.
"""

import time
from collections.abc import Iterator, Sequence
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyspark.sql import functions as f
from pyspark.sql import types as t
from pyspark.sql.pandas.functions import arrow_udf

from tidemark import contracts
from tidemark.errors import ContractError

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

STRICT_JSON = {
    "mode": "PERMISSIVE",
    "columnNameOfCorruptRecord": "corrupt",
    "allowSingleQuotes": "false",
    "allowNonNumericNumbers": "false",
}
"""JSON as its standard has it: Spark's reader also takes single quotes and NaN."""

_CHECKED = frozenset(
    [
        "description",
        "epoch",
        "items",
        "maximum",
        "maxItems",
        "minimum",
        "minItems",
        "maxLength",
        "minLength",
        "pattern",
        "type",
    ]
)

VERDICT = t.StructType(
    [t.StructField("kinds", t.ArrayType(t.StringType())), t.StructField("texts", t.ArrayType(t.StringType()))]
)


def lines(spark: "SparkSession", paths: Sequence[str], partitions: int) -> "DataFrame":
    """The lines of `paths` that are not blank: `raw` (the bytes as they came, as a string column) and `file`.

    Only a line feed ends a line. Fewer input splits than `partitions` (gzip cannot be split) are spread over as many.
    """
    frame = spark.read.option("lineSep", "\n").text(list(paths))
    frame = frame.select(f.col("value").alias("raw"), f.col("_metadata.file_path").alias("file"))
    frame = frame.where(f.btrim(f.col("raw"), f.lit(" \t\r")) != "")
    bom = "\ufeff"
    frame = frame.withColumn(
        "raw", f.when(f.col("raw").startswith(bom), f.expr("substring(raw, 2)")).otherwise(f.col("raw"))
    )
    return frame.repartition(partitions) if frame.rdd.getNumPartitions() < partitions else frame


def parse(frame: "DataFrame", contract: str) -> "DataFrame":
    """Read each `raw` line as a record of `contract` and judge it.

    Args:
        frame: `raw` and `file`, as `lines` gives them.
        contract: a contract of one flat record.

    Returns:
        `file`, `raw`, `record` (typed as the contract) and `verdict` (`kinds` and `texts`; null where the line is good).
    """
    kind = t.ArrayType(contracts.spark_type(contract))
    wrapped = t.StructType([t.StructField("r", kind), t.StructField("corrupt", t.StringType())])
    # In a wrapper, what trails the object makes the line as unreadable as it is; alone, Spark would overlook it.
    text = f.concat(f.lit('{"r":['), f.col("raw"), f.lit("]}"))
    read = frame.withColumn("parsed", f.from_json(text, wrapped, STRICT_JSON))
    record = f.col("parsed.r")[0]
    unread = f.coalesce(
        f.col("parsed.corrupt").isNotNull() | (f.array_size("parsed.r") != 1) | record.isNull(), f.lit(True)
    )
    suspect = unread | suspicion(contract, record, f.col("raw"))
    verdict = _judge(contract)(f.when(suspect, f.col("raw").cast("binary")), unread)
    return read.select("file", "raw", record.alias("record"), verdict.alias("verdict"))


def suspicion(contract: str, record: "Column", raw: "Column") -> "Column":
    """Whether a line may differ from `contract`: true for all that do, and for a few that do not.

    Args:
        contract: a contract of one flat record.
        record: the line, read with the contract's type.
        raw: the line.

    Raises:
        ContractError: the contract uses a keyword that this cannot check; it must not be passed over.
    """
    whole = contracts.schema(contract)
    doubts = [~f.is_valid_utf8(raw)]
    if "maxBytes" in whole:
        doubts.append(f.octet_length(raw) > whole["maxBytes"])
    for name, node in whole["properties"].items():
        value = record.getField(name)
        named_as_text = raw.rlike(rf'"{name}"\s*:\s*"')
        if name in whole["required"]:
            doubts.append(value.isNull())
            doubts += [doubt & ~named_as_text for doubt in _other_type(node, value)]
        else:
            doubts += _other_type(node, value)
        doubts += _out_of_range(f"{contract}.{name}", node, value)
    return f.coalesce(reduce(or_, doubts), f.lit(False))


def _kinds(node: contracts.Schema) -> set[str]:
    kind = node.get("type", [])
    return {kind} if isinstance(kind, str) else set(kind)


def _other_type(node: contracts.Schema, value: "Column") -> "list[Column]":
    """Spark reads a number, a truth value, a list or an object as text where a text is asked for: does it look like one?"""
    if _kinds(node) - {"null"} != {"string"}:
        return []
    return [value.rlike(r"(?s)^(?:-?\d[\d.eE+-]*|true|false|\[.*\]|\{.*\})$")]


def _out_of_range(where: str, node: contracts.Schema, value: "Column") -> "list[Column]":
    unknown = set(node) - _CHECKED - ({"additionalProperties"} if not node.get("additionalProperties") else set())
    if unknown:
        raise ContractError(f"{where}: no native check for {', '.join(sorted(unknown))}; add it to tidemark.records")
    doubts = []
    if "number" in _kinds(node):
        doubts.append(f.isnan(value))
    if "minimum" in node:
        doubts.append(value < node["minimum"])
    if "maximum" in node:
        doubts.append(value > node["maximum"])
    if "minLength" in node:
        doubts.append(f.length(value) < node["minLength"])
    if "maxLength" in node:
        doubts.append(f.length(value) > node["maxLength"])
    if "pattern" in node:  # (?U): a space is what Unicode calls one, as in Python
        doubts.append(~value.rlike(f"(?U){node['pattern']}"))
    if "epoch" in node:
        unit = contracts.PER_SECOND[node["epoch"]]
        latest = (int(time.time()) + contracts.AHEAD) * unit
        doubts += [value < contracts.EARLIEST * unit, value > latest]
    if "minItems" in node:
        doubts.append(f.array_size(value) < node["minItems"])
    if "maxItems" in node:
        doubts.append(f.array_size(value) > node["maxItems"])
    if node.get("items") and "array" in _kinds(node):
        item: contracts.Schema = node["items"]

        def amiss(element: "Column") -> "Column":
            return reduce(or_, [element.isNull(), *_other_type(item, element), *_out_of_range(where, item, element)])

        doubts.append(f.exists(value, amiss))
    return doubts


def _verdict(contract: str, line: bytes | None, unread: bool) -> dict[str, Any] | None:
    if line is None:
        return None
    found = contracts.line_differences(contract, line)
    if not found and unread:  # Spark could not read what Python could: rejected, never half read
        found = [contracts.Difference("record: not readable", f"record: not readable as {contract}")]
    if not found:
        return None
    texts = [d.text.encode("utf-8", "replace").decode() for d in found]
    return {"kinds": sorted({d.kind for d in found}), "texts": texts}


def _judge(contract: str) -> Any:
    """A Spark function of (the line where it is under suspicion, whether it could not be read): its verdict."""

    @arrow_udf(VERDICT)  # type: ignore[call-overload]
    def judge(raw: pa.Array, unread: pa.Array) -> pa.Array:
        kind = pa.struct([("kinds", pa.list_(pa.string())), ("texts", pa.list_(pa.string()))])
        if raw.null_count == len(raw):
            return pa.nulls(len(raw), kind)
        pairs: Iterator[tuple[bytes | None, bool]] = zip(raw.to_pylist(), unread.to_pylist(), strict=True)
        return pa.array([_verdict(contract, *pair) for pair in pairs], kind)

    return judge


MONGO_ROOM = 12 * 1024 * 1024
"""Bytes of a line that a MongoDB document (16 MB) has room for, also in base64 where it is not UTF-8 (9 MB there)."""


def rejects(staged: "DataFrame", kind: str, load: str) -> "DataFrame":
    """The refused lines as documents of the contract `reject`, alike ones as one that counts its copies.

    Args:
        staged: `raw`, `texts` (null where the line is good) and `file`, as the stages of reviews and products give them.
        kind: `review` or `product`.
        load: the `_id` of the load.
    """
    refused = staged.where("texts IS NOT NULL").withColumn("_id", f.sha2("raw", 256))
    one = refused.groupBy("_id").agg(
        f.first("raw").alias("bytes"),
        f.first("texts").alias("reasons"),
        f.min("file").alias("file"),
        f.count("*").alias("copies"),
    )
    text = f.col("bytes").cast("string")
    utf8 = f.is_valid_utf8(text)
    room = f.when(utf8, MONGO_ROOM).otherwise(MONGO_ROOM * 3 // 4)
    return one.select(
        "_id",
        f.lit(kind).alias("kind"),
        # What is cut in the middle of a character ends before it.
        f.when(
            utf8, f.when(f.octet_length("bytes") <= room, text).otherwise(f.left(text, f.lit(MONGO_ROOM // 4)))
        ).alias("raw"),
        f.when(~utf8, f.base64(f.substring("bytes", 1, MONGO_ROOM * 3 // 4))).alias("raw_base64"),
        f.octet_length("bytes").cast("bigint").alias("raw_bytes"),
        (f.octet_length("bytes") > room).alias("cut"),
        "reasons",
        "file",
        f.lit(load).alias("load"),
        "copies",
    )
