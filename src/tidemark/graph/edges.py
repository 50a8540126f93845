"""The interaction graph of a model: who took what, and what is recommended to whom, as Spark frames.

Users and items have id spaces of their own (`u:...`, `i:...`): a user named like an item stays another vertex. Edges go
from users to items: `bought` or `rated` (the newest interaction of the pair, as training takes it), and `recommended`.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from pyspark.sql import Window
from pyspark.sql import functions as f

from tidemark.contracts import schemas
from tidemark.storage import mongo

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

RECOMMENDED = "recommended"
INTERACTIONS_EACH = 100_000
"""Interactions of a partition of the edges: few tasks for little data, and the same graph gives the same files."""


def taken(interactions: "DataFrame", partitions: int = 1) -> "DataFrame":
    """Edges `bought` and `rated`: the newest interaction of each user and item, of equally new ones the greatest `_id`.

    Args:
        interactions: columns `_id, user_id, item_id, rating, weight, timestamp`.
        partitions: of the result; a user is in one of them.

    Returns:
        Columns of the contract `graph_edge`, in the order of users and items within a partition.
    """
    # By user alone, and not by user and item: the window below then sorts what is in its place already.
    newest_first = Window.partitionBy("user_id", "item_id").orderBy(f.desc("timestamp"), f.desc("_id"))
    newest = (
        interactions.repartition(partitions, "user_id")
        .withColumn("place", f.row_number().over(newest_first))
        .where("place = 1")
    )
    return newest.select(
        f.concat(f.lit("u:"), "user_id").alias("source"),
        f.concat(f.lit("i:"), "item_id").alias("target"),
        f.when(f.col("rating").isNotNull(), "rated").otherwise("bought").alias("kind"),
        f.coalesce("rating", "weight").cast("double").alias("weight"),
        f.lit(None).cast("long").alias("rank"),
    )


def recommended(lists: "DataFrame", top: int, partitions: int = 1) -> "DataFrame":
    """Edges `recommended`: the best `top` items of each user.

    Args:
        lists: columns `_id` (the user) and `items` (`item_id`, `score`; best first), as the contract `recommendation` says.
        top: places of a list that become edges.
        partitions: of the result; a user is in one of them.

    Returns:
        Columns of the contract `graph_edge`, in the order of users and ranks within a partition.
    """
    best = lists.select("_id", f.slice("items", 1, top).alias("items"))
    placed = best.repartition(partitions, "_id").sortWithinPartitions("_id")
    return placed.select("_id", f.posexplode("items").alias("place", "item")).select(
        f.concat(f.lit("u:"), "_id").alias("source"),
        f.concat(f.lit("i:"), "item.item_id").alias("target"),
        f.lit(RECOMMENDED).alias("kind"),
        f.round("item.score", 6).alias("weight"),
        (f.col("place") + 1).cast("long").alias("rank"),
    )


def edges(interactions: "DataFrame", lists: "DataFrame", top: int) -> "DataFrame":
    """Every edge, those taken first, in an order that is the same each time; see `taken` and `recommended`.

    Raises:
        ContractError: the columns are not those of `graph_edge`.
    """
    partitions = 1 + interactions.count() // INTERACTIONS_EACH
    every = taken(interactions, partitions).unionByName(recommended(lists, top, partitions))
    schemas.require_columns("graph_edge", every.schema)
    return every


def vertices(edges: "DataFrame", end: str, titles: "DataFrame | None" = None) -> "DataFrame":
    """The users (`end="source"`) or the items (`end="target"`) of `edges`, by id, numbered from 0.

    Args:
        edges: columns of the contract `graph_edge`.
        end: which end of the edges.
        titles: columns `_id, title` of products; a vertex without one is called by its id.

    Returns:
        Columns of the contract `graph_vertex`, and `number` (int).
    """
    is_recommended = (f.col("kind") == RECOMMENDED).cast("long")
    counted = edges.groupBy(f.col(end).alias("id")).agg(
        f.sum(1 - is_recommended).alias("degree"), f.sum(is_recommended).alias("recommended")
    )
    name = f.substring("id", 3, 1_000)
    if titles is None:
        counted = counted.withColumn("label", name)
    else:
        titled = titles.select(f.concat(f.lit("i:"), "_id").alias("id"), "title")
        line = f.trim(f.regexp_replace("title", r"\s+", " "))
        counted = counted.join(titled, "id", "left").withColumn("label", f.when(line != "", line).otherwise(name))
    # In one partition, sorted: the partition's rows are numbered as they come. Sorting spills to disk, so it may be large.
    return (
        counted.repartition(1)
        .sortWithinPartitions("id")
        .withColumn("number", f.monotonically_increasing_id().cast("int"))
        .select(
            "id",
            f.lit("user" if end == "source" else "item").alias("kind"),
            "label",
            "degree",
            "recommended",
            "number",
        )
    )


def titles(spark: "SparkSession") -> "DataFrame":
    """`_id, title` of every product; the server sends nothing else."""
    pipeline = '[{"$project": {"title": 1}}]'
    return mongo.read(spark, "products", "product", pipeline=pipeline).select("_id", "title")


def lists(spark: "SparkSession", model_id: str) -> "DataFrame":
    """`_id, items` of what the model `model_id` recommends."""
    return mongo.read(spark, mongo.recommendations(model_id), "recommendation").select("_id", "items")


def numbers(edges: "DataFrame", users: "DataFrame", items: "DataFrame") -> dict[str, Any]:
    """The edges as integers, for `tidemark.graph.shape`: NumPy arrays `user` and `item` int32 and `rank` int16 (0: taken), `(n,)`.

    This alone comes to one process: 10 bytes an edge, 10 MB a million.
    """
    table = (
        edges.join(users.select(f.col("id").alias("source"), f.col("number").alias("user")), "source")
        .join(items.select(f.col("id").alias("target"), f.col("number").alias("item")), "target")
        .select("user", "item", f.coalesce(f.col("rank"), f.lit(0)).cast("short").alias("rank"))
        .toArrow()
    )
    return {name: table[name].to_numpy() for name in ("user", "item", "rank")}


def named(vertices: "DataFrame", wanted: Iterable[int]) -> dict[int, dict[str, Any]]:
    """The vertices of the numbers `wanted` (a few dozen): number -> the columns of the contract `graph_vertex`."""
    rows = vertices.where(f.col("number").isin(sorted({int(number) for number in wanted}))).collect()
    return {row["number"]: {name: row[name] for name in schemas.fields("graph_vertex")} for row in rows}
