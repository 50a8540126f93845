"""Pair rows: the pairs of `Pairs` as rows of a Spark frame that no one process holds, and what is added up of them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from tidemark.models import spark_pairs
from tidemark.models.recency import Clock

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import Column, DataFrame

Array = np.ndarray[Any, Any]

REMAINING = "remaining"
"""The column of what is left of an interaction's worth."""


@dataclass(frozen=True)
class PairRows:
    """What may be learned from.

    Args:
        frame: `user_num int, item_num int, weight float, rating float (NaN: none), timestamp bigint`, as `Pairs` has them.
        n_pairs: its rows.
        item_counts: int64 `(n_items,)`, how many users have each item.
        times: int64, ascending: the times of all pairs, or of those of a sample of the users.
    """

    frame: "DataFrame"
    n_pairs: int
    item_counts: Array
    times: Array

    @property
    def n_items(self) -> int:
        """Of the numbering, whether or not these pairs have them."""
        return len(self.item_counts)

    @property
    def clock(self) -> Clock:
        """The age of a moment, by `times`."""
        return Clock.of(self.times)

    def newest(self, share: float) -> int:
        """The time from which on pairs are the newest `share`, by `times`."""
        wanted = max(1, round(len(self.times) * share))
        return int(self.times[-wanted])

    def counts_since(self, moment: int) -> Array:
        """How many users took each item at `moment` or later: int64 `(n_items,)`."""
        from pyspark.sql import functions as f

        newer = self.frame.where(f.col("timestamp") >= moment)
        return self._by_item(newer.groupBy("item_num").agg(f.count("*").alias("value"))).astype(np.int64)

    def sums_of_items(self, worth: "DataFrame") -> Array:
        """The sum of `remaining` of each item: float64 `(n_items,)`, whatever the order of the rows."""
        from pyspark.sql import functions as f

        return self._by_item(worth.groupBy("item_num").agg(spark_pairs.exact_sum(f.col(REMAINING)).alias("value")))

    def remaining(self, half_life: float) -> "DataFrame":
        """The frame with the column `remaining`: `2 ^ (-age / half_life)` (`Clock.remaining`)."""
        from pyspark.sql.types import DoubleType, StructField, StructType

        schema = StructType([*self.frame.schema.fields, StructField(REMAINING, DoubleType())])
        return self.frame.mapInArrow(partial(_remaining, clock=self.clock, half_life=half_life), schema)

    def decayed(self, half_life: float) -> "PairRows":
        """The same with each weight times what remains of it."""
        from pyspark.sql import functions as f

        left: Column = (f.col("weight") * f.col(REMAINING)).cast("float")
        return replace(self, frame=self.remaining(half_life).withColumn("weight", left).drop(REMAINING))

    def _by_item(self, values: "DataFrame") -> Array:
        """`item_num, value` as float64 `(n_items,)`; 0 where an item is not there."""
        table = values.select("item_num", "value").toArrow()
        out = np.zeros(self.n_items, np.float64)
        out[table["item_num"].to_numpy()] = table["value"].to_numpy()
        return out


def _remaining(batches: "Iterable[pa.RecordBatch]", clock: Clock, half_life: float) -> "Iterator[pa.RecordBatch]":
    import pyarrow as pa

    for batch in batches:
        left = clock.remaining(batch.column("timestamp").to_numpy(), half_life)
        yield pa.RecordBatch.from_arrays([*batch.columns, pa.array(left)], names=[*batch.schema.names, REMAINING])
