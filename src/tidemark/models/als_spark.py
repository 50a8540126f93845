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
    from pyspark.ml.recommendation import ALSModel
    from pyspark.sql import DataFrame, SparkSession

    from tidemark.models.pair_rows import PairRows

Array = np.ndarray[Any, Any]

WITHOUT_RATINGS = "explicit feedback needs ratings and there are none: choose feedback=implicit"


@dataclass(frozen=True)
class RatedFactors(Factors):
    """Factors of explicit feedback: a user is known by the stars they gave.

    Args:
        regularization: see `AlsSpark`.
    """

    regularization: float = 0.0

    def of_users(self, pairs: Pairs) -> Factors:
        """See `Fitted.of_users`: the user step of MLlib; zeros of users who rated nothing."""
        rated = pairs.take(np.isfinite(pairs.rating))
        ends = np.cumsum(rated.user_counts)
        found = np.zeros((pairs.shape[0], self.item_factors.shape[1]), np.float32)
        for user in np.flatnonzero(rated.user_counts).tolist():
            own = slice(ends[user] - rated.user_counts[user], ends[user])
            had = self.item_factors[rated.item_num[own]].astype(np.float64)
            left = had.T @ had + self.regularization * len(had) * np.eye(had.shape[1])
            found[user] = np.linalg.lstsq(left, had.T @ rated.rating[own], rcond=None)[0]
        return self.with_user_factors(found)


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
            raise NotEnoughDataError(WITHOUT_RATINGS)
        return self.fit_values(rated, rated.rating)

    def load(self, arrays: Mapping[str, Array]) -> Factors:
        """See `Recommender.load`."""
        return Factors(arrays["user_factors"], arrays["item_factors"], self._folding)

    def load_for_histories(self, arrays: Mapping[str, Array]) -> Factors:
        """See `Recommender.load_for_histories`."""
        made = without_users(arrays["item_factors"], self._folding)
        return RatedFactors(made.user_factors, made.item_factors, None, self.regularization) if self.explicit else made

    @property
    def _folding(self) -> Folding | None:
        return None if self.explicit else Folding(self.regularization, self.alpha, scaled=True)

    def fit_rows(self, rows: "PairRows") -> dict[str, Array]:
        """See `Recommender.fit_rows`: the users' factors stay with Spark.

        Raises:
            NotEnoughDataError: see `fit`.
        """
        from pyspark.sql import functions as f

        frame = rows.frame
        if self.explicit:
            frame = frame.where(~f.isnan("rating"))
            if frame.isEmpty():
                raise NotEnoughDataError(WITHOUT_RATINGS)
        values = frame.select("user_num", "item_num", f.col("rating" if self.explicit else "weight").alias("value"))
        with self._model(values, rows.n_pairs) as model:
            return {"item_factors": _array(model.itemFactors, rows.n_items, self.factors)}

    def why_not_rows(self, n_items: int) -> str:
        """See `Recommender.why_not_rows`."""
        return ""

    def fit_values(self, pairs: Pairs, values: Array) -> Factors:
        """Factors of `values` float32 `(len(pairs),)` at the places of `pairs`; rows without pairs get zeros."""
        columns = {"user_num": pairs.user_num, "item_num": pairs.item_num, "value": values.astype(np.float32)}
        with self._model(spark_pairs.frame(session("tidemark-train"), **columns), len(pairs)) as model:
            user_factors = _array(model.userFactors, pairs.shape[0], self.factors)
            return Factors(user_factors, _array(model.itemFactors, pairs.shape[1], self.factors), self._folding)

    @contextmanager
    def _model(self, frame: "DataFrame", n_pairs: int) -> "Iterator[ALSModel]":
        """What MLlib learns of the `n_pairs` rows `user_num, item_num, value`; its factors can be read within."""
        from pyspark.ml.recommendation import ALS

        spark = frame.sparkSession
        blocks = _blocks(n_pairs, spark.sparkContext.defaultParallelism)
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
            yield als.fit(frame)


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
