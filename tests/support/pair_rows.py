"""`Pairs` as Spark has them."""

from typing import Any

import numpy as np

from tidemark.models import spark_pairs
from tidemark.models.pair_rows import PairRows
from tidemark.models.pairs import Pairs


def of_pairs(spark: Any, pairs: Pairs) -> PairRows:
    """All of `pairs`, in other order than theirs."""
    order = np.random.default_rng(3).permutation(len(pairs))
    names = ("user_num", "item_num", "weight", "rating", "timestamp")
    frame = spark_pairs.frame(spark, **{name: getattr(pairs, name)[order] for name in names})
    return PairRows(frame, len(pairs), pairs.item_counts, np.sort(pairs.timestamp))
