"""Rows: files of one record a line, read by Spark's workers, held against a contract and made into records.

One pass of plain Python over Arrow batches reads, judges and cleans a line: the same check as the stream's, so that
batch and stream refuse the same records for the same reasons, and rules of cleaning that are plain functions.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import repeat
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyspark.sql import functions as f
from pyspark.sql import types as t
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.window import Window

from tidemark.contracts import conformance, schemas
from tidemark.contracts.conformance import Difference

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

Record = dict[str, Any]
Judged = tuple[Record, list[Difference]]
Judge = Callable[[bytes, int], Judged]
"""What makes of a line and its place (0 where places are not told) a record to store, or tells why it is none."""


def lines(spark: "SparkSession", paths: Sequence[str], partitions: int) -> "DataFrame":
    """The lines of `paths` that are not blank: `raw` (the bytes as they came, as a string column) and `file`.

    Only a line feed ends a line. Fewer input splits than `partitions` (gzip cannot be split) are spread over as many.
    """
    frame = spark.read.option("lineSep", "\n").text(list(paths))
    frame = frame.select(f.col("value").alias("raw"), f.col("_metadata.file_path").alias("file"))
    return spread(without_marks(frame), partitions)


def without_marks(frame: "DataFrame") -> "DataFrame":
    """`frame` without blank lines, and without the mark of UTF-8 at the start of `raw`."""
    mark = "\ufeff"
    frame = frame.withColumn(
        "raw", f.when(f.col("raw").startswith(mark), f.expr("substring(raw, 2)")).otherwise(f.col("raw"))
    )
    return frame.where(f.btrim(f.col("raw"), f.lit(" \t\r")) != "")


def spread(frame: "DataFrame", partitions: int) -> "DataFrame":
    """`frame` in `partitions` tasks, where it has fewer."""
    return frame.repartition(partitions) if frame.rdd.getNumPartitions() < partitions else frame


def read(contract: str, line: bytes) -> tuple[Record, list[Difference]]:
    """One line as a record of `contract`, and how it differs from it; the record counts where it does not.

    An escape may name half of a character (`\\ud800`), which no database takes: it becomes `?`, but in an id.
    """
    record, differences = conformance.read_line(contract, line)
    if not differences and b"\\ud" in line.lower():
        whole = _whole(record)
        differences = [
            Difference(f"{name}: has characters that are not allowed", f"{name}: holds half of a surrogate pair")
            for name in schemas.schema(contract)["required"]
            if whole[name] != record[name]
        ]
        record = whole
    return record, differences


def _whole(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [_whole(inner) for inner in value]
    if isinstance(value, dict):
        return {_whole(name): _whole(inner) for name, inner in value.items()}
    return value


def of_contract(contract: str, make: Callable[[Record], Record]) -> Judge:
    """The judge of lines of JSON that are held against `contract`; `make` makes a good record into one to store."""

    def judge(line: bytes, place: int) -> Judged:
        record, differences = read(contract, line)
        return ({}, differences) if differences else (make(record), [])

    return judge


def stage(frame: "DataFrame", judge: Judge, kind: str, extra: Mapping[str, t.DataType] | None = None) -> "DataFrame":
    """Read, judge and clean lines.

    Args:
        frame: `raw` and `file`, as `lines` gives them; perhaps `place`, a number of each row.
        judge: makes a line into a record of `kind`; what it leaves out or gives as None takes the contract's `default`. Of a line
            that is none, it may tell fields all the same.
        kind: the contract of what is made: `review`, `interaction` or `product`.
        extra: further fields that `judge` gives.

    Returns:
        One row per line: the columns of `kind` and `extra`, then `file`, `kinds` and `texts` (why it was rejected, null
        where it was not), `raw` (the bytes of a rejected line, else null), `line_hash`, `line_length` (bytes) and `row`
        (a number of its own).
    """
    made = [*schemas.spark_type(kind), *(t.StructField(name, type_) for name, type_ in (extra or {}).items())]
    texts = t.ArrayType(t.StringType())
    judged = [
        t.StructField("file", t.StringType()),
        t.StructField("kinds", texts),
        t.StructField("texts", texts),
        t.StructField("raw", t.BinaryType()),
        t.StructField("line_hash", t.LongType()),
        t.StructField("line_length", t.IntegerType()),
    ]
    schema = t.StructType([*made, *judged])
    given = frame.select(
        f.col("raw").cast("binary").alias("raw"),
        "file",
        f.xxhash64("raw").alias("line_hash"),
        f.octet_length("raw").alias("line_length"),
        *(["place"] if "place" in frame.columns else []),
    )
    names = [field.name for field in made]
    defaults = {name: node.get("default") for name, node in schemas.schema(kind)["properties"].items()}
    arrow = to_arrow_schema(schema)

    def run(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            yield _staged(batch, judge, names, defaults, arrow)

    return given.mapInArrow(run, schema).withColumn("row", f.monotonically_increasing_id())


def _staged(
    batch: pa.RecordBatch, judge: Judge, names: list[str], defaults: Mapping[str, Any], schema: pa.Schema
) -> pa.RecordBatch:
    columns: dict[str, list[Any]] = {name: [] for name in [*names, "kinds", "texts", "raw"]}
    fill = [(name, columns[name].append, defaults.get(name)) for name in names]
    kinds, texts, raw = (columns[name].append for name in ("kinds", "texts", "raw"))
    lines = batch.column("raw").to_pylist()
    places = batch.column("place").to_pylist() if "place" in batch.schema.names else repeat(0, len(lines))
    for line, place in zip(lines, places, strict=True):
        given, differences = judge(line, place)
        for name, append, default in fill:
            value = given.get(name)
            append(default if value is None and not differences else value)
        kinds(sorted({d.kind for d in differences}) if differences else None)
        texts([d.text.encode("utf-8", "replace").decode() for d in differences] if differences else None)
        raw(line if differences else None)
    passed = {name: batch.column(name) for name in ("file", "line_hash", "line_length")}
    arrays = [
        passed[field.name].cast(field.type) if field.name in passed else pa.array(columns[field.name], field.type)
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def duplicates(staged: "DataFrame", order: "Sequence[Column]") -> "DataFrame":
    """The rows that give way to another of the same `_id`, which comes first by `order`: `row`.

    The last word have the smallest hash of the line, so that the same one stays however the file is ordered, and `row`.
    """
    whole = [*order, f.asc("line_hash"), f.asc("row")]
    ranked = staged.where("kinds IS NULL").select(
        "row", f.row_number().over(Window.partitionBy("_id").orderBy(*whole)).alias("rank")
    )
    return ranked.where("rank > 1").select("row")


def stored(staged: "DataFrame", duplicate_rows: "DataFrame", kind: str) -> "DataFrame":
    """The records to store, with the columns of the contract `kind` and no others."""
    return good(staged, duplicate_rows).select(*schemas.fields(kind))


def good(staged: "DataFrame", duplicate_rows: "DataFrame") -> "DataFrame":
    """The rows to store, with all their columns."""
    return staged.where("kinds IS NULL").join(f.broadcast(duplicate_rows), "row", "left_anti")


MONGO_ROOM = 12 * 1024 * 1024
"""Bytes of a line that a MongoDB document (16 MB) has room for, also in base64 where it is not UTF-8 (9 MB there)."""


def rejects(staged: "DataFrame", kind: str, load: str) -> "DataFrame":
    """The refused lines as documents of the contract `reject`, alike ones as one that counts its copies.

    Args:
        staged: as `stage` gives it.
        kind: `review`, `interaction` or `product`; of an interaction, `user_id` is kept with it.
        load: the `_id` of the load.
    """
    refused = staged.where("texts IS NOT NULL").withColumn("_id", f.sha2("raw", 256))
    one = refused.groupBy("_id").agg(
        f.first("raw").alias("bytes"),
        f.first("texts").alias("reasons"),
        f.first("kinds").alias("kinds"),
        f.min("file").alias("file"),
        f.count("*").alias("copies"),
        f.first(f.col("user_id") if kind == "interaction" else f.lit(None).cast("string")).alias("user_id"),
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
        "kinds",
        "file",
        f.lit(load).alias("load"),
        "copies",
        "user_id",
    )
