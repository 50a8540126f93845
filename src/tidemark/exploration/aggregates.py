"""Exploration: what the stored reviews are like, aggregated by Spark into frames small enough to draw.

The database is read once: the server cuts each text to what is scored and sends flags for what is only counted. All
aggregates come of that one narrow frame, which Spark keeps. Ratings, lengths, times, activity and missing values are of
all reviews; sentiment is of the sample, whose proof says whether that stands for all.
"""

import json
import logging
from typing import TYPE_CHECKING, Any

from tidemark.contracts import schemas
from tidemark.errors import NotEnoughDataError, TidemarkError
from tidemark.exploration import extremes, proof, sampling, sentiment
from tidemark.exploration.sampling import Asked, Cut
from tidemark.storage import artifacts, mongo, run_folder

if TYPE_CHECKING:
    from pymongo.database import Database
    from pyspark.sql import Column, DataFrame, SparkSession
    from pyspark.sql.types import StructType

log = logging.getLogger(__name__)

Records = list[dict[str, Any]]

SESSION = {
    "spark.sql.execution.arrow.maxRecordsPerBatch": "2000",  # texts of 2,000 characters: 16 MB a batch at the most
    "spark.sql.parquet.compression.codec": "zstd",
    "spark.hadoop.mapreduce.fileoutputcommitter.marksuccessfuljobs": "false",  # no empty file among the artifacts
}
"""Settings of the session that explores."""

MISSABLE = [
    name for name, node in schemas.schema("review")["properties"].items() if node.get("default", ...) in ("", None)
]
"""The fields of a review that may be without a value: empty or null. (No votes and no word on votes are both 0.)"""

LENGTH_EDGES = sorted({round(10 ** (k / 5)) for k in range(26)})
"""Lower edges of the classes of review length, characters: five for each power of ten, after a class of nothing."""

ABOUT = 3.0
"""Powers of the rating are summed about the middle of the scale, where they are whole numbers and small."""


def pipeline() -> str:
    """What the server makes of each review before it sends it."""
    text = {"$ifNull": ["$text", ""]}
    kept = dict.fromkeys(("user_id", "item_id", "rating", "timestamp", "verified"), 1)
    flags = {f"no_{name}": {"$in": [{"$ifNull": [f"${name}", ""]}, ["", [], {}]]} for name in MISSABLE}
    made = {"text": {"$substrCP": [text, 0, sentiment.READ]}, "length": {"$strLenCP": text}}
    return json.dumps([{"$project": kept | made | flags}])


def read_type() -> "StructType":
    """The type of what `pipeline` makes."""
    from pyspark.sql import types as t

    kinds = {
        "_id": t.StringType(),
        "user_id": t.StringType(),
        "item_id": t.StringType(),
        "rating": t.DoubleType(),
        "timestamp": t.TimestampType(),
        "verified": t.BooleanType(),
        "text": t.StringType(),
        "length": t.IntegerType(),
    }
    flags = [t.StructField(f"no_{name}", t.BooleanType()) for name in MISSABLE]
    return t.StructType([t.StructField(name, kind) for name, kind in kinds.items()] + flags)


def rows(read: "DataFrame", asked: Asked, population: int) -> "DataFrame":
    """One narrow row for each review.

    Args:
        read: as `read_type` says.
        asked: the sample that will be drawn.
        population: how many reviews there are.

    Returns:
        `read` with `place`, `stars` (1..5), `month` (`2019-04`), `purchase` (`verified`, `not verified`, `unknown`) and
        `length_class` (row of `LENGTH_EDGES` + 1; 0: no text). `text` is kept only where it may be in the sample.
    """
    from pyspark.sql import functions as f

    length_class: Column = f.lit(0)
    for number, edge in enumerate(LENGTH_EDGES, 1):
        length_class = f.when(f.col("length") >= edge, number).otherwise(length_class)
    placed = read.withColumn("place", sampling.place(asked.seed))
    return placed.select(
        *(name for name in placed.columns if name != "text"),
        f.when(sampling.below(asked.share(population)), f.col("text")).alias("text"),
        f.floor(f.col("rating") + 0.5).cast("int").alias("stars"),
        f.date_format("timestamp", "yyyy-MM").alias("month"),
        f.when(f.col("verified").isNull(), "unknown")
        .when(f.col("verified"), "verified")
        .otherwise("not verified")
        .alias("purchase"),
        length_class.alias("length_class"),
    )


