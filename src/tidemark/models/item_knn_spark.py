"""Item-kNN by Spark, for data that needs a cluster: likenesses by a join of the pairs with themselves, the best of each item kept."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from tidemark.models import likeness_rows, neighbours, spark_pairs
from tidemark.models.item_knn import ItemKnn
from tidemark.models.neighbours import Neighbours
from tidemark.models.pairs import Pairs
from tidemark.spark.session import session


@dataclass(frozen=True)
class ItemKnnSpark(ItemKnn):
    """Settings of one fit: those of `ItemKnn`, which learns the same of users with at most `likeness_rows.MOST_OF_USER` items."""

    name = "item_knn_spark"

    def fit(self, pairs: Pairs) -> Neighbours:
        """See `Recommender.fit`."""
        from implicit.nearest_neighbours import bm25_weight

        weighted = csr_matrix(bm25_weight(pairs.weights.T, self.k1, self.b).T)
        strongest = neighbours.strongest(weighted, likeness_rows.MOST_OF_USER)
        had = spark_pairs.frame(
            session("tidemark-train"),
            user=np.repeat(np.arange(weighted.shape[0], dtype=np.int32), np.diff(strongest.indptr)),
            item=strongest.indices.astype(np.int32),
            weight=strongest.data.astype(float),
        )
        similarity = likeness_rows.similarity(had, weighted.shape[1], self.k)
        return Neighbours(neighbours.histories(pairs, self.decay), similarity, self.decay)
