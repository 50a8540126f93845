"""User rows: what every user of a window had, one row a user, numbered, as Spark keeps it in the run folder.

| column | holds |
|---|---|
| `user_id`, `user_num` | the user, and their place in the order of the ids |
| `mark` | a hash of the id, from 0 to `SPAN` - 1: whoever is below the run's is of its sample |
| `items`, `weights`, `ratings`, `timestamps` | of each of their pairs, by ascending item: as `Pairs` has them |
| `ties` | of each, the order of equally old ones: `splits.tie_break` without its last bit, so that it is a bigint |
"""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from tidemark.errors import NotEnoughDataError
from tidemark.evaluation import splits
from tidemark.models import pairs as pairs_module
from tidemark.models.pairs import Pairs
from tidemark.storage import artifacts, run_folder

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark import Broadcast
    from pyspark.sql import Column, DataFrame, SparkSession

Array = np.ndarray[Any, Any]
Document = dict[str, Any]

log = logging.getLogger(__name__)

SPAN = 1 << 20
SAMPLE_PAIRS = 1_000_000
"""Pairs of the users whom the sample has, about: 40 MB. Where there are no more, all users are of it."""

PART_PAIRS = 500_000
"""Interactions of a part of the rows, about: what one task holds at a time."""

SENT_ITEMS = 1_000_000
"""Items up to which all their numbers are sent to every executor; beyond, pairs and numbers are shuffled to each other."""

_HAD = (
    "user_id string, mark int, part int, place bigint, items array<int>, weights array<float>, ratings array<float>, \
timestamps array<bigint>, ties array<bigint>"
)


@dataclass(frozen=True)
class UserRows:
    """What every user of the window had.

    Args:
        spark: the session.
        folder: of the rows.
        items: ids, sorted; an item number is a place in them.
        told: `users`, `items`, `pairs`; `starts` (the number of the first user of each part); `sample_below`, the mark.
    """

    spark: "SparkSession"
    folder: str
    items: Array
    told: Document

    @property
    def frame(self) -> "DataFrame":
        """The rows, as the table above has them."""
        from pyspark.sql import functions as f

        start = f.element_at(f.lit(self.told["starts"]), f.col("part") + 1)
        rows = self.spark.read.schema(_HAD).parquet(self.folder)
        return rows.withColumn("user_num", (start + f.col("place")).cast("int")).drop("part", "place")

    def sample(self) -> Pairs:
        """The pairs of the sample's users, numbered among themselves; items as in all rows."""
        table = self.frame.where(f"mark < {self.told['sample_below']}").drop("user_num", "mark", "ties").toArrow()
        return pairs_of(table.sort_by("user_id").combine_chunks(), self.items)


def pairs_of(rows: "pa.Table | pa.RecordBatch", items: Array) -> Pairs:
    """The pairs of some rows, in the order of the rows.

    Args:
        rows: without nulls; one chunk a column.
        items: ids of all items, or whatever has their length.
    """
    import pyarrow as pa

    had = {name: rows[name] for name in ("items", "weights", "ratings", "timestamps")}
    if isinstance(rows, pa.Table):
        had = {name: _whole(column) for name, column in had.items()}
    counts = had["items"].value_lengths().to_numpy(zero_copy_only=False)
    numbers, weights, ratings, times = (column.flatten().to_numpy(zero_copy_only=False) for column in had.values())
    return Pairs(
        users=np.asarray(rows["user_id"].to_pylist(), str),
        items=items,
        user_num=np.repeat(np.arange(len(counts), dtype=np.int32), counts),
        item_num=numbers,
        weight=weights,
        rating=ratings,
        timestamp=times,
    )


def _whole(column: "pa.ChunkedArray") -> "pa.Array":
    import pyarrow as pa

    return column.combine_chunks() if column.num_chunks != 1 else pa.concat_arrays(column.chunks)


def read(spark: "SparkSession", run: str) -> UserRows | None:
    """The rows that `make` kept in the run folder; None where it did not come to its end."""
    if not artifacts.exists(f"{run}/{run_folder.WINDOW_TOLD}"):
        return None
    told = artifacts.read_json(f"{run}/{run_folder.WINDOW_TOLD}")
    of_items = artifacts.read_arrays(f"{run}/{run_folder.ITEMS}")
    spread(spark, told["interactions"])
    return UserRows(spark, f"{run}/{run_folder.WINDOW}", of_items["items"], told)


