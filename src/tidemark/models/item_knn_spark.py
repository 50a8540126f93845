"""Item-kNN by Spark, for data that needs a cluster: likenesses by a join of the pairs with themselves, the best of each item kept."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from tidemark.models import neighbours, spark_pairs
from tidemark.models.item_knn import ItemKnn
from tidemark.models.neighbours import Neighbours
from tidemark.models.pairs import Pairs

Array = np.ndarray[Any, Any]

MOST_OF_USER = 1_000
"""Items of one user that are joined with each other, those of the greatest weights: a user costs the square of them."""


@dataclass(frozen=True)
class ItemKnnSpark(ItemKnn):
    """Settings of one fit: those of `ItemKnn`, which learns the same of users with at most `MOST_OF_USER` items."""

    name = "item_knn_spark"

    def fit(self, pairs: Pairs) -> Neighbours:
        """See `Recommender.fit`."""
        from implicit.nearest_neighbours import bm25_weight

        weighted = csr_matrix(bm25_weight(pairs.weights.T, self.k1, self.b).T)
        similarity = _similarity(neighbours.strongest(weighted, MOST_OF_USER), self.k)
        return Neighbours(neighbours.histories(pairs, self.decay), similarity, self.decay)


def _similarity(weighted: csr_matrix, k: int) -> csr_matrix:
    """The `k` greatest inner products of each column of `weighted` `(n_users, n_items)` with the others and itself; of equal ones
    those of the lower numbers: CSR `(n_items, n_items)` float32."""
    from pyspark.sql import Window
    from pyspark.sql import functions as f

    from tidemark.spark.session import session

    users = np.repeat(np.arange(weighted.shape[0], dtype=np.int32), np.diff(weighted.indptr))
    had = spark_pairs.frame(
        session("tidemark-train"),
        user=users,
        item=weighted.indices.astype(np.int32),
        weight=weighted.data.astype(float),
    )
    other = had.select("user", f.col("item").alias("other"), f.col("weight").alias("other_weight"))
    likeness = spark_pairs.exact_sum(f.col("weight") * f.col("other_weight")).alias("likeness")
    every = had.join(other, "user").groupBy("item", "other").agg(likeness)
    best = Window.partitionBy("item").orderBy(f.col("likeness").desc(), "other")
    kept = every.withColumn("place", f.row_number().over(best)).where(f.col("place") <= k)
    table = kept.select("item", "other", "likeness").toArrow()
    item, other_item, values = (table[name].to_numpy() for name in ("item", "other", "likeness"))
    made = csr_matrix((values.astype(np.float32), (item, other_item)), (weighted.shape[1], weighted.shape[1]))
    made.sort_indices()
    return made