def totals(marked: "DataFrame") -> dict[str, Any]:
    """Of all rows, and of those `sampled`: how many, powers of the rating, length, time, missing values.

    Returns:
        `n`, `sampled`, `powers` and `sampled_powers` (sums of (rating - ABOUT)^k, k = 1..4), `median_length`, `mean_length`,
        `first`, `last` (ISO dates) and `missing` (field -> reviews without it).
    """
    from pyspark.sql import functions as f

    about = f.col("rating") - ABOUT
    whole = marked.agg(
        f.count("*").alias("n"),
        f.count_if("sampled").alias("sampled"),
        *(f.sum(f.pow(about, f.lit(k))).alias(f"all_{k}") for k in range(1, 5)),
        *(f.sum(f.when(f.col("sampled"), f.pow(about, f.lit(k)))).alias(f"sampled_{k}") for k in range(1, 5)),
        f.percentile_approx("length", 0.5, 10_000).alias("median_length"),
        f.avg("length").alias("mean_length"),
        # As texts: a collected time would be the driver's local one.
        f.date_format(f.min("timestamp"), "yyyy-MM-dd").alias("first"),
        f.date_format(f.max("timestamp"), "yyyy-MM-dd").alias("last"),
        *(f.count_if(f"no_{name}").alias(f"no_{name}") for name in MISSABLE),
    ).collect()[0]
    return {
        "n": whole["n"],
        "sampled": whole["sampled"],
        "powers": [whole[f"all_{k}"] for k in range(1, 5)],
        "sampled_powers": [whole[f"sampled_{k}"] or 0.0 for k in range(1, 5)],
        "median_length": whole["median_length"],
        "mean_length": whole["mean_length"],
        "first": whole["first"],
        "last": whole["last"],
        "missing": {name: whole[f"no_{name}"] for name in MISSABLE},
    }


FACETS = (("stars",), ("purchase", "stars"), ("month",), ("length_class",))
"""What reviews are counted by, all in one pass."""


def facets(marked: "DataFrame") -> dict[str, Records]:
    """Counts by each of `FACETS`: its columns, `reviews`, `sampled` and `mean_rating`, in order of its columns."""
    from pyspark.sql import functions as f

    keys = sorted({key for facet in FACETS for key in facet})
    counted = (
        marked.groupingSets([[f.col(key) for key in facet] for facet in FACETS], *keys)
        .agg(
            f.grouping_id().alias("grouping"),
            f.count("*").alias("reviews"),
            f.count_if("sampled").alias("sampled"),
            f.avg("rating").alias("mean_rating"),
        )
        .collect()
    )
    by_facet: dict[str, Records] = {}
    for facet in FACETS:
        bits = sum(1 << (len(keys) - 1 - place) for place, key in enumerate(keys) if key not in facet)
        picked = [row.asDict() for row in counted if row["grouping"] == bits]
        picked = [{k: row[k] for k in (*facet, "reviews", "sampled", "mean_rating")} for row in picked]
        by_facet["_by_".join(reversed(facet))] = sorted(picked, key=lambda row: [row[key] for key in facet])
    return by_facet


def activity(marked: "DataFrame", key: str) -> "DataFrame":
    """One row for each user or item: `key`, `reviews`, `sampled`, `mean_rating`."""
    from pyspark.sql import functions as f

    return marked.groupBy(key).agg(
        f.count("*").alias("reviews"),
        f.count_if("sampled").alias("sampled"),
        f.avg("rating").alias("mean_rating"),
    )


def tail(owners: "DataFrame") -> Records:
    """How many users (items) have exactly so many reviews: `reviews`, `owners`, `sampled` (reviews of theirs), ascending.

    There are at most sqrt(2 N) such rows for N reviews.
    """
    from pyspark.sql import functions as f

    counted = owners.groupBy("reviews").agg(f.count("*").alias("owners"), f.sum("sampled").alias("sampled"))
    return [row.asDict() for row in counted.orderBy("reviews").collect()]


