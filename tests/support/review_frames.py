"""Frames of reviews as the database sends them to an exploration."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tidemark.exploration import aggregates

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def reviews(spark: "SparkSession", rows: list[dict[str, Any]], partitions: int = 1) -> "DataFrame":
    """`rows` with what they leave out: ids `r0`, `r1`, ... and a rating of 5 by `u` for `i` that says `x`."""
    bare = {"user_id": "u", "item_id": "i", "rating": 5.0, "timestamp": datetime(2019, 4, 1, tzinfo=UTC), "text": "x"}
    full = [
        bare | {"_id": f"r{n}", "verified": None, "length": len(row.get("text", "x"))} | row
        for n, row in enumerate(rows)
    ]
    for row in full:
        row |= {f"no_{name}": row.get(f"no_{name}", False) for name in aggregates.MISSABLE}
    kind = aggregates.read_type()
    return spark.createDataFrame([tuple(row[f.name] for f in kind) for row in full], kind).repartition(partitions)