def spread(spark: "SparkSession", interactions: int) -> None:
    """Let the shuffles of the session have parts that a task can hold; those that are small, Spark joins by itself."""
    few = int(spark.conf.get("spark.sql.shuffle.partitions") or 1)
    spark.conf.set("spark.sql.shuffle.partitions", str(max(few, interactions // PART_PAIRS)))


def make(spark: "SparkSession", run: str, interactions: "DataFrame") -> UserRows:
    """Number users and items, bring each user's pairs together, and keep them in the run folder; done again, it is replaced.

    Of several interactions of a user and an item the newest counts, and the time is that of the oldest: see `pairs.from_frame`.

    Args:
        spark: the session.
        run: the run folder.
        interactions: as `snapshot.window` gives them.

    Raises:
        NotEnoughDataError: too few users, items or pairs.
    """
    from pyspark.sql import functions as f

    counted = interactions.count()
    if not counted:
        raise NotEnoughDataError("there are no interactions to learn from: run load_reviews first")
    spread(spark, counted)
    items = np.sort(np.asarray(interactions.select("item_id").distinct().toArrow()["item_id"].to_pylist(), str))
    artifacts.write_arrays(f"{run}/{run_folder.ITEMS}", items=items)
    folder = f"{run}/{run_folder.WINDOW}"
    _rows(spark, interactions, items, max(1, counted // PART_PAIRS)).write.mode("overwrite").parquet(folder)
    parts = (
        spark.read.schema(_HAD).parquet(folder).groupBy("part")
        .agg(f.count("*").alias("users"), f.sum(f.size("items")).alias("pairs"), f.max(f.size("items")).alias("most"))
        .orderBy("part").collect()
    )  # fmt: skip
    users = dict.fromkeys(range(parts[-1]["part"] + 1), 0) | {part["part"]: part["users"] for part in parts}
    n_pairs = sum(part["pairs"] for part in parts)
    told = {
        "users": sum(users.values()),
        "items": len(items),
        "pairs": n_pairs,
        "interactions": counted,
        "most_of_user": max(part["most"] for part in parts),
        "starts": np.cumsum([0, *users.values()])[:-1].tolist(),
        "sample_below": min(SPAN, max(1, SPAN * SAMPLE_PAIRS // n_pairs)),
    }
    pairs_module.require_counts(n_pairs, told["users"], len(items))
    log.info("%s interactions: %s pairs of %s users and %s items; %s older ones of a pair left out",
             *(f"{n:,}" for n in (counted, n_pairs, told["users"], len(items), counted - n_pairs)))  # fmt: skip
    artifacts.write_json(f"{run}/{run_folder.WINDOW_TOLD}", told)
    return UserRows(spark, folder, items, told)


def mark(user_id: str) -> "Column":
    """The mark of the users in the column `user_id`."""
    from pyspark.sql import functions as f

    return f.pmod(f.xxhash64(user_id), f.lit(SPAN)).cast("int")


def _rows(spark: "SparkSession", interactions: "DataFrame", items: Array, parts: int) -> "DataFrame":
    """The rows in the order of `user_id`, in so many parts; `part` and `place` in it make the number."""
    import pyarrow as pa
    from pyspark.sql import functions as f

    newest = f.max_by(f.struct("weight", "rating"), f.struct("timestamp", "_id")).alias("newest")
    pairs = interactions.groupBy("user_id", "item_id").agg(newest, f.min("timestamp").alias("first"))
    columns = {"item_id": pa.array(items.tolist(), pa.string()), "item_num": np.arange(len(items), dtype=np.int32)}
    numbers = spark.createDataFrame(pa.table(columns))
    numbered = pairs.join(f.broadcast(numbers) if len(items) <= SENT_ITEMS else numbers, "item_id")
    pair = f.struct(
        "item_num",
        f.col("newest.weight").cast("float").alias("weight"),
        f.coalesce(f.col("newest.rating").cast("float"), f.lit(float("nan")).cast("float")).alias("rating"),
        f.unix_micros("first").alias("timestamp"),
    )
    had = f.sort_array(f.collect_list(pair)).alias("had")
    ordered = numbered.groupBy("user_id").agg(had).repartitionByRange(parts, "user_id").sortWithinPartitions("user_id")
    place = f.monotonically_increasing_id().bitwiseAND((1 << 33) - 1).alias("place")
    names = {"item_num": "items", "weight": "weights", "rating": "ratings", "timestamp": "timestamps"}
    arrays = [f.col(f"had.{name}").alias(column) for name, column in names.items()]
    rows = ordered.select(
        "user_id", mark("user_id").alias("mark"), f.spark_partition_id().alias("part"), place, *arrays
    )
    return rows.mapInArrow(partial(_with_ties, items=spark.sparkContext.broadcast(splits.hashes(items))), _HAD)


def _with_ties(batches: "Iterable[pa.RecordBatch]", items: "Broadcast[Array]") -> "Iterator[pa.RecordBatch]":
    import pyarrow as pa

    for batch in batches:
        had = batch.column("items")
        counts = had.value_lengths().to_numpy(zero_copy_only=False)
        users = splits.hashes(np.asarray(batch.column("user_id").to_pylist(), object))
        ties = splits.mixed(np.repeat(users, counts), items.value[had.flatten().to_numpy()]) >> np.uint64(1)
        ends = np.append(0, np.cumsum(counts)).astype(np.int32)
        column = pa.ListArray.from_arrays(pa.array(ends), pa.array(ties.astype(np.int64)))
        yield pa.RecordBatch.from_arrays([*batch.columns, column], names=[*batch.schema.names, "ties"])
