"""Border: what is held out of all rows, as a split of the sample found it; and what all users took on either side of it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tidemark.at_scale.user_rows import UserRows
from tidemark.evaluation import splits
from tidemark.evaluation.splits import Split
from tidemark.models import spark_pairs
from tidemark.models.pair_rows import PairRows

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Border:
    """Held out is what is not before it: of equally old pairs, those whose tie is not less.

    Args:
        moment, tie: of the first pair that is held out; None: the last pair of each user is.
    """

    moment: int | None
    tie: int

    @classmethod
    def of(cls, split: Split) -> "Border":
        """The border of a split: what `Split.rule` holds out of a sample of the users, it holds out of all."""
        if split.rule == splits.LAST_OF_EACH_USER:
            return cls(None, 0)
        held = split.held
        moment = int(held.timestamp.min())
        first = held.take(held.timestamp == moment)
        return cls(moment, int((splits.tie_break(first) >> np.uint64(1)).min()))

    def held(self) -> "Column":
        """Of each pair of a user's row whether it is held out: array of booleans."""
        from pyspark.sql import functions as f

        had, moment = f.arrays_zip("timestamps", "ties", "items"), self.moment
        if moment is None:
            last = f.array_max(had).getField("items")
            return f.transform("items", lambda one: (f.size("items") > 1) & (one == last))
        return f.transform(
            had, lambda one: (one.timestamps > moment) | ((one.timestamps == moment) & (one.ties >= self.tie))
        )


def pairs(rows: UserRows, border: Border | None = None) -> "DataFrame":
    """Every pair as a row `user_num, item_num, weight, rating, timestamp`, and with a border `held`."""
    from pyspark.sql import functions as f

    names = {"items": "item_num", "weights": "weight", "ratings": "rating", "timestamps": "timestamp"}
    frame = rows.frame
    if border:
        frame, names = frame.withColumn("helds", border.held()), names | {"helds": "held"}
    had = frame.select("user_num", f.explode(f.arrays_zip(*names)).alias("had"))
    return had.select("user_num", *(f.col(f"had.{name}").alias(column) for name, column in names.items()))


@dataclass(frozen=True)
class Totals:
    """What all users took.

    Args:
        train, held: int64 `(n_items,)`, how many users have each item on either side of the border.
        first_seen: int64 `(n_items,)`, when anybody first took it.
        raters, stars: int64 and float64 `(n_items,)`, how many rated it, and the sum of what they gave.
        users: int64 `(4,)`, all, those with pairs to learn from, with held-out ones, with both.
    """

    train: Array
    held: Array
    first_seen: Array
    raters: Array
    stars: Array
    users: Array

    @property
    def every(self) -> Array:
        """How many users have each item: int64 `(n_items,)`."""
        return np.asarray(self.train + self.held)


def totals(rows: UserRows, border: Border) -> Totals:
    """What all users took, added up by Spark."""
    from pyspark.sql import functions as f

    rated = ~f.isnan("rating")
    by_item = pairs(rows, border).groupBy("item_num").agg(
        f.count_if(~f.col("held")).alias("train"),
        f.count_if("held").alias("held"),
        f.min("timestamp").alias("first_seen"),
        f.count_if(rated).alias("raters"),
        spark_pairs.exact_sum(f.when(rated, f.col("rating")).otherwise(0.0)).alias("stars"),
    )  # fmt: skip
    table = by_item.toArrow()
    at, n = table["item_num"].to_numpy(), len(rows.items)
    out = {
        name: np.zeros(n, table[name].to_numpy().dtype) for name in ("train", "held", "first_seen", "raters", "stars")
    }
    for name, column in out.items():
        column[at] = table[name].to_numpy()
    has = rows.frame.select(border.held().alias("helds")).select(
        f.exists("helds", lambda one: ~one).alias("train"), f.exists("helds", lambda one: one).alias("held")
    )  # fmt: skip
    both = f.count_if(f.col("train") & f.col("held"))
    counted = has.agg(f.count("*"), f.count_if("train"), f.count_if("held"), both).first()
    assert counted is not None  # noqa: S101 -- an aggregate has one row
    return Totals(**out, users=np.array(list(counted), np.int64))


def learned_from(rows: UserRows, counts: Array, times: Array, border: Border | None = None) -> PairRows:
    """The rows that are learned from: those before the border, or all.

    Args:
        rows: of the window.
        counts: int64 `(n_items,)`, how many users have each item in them.
        times: of those of the sample.
        border: None: nothing is held out.
    """
    frame = pairs(rows, border)
    frame = frame.where("NOT held").drop("held") if border else frame
    return PairRows(frame, int(counts.sum()), counts, np.sort(times))
