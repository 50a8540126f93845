"""Reading: a source's files as Spark rows, each record as the one line that it is, and its place in the source."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import pyarrow as pa
from pyspark.sql import functions as f

from tidemark.landing import rows
from tidemark.sources.formats import PARQUET
from tidemark.sources.landed import Landed

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

OPTIONS = {
    "spark.sql.legacy.parquet.nanosAsLong": "true",  # pandas writes nanoseconds, which Spark has no type for
    "spark.sql.session.timeZone": "UTC",
}
"""Settings of a session that reads sources."""


def records(spark: "SparkSession", landed: Landed, partitions: int, *, ordered: bool) -> "DataFrame":
    """The records of `landed`.

    Args:
        spark: a session with `OPTIONS`.
        landed: the files.
        partitions: tasks that are wanted.
        ordered: whether each record's place is; then what cannot be cut is read by one task.

    Returns:
        `raw` (a line; of Parquet, the row as JSON), `file`, and where `ordered` `place` (a number that grows from record to
        record, over all files in their order).
    """
    paths = [file.path for file in landed.files]
    block = f.col("_metadata.file_block_start")
    if landed.format.kind == PARQUET:
        frame = spark.read.parquet(*paths)
        raw = f.to_json(f.struct(*(f.col(f"`{name}`") for name in frame.columns)))
        frame = frame.select(raw.alias("raw"), f.col("_metadata.file_path").alias("file"), block.alias("block"))
    else:
        lines = spark.read.option("lineSep", "\n").text(paths)
        frame = lines.select(
            f.col("value").alias("raw"), f.col("_metadata.file_path").alias("file"), block.alias("block")
        )
        frame = rows.without_marks(frame)
        if landed.format.header and not landed.format.folded:
            frame = frame.where(f.rtrim(f.col("raw"), f.lit("\r")) != landed.format.header_line)
    if ordered:
        return _placed(frame, landed)
    return rows.spread(frame.drop("block"), partitions)


def _placed(frame: "DataFrame", landed: Landed) -> "DataFrame":
    """With `place`: bytes of the files before, and of the blocks before in its file, and rows before in its block; a row has a
    byte or more, so that places grow with rows."""
    starts, before = dict[str, int](), 0
    for file in landed.files:
        starts[_plain_path(file.path)] = before
        before += max(file.plain_bytes, file.records) + 1

    def run(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        told = dict[tuple[str, int], int]()
        for batch in batches:
            places = []
            for file, block in zip(batch.column("file").to_pylist(), batch.column("block").to_pylist(), strict=True):
                number = told.get((file, block), 0)
                told[file, block] = number + 1
                places.append(_start(starts, file) + block + number)
            columns = [batch.column("raw"), batch.column("file"), pa.array(places, pa.int64())]
            yield pa.RecordBatch.from_arrays(columns, names=["raw", "file", "place"])

    return frame.mapInArrow(run, "raw string, file string, place bigint")


def _start(starts: Mapping[str, int], file: str) -> int:
    return starts[_plain_path(unquote(file))]


def _plain_path(path: str) -> str:
    """A path without its scheme: Spark may name it by another one."""
    return urlsplit(path).netloc + urlsplit(path).path if "://" in path else path.removeprefix("file:")
