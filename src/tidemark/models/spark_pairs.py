"""Pairs as Spark has them: columns of arrays as a data frame, and sums that do not depend on the order they are made in."""

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

Array = np.ndarray[Any, Any]

UNIT = 2**26
"""One, in whole numbers: doubles added in another order give other last bits, and so other lists; whole numbers do not."""


def frame(spark: "SparkSession", **columns: Array) -> "DataFrame":
    """The `columns`, of one length: the same rows in the same order whenever Spark asks again."""
    import pyarrow as pa

    return spark.createDataFrame(pa.table(columns))


def exact_sum(value: "Column") -> "Column":
    """The sum of numbers below 1,000 or so, of some millions of rows, to `1 / UNIT` each: double."""
    from pyspark.sql import functions as f

    return f.sum(f.round(value * UNIT).cast("bigint")) / UNIT
