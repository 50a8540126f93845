"""ALS by Spark MLlib, for data that needs a cluster: implicit feedback (weights) and explicit (ratings)."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import fsspec
import numpy as np

from tidemark.errors import NotEnoughDataError
from tidemark.models import spark_pairs
from tidemark.models.factors import Factors, Folding, without_users
from tidemark.models.interface import Recommender
from tidemark.models.pairs import Pairs
from tidemark.models.popularity import Popularity
from tidemark.settings import settings
from tidemark.spark.session import session

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class AlsSpark(Recommender):
    """Settings of one fit.

    Args:
        factors: length of a user's and an item's vector; MLlib's rank.
        regularization: scaled by MLlib with a user's or item's number of events, so much smaller than `AlsImplicit`'s.
        alpha: confidence of a pair is `1 + alpha * weight`; without meaning in explicit feedback.
        iterations: rounds, each of which solves for all users and then all items.
        explicit: learn the ratings themselves (stars) instead of confidences.
        seed: of the random factors that the first round starts from.
    """

    factors: int
    regularization: float
    alpha: float = 1.0
    iterations: int = 10
    explicit: bool = False
    seed: int = 42

    name = "als_spark"
    fallback = Popularity()

    def fit(self, pairs: Pairs) -> Factors:
        """See `Recommender.fit`.

        Raises:
            NotEnoughDataError: explicit feedback is asked for and no pair has a rating.
        """
        if not self.explicit:
            return self.fit_values(pairs, pairs.weight)
        rated = pairs.take(np.isfinite(pairs.rating))
        if not len(rated):
            raise NotEnoughDataError("explicit feedback needs ratings and there are none: choose feedback=implicit")
        return self.fit_values(rated, rated.rating)

    def load(self, arrays: Mapping[str, Array]) -> Factors:
        """See `Recommender.load`."""
        return Factors(arrays["user_factors"], arrays["item_factors"], self._folding)

    def load_for_histories(self, arrays: Mapping[str, Array]) -> Factors:
        """See `Recommender.load_for_histories`."""
        return without_users(arrays["item_factors"], self._folding)

    @property
    def _folding(self) -> Folding | None:
        return None if self.explicit else Folding(self.regularization, self.alpha, scaled=True)

    def fit_values(self, pairs: Pairs, values: Array) -> Factors:
        """Factors of `values` float32 `(len(pairs),)` at the places of `pairs`; rows without pairs get zeros."""
        from pyspark.ml.recommendation import ALS

        spark = session("tidemark-train")  # before ALS, which looks for a running one
        blocks = _blocks(len(pairs), spark.sparkContext.defaultParallelism)
        als = ALS(
            rank=self.factors,
            regParam=self.regularization,
            alpha=self.alpha,
            maxIter=self.iterations,
            implicitPrefs=not self.explicit,
            seed=self.seed,
            userCol="user_num",
            itemCol="item_num",
            ratingCol="value",
            checkpointInterval=5,
            numUserBlocks=blocks,
            numItemBlocks=blocks,
        )
        with _checkpoints(spark):
            columns = {"user_num": pairs.user_num, "item_num": pairs.item_num, "value": values.astype(np.float32)}
            model = als.fit(spark_pairs.frame(spark, **columns))
            user_factors = _array(model.userFactors, pairs.shape[0], self.factors)
            return Factors(user_factors, _array(model.itemFactors, pairs.shape[1], self.factors), self._folding)


def _blocks(n_pairs: int, cores: int) -> int:
    """Blocks of users and of items: one a core where there is work for it (MLlib's 10 make small data slow), more where
    a block would not fit its executor."""
    return max(1, n_pairs // 2_000_000, min(cores, n_pairs // 50_000))


def _array(factors: "DataFrame", rows: int, n_factors: int) -> Array:
    """The columns `id, features` as float32 `(rows, n_factors)`; rows that are not in it are zeros."""
    table = factors.toArrow().combine_chunks()
    out = np.zeros((rows, n_factors), np.float32)
    if table.num_rows:
        features = table["features"].combine_chunks().flatten()
        out[table["id"].to_numpy()] = features.to_numpy(zero_copy_only=False).reshape(-1, n_factors)
    return out


@contextmanager
def _checkpoints(spark: "SparkSession") -> Iterator[None]:
    """A folder for the checkpoints of one fit: without it ALS's lineage grows until the stack overflows (SPARK-5955)."""
    folder = f"{settings().artifacts_root}/spark-checkpoints/{uuid4().hex}"
    spark.sparkContext.setCheckpointDir(folder)
    try:
        yield
    finally:
        filesystem, path = fsspec.core.url_to_fs(folder)
        if filesystem.exists(path):
            filesystem.rm(path, recursive=True)