def prove(counted: dict[str, Any], stars: Records, users: Records, items: Records) -> proof.Proof:
    """The proof of the sample from what was counted (`totals`, the facet `stars`, the `tail`s)."""
    whole = proof.Moments.of_powers(counted["n"], counted["powers"], ABOUT)
    part = proof.Moments.of_powers(counted["sampled"], counted["sampled_powers"], ABOUT)
    given = {row["stars"]: row for row in stars}
    both = [[given.get(star, {}).get(name, 0) for star in range(1, 6)] for name in ("reviews", "sampled")]
    findings = [proof.ratings(*both), proof.mean(whole, part), proof.spread(whole, part)]
    for name, owners in (("user activity", users), ("item activity", items)):
        reviews = [row["reviews"] * row["owners"] for row in owners]
        findings.append(proof.activity(name, reviews, [row["sampled"] for row in owners]))
    return proof.judge(counted["n"], counted["sampled"], findings)


def write_sample(narrow: "DataFrame", at: Cut, folder: str) -> None:
    """Write the sample's rows as Parquet: the review's columns, `text` (its first `READ` characters) and `sentiment`."""
    from pyspark.sql import functions as f

    sample = narrow.where(sampling.chosen(at))
    even = sample.repartition(sample.sparkSession.sparkContext.defaultParallelism)  # scoring is what takes long
    sample = even.select(
        "_id",
        "user_id",
        "item_id",
        "rating",
        "timestamp",
        "verified",
        "length",
        "text",
        "stars",
        sentiment.scored(f.col("text")).alias("sentiment"),
    )
    sample.write.mode("overwrite").parquet(folder)


def explore(spark: "SparkSession", db: "Database[dict[str, Any]]", run: str) -> dict[str, Any]:
    """Draw the sample that `<run>/asked.json` asks for, prove it, aggregate; write `<run>/explore.json`.

    Raises:
        NotEnoughDataError: there are no reviews, or the sample would be too small to prove anything.
    """
    from pyspark import StorageLevel

    asked = Asked(**artifacts.read_json(f"{run}/{run_folder.ASKED}"))
    population = db["reviews"].count_documents({})
    if not population:
        raise NotEnoughDataError("there are no reviews to explore: run load_reviews first")
    read = mongo.read(spark, "reviews", read_type(), pipeline=pipeline())
    narrow = rows(read, asked, population).persist(StorageLevel.MEMORY_AND_DISK)
    at = sampling.cut(narrow, asked, population)
    log.info("read %s reviews", f"{population:,}")
    marked = narrow.withColumn("sampled", sampling.chosen(at))
    counted, counts = totals(marked), facets(marked)
    users, items = activity(marked, "user_id"), activity(marked, "item_id").persist()
    tails = {"users": tail(users), "items": tail(items)}
    if counted["sampled"] < sampling.FEWEST and counted["sampled"] < counted["n"]:
        raise NotEnoughDataError(
            f"a sample of {counted['sampled']} of {counted['n']:,} reviews proves nothing: ask for {sampling.FEWEST} or more"
        )
    proved = prove(counted, counts["stars"], tails["users"], tails["items"])
    for line in proved.text().splitlines():
        log.log(logging.INFO if proved.verdict == proof.PASSES else logging.WARNING, "%s", line)
    write_sample(narrow, at, f"{run}/{run_folder.SAMPLE}")
    sample = spark.read.parquet(f"{run}/{run_folder.SAMPLE}")
    heard = [row.asDict() for row in sentiment.by(sample, "stars").collect()]
    if sum(row["reviews"] for row in heard) != proved.rows:
        raise TidemarkError("reviews were loaded or dropped while they were explored: run explore_reviews again")
    log.info("scored the sentiment of %s reviews", f"{sum(row['scored'] for row in heard):,}")
    prices = extremes.prices(items, extremes.priced(spark, db))
    log.info("%s of %s reviewed products have no price", f"{prices['without_price']:,}", f"{prices['products']:,}")
    explored = {
        "asked": asked.document(),
        "sample": sampling.store(db, run, asked, proved, run_folder.SAMPLE),
        "proof": proved.document(),
        "totals": counted,
        "facets": counts,
        "tails": tails,
        "sentiment": heard,
        "products": extremes.extremes(db, narrow, items),
        "prices": prices,
    }
    artifacts.write_json(f"{run}/{run_folder.EXPLORE}", explored)
    return explored
