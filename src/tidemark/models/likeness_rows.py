"""Likenesses of items by Spark: a join of the pairs with themselves, the best of each item kept."""

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import csr_matrix

from tidemark.models import spark_pairs
from tidemark.models.pair_rows import PairRows

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

Array = np.ndarray[Any, Any]

MOST_OF_USER = 1_000
"""Items of one user that are joined with each other, those of the greatest weights: a user costs the square of them."""


def bm25(rows: PairRows, k1: float, b: float) -> "DataFrame":
    """`user, item, weight` by BM25, of each user the `MOST_OF_USER` greatest: what `implicit.nearest_neighbours.bm25_weight` gives
    of the items' rows, the rarity of a term being that of a user."""
    from pyspark.sql import Window
    from pyspark.sql import functions as f

    of_user = Window.partitionBy("user_num")
    of_items = rows.frame.groupBy("item_num").agg(spark_pairs.exact_sum(f.col("weight")).alias("length"))
    total = of_items.agg(f.sum("length")).first()
    assert total is not None  # noqa: S101 -- an aggregate has one row
    normal = (1 - b) + b * f.col("length") / (total[0] / rows.n_items)
    rarity = f.log(f.lit(float(rows.n_items))) - f.log1p(f.count("*").over(of_user))
    weighted = rows.frame.join(of_items, "item_num").select(
        f.col("user_num").alias("user"),
        f.col("item_num").alias("item"),
        (f.col("weight") * (k1 + 1) / (k1 * normal + f.col("weight")) * rarity).alias("weight"),
    )
    best = Window.partitionBy("user").orderBy(f.col("weight").desc(), "item")
    return weighted.withColumn("place", f.row_number().over(best)).where(f.col("place") <= MOST_OF_USER).drop("place")


def similarity(had: "DataFrame", n_items: int, k: int) -> csr_matrix:
    """The `k` greatest inner products of each item's column of weights with the others and itself; of equal ones those of the
    lower numbers: CSR `(n_items, n_items)` float32.

    Args:
        had: `user, item, weight`.
        n_items: of the numbering.
        k: kept of each item.
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as f

    other = had.select("user", f.col("item").alias("other"), f.col("weight").alias("other_weight"))
    likeness = spark_pairs.exact_sum(f.col("weight") * f.col("other_weight")).alias("likeness")
    every = had.join(other, "user").groupBy("item", "other").agg(likeness)
    best = Window.partitionBy("item").orderBy(f.col("likeness").desc(), "other")
    kept = every.withColumn("place", f.row_number().over(best)).where(f.col("place") <= k)
    table = kept.select("item", "other", "likeness").toArrow()
    item, other_item, values = (table[name].to_numpy() for name in ("item", "other", "likeness"))
    made = csr_matrix((values.astype(np.float32), (item, other_item)), (n_items, n_items))
    made.sort_indices()
    return made
