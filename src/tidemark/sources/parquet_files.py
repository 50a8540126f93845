"""Parquet files: their columns, rows and a sample, before Spark reads them."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from tidemark.errors import BadInputError
from tidemark.sources.seen import MOST, Sample

MAGIC = b"PAR1"
"""What a file of Parquet begins with, whatever its name."""


def read(path: str, local: str, most_bytes: int, sample: Sample) -> tuple[tuple[str, ...], tuple[str, ...], int, int]:
    """Columns, their types, rows and bytes (unpacked) of a file; some rows of it go to `sample`.

    Args:
        path: named in messages.
        local: where it lies.
        most_bytes: that it may hold.
        sample: filled.

    Raises:
        BadInputError: it is damaged, or holds too much.
    """
    try:
        with fsspec.open(local, "rb") as stream, pq.ParquetFile(stream) as file:
            groups = [file.metadata.row_group(n) for n in range(file.metadata.num_row_groups)]
            size = sum(group.total_byte_size for group in groups)
            if size > most_bytes:
                raise BadInputError(
                    f"{path}: holds {size / 1e9:.3g} GB, more than one load may (TIDEMARK_LANDING_MAX_GB). Split it"
                )
            schema, rows = file.schema_arrow, file.metadata.num_rows
            columns, types = tuple(schema.names), tuple(map(str, schema.types))
            each = max(1, MOST // max(1, 2 * len(groups)))
            for number in range(0, len(groups), max(1, len(groups) // MOST)):
                for batch in file.iter_batches(each, row_groups=[number]):
                    _take(batch, sample)
                    break
    except (pa.ArrowInvalid, OSError) as error:
        raise BadInputError(f"{path}: truncated or damaged Parquet ({str(error)[:200]}). Fetch it again") from None
    return columns, types, rows, size


def rows(local: str) -> Iterator[dict[str, Any]]:
    """Every row of a file that `read` has found whole, as Spark's JSON has it."""
    with fsspec.open(local, "rb") as stream, pq.ParquetFile(stream) as file:
        for batch in file.iter_batches():
            yield from _rows(batch)


def _take(batch: Any, sample: Sample) -> None:
    for row in _rows(batch):
        sample.add(row)


def _rows(batch: Any) -> Iterator[dict[str, Any]]:
    for row in batch.to_pylist():
        yield {name: _plain(value) for name, value in row.items()}


def _plain(value: Any) -> Any:
    """A value as Spark's JSON has it: times as texts, but nanoseconds as numbers."""
    if hasattr(value, "value"):  # a time of pandas, which Arrow makes of nanoseconds alone
        return value.value
    return value.isoformat() if hasattr(value, "isoformat") else float(value) if isinstance(value, Decimal) else value
