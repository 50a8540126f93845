"""Decayed popularity by Spark, for data that needs a cluster: one sum an item."""

from dataclasses import dataclass

import numpy as np

from tidemark.models import spark_pairs
from tidemark.models.decayed_popularity import DecayedPopularity
from tidemark.models.pairs import Pairs
from tidemark.models.popularity import FittedPopularity
from tidemark.models.recency import Clock


@dataclass(frozen=True)
class DecayedPopularitySpark(DecayedPopularity):
    """Settings of one fit: those of `DecayedPopularity`, which learns the same."""

    name = "decayed_popularity_spark"

    def fit(self, pairs: Pairs) -> FittedPopularity:
        """See `Recommender.fit`."""
        from pyspark.sql import functions as f

        from tidemark.spark.session import session

        worth = Clock.of(pairs.timestamp).remaining(pairs.timestamp, self.half_life)
        taken = spark_pairs.frame(session("tidemark-train"), item=pairs.item_num, worth=np.asarray(worth, np.float64))
        table = taken.groupBy("item").agg(spark_pairs.exact_sum(f.col("worth")).alias("score")).toArrow()
        scores = np.zeros(pairs.shape[1], np.float32)
        scores[table["item"].to_numpy()] = table["score"].to_numpy()
        return FittedPopularity(scores)
