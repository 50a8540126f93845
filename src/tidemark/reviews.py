"""Reviews: from the three Amazon releases to one stored form, one review per (user, item, time)."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as f
from pyspark.sql.window import Window

from tidemark import cleaning, contracts

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

CONTRACT = {r: f"amazon_reviews_{r}" for r in ("2014", "2018", "2023")}
"""The contract of each release."""


def _of_2014(r: "Column") -> "dict[str, Column]":
    return _named(r, "reviewerID", "asin", "overall", "unixReviewTime", "summary", "reviewText") | {
        "user_name": r["reviewerName"],
        "helpful_votes": r["helpful"][0],
    }


def _of_2018(r: "Column") -> "dict[str, Column]":
    return _named(r, "reviewerID", "asin", "overall", "unixReviewTime", "summary", "reviewText") | {
        "user_name": r["reviewerName"],
        "verified": r["verified"],
        "helpful_votes": cleaning.count(r["vote"]),
        "images": r["image"],
        "style": cleaning.attributes(r["style"]),
    }


def _of_2023(r: "Column") -> "dict[str, Column]":
    return _named(r, "user_id", "parent_asin", "rating", "timestamp", "title", "text") | {
        "verified": r["verified_purchase"],
        "helpful_votes": r["helpful_vote"],
        "images": f.transform(r["images"], lambda image: f.get_json_object(image, "$.large_image_url")),
    }


def _named(r: "Column", user: str, item: str, rating: str, time: str, title: str, text: str) -> "dict[str, Column]":
    return {
        "user_id": r[user],
        "item_id": r[item],
        "rating": r[rating],
        "time": r[time],
        "title": r[title],
        "text": r[text],
    }


_FIELDS: "dict[str, Callable[[Column], dict[str, Column]]]" = {"2014": _of_2014, "2018": _of_2018, "2023": _of_2023}


def stage(parsed: "DataFrame", release: str) -> "DataFrame":
    """Clean what was parsed.

    Args:
        parsed: what `records.parse` gives for the release's contract.
        release: `2014`, `2018` or `2023`.

    Returns:
        One row per line: the columns of the contract `review`, then `file`, `kinds` and `texts` (why it was rejected,
        null where it was not), `raw` (the bytes of a rejected line, else null), `row` (a number of its own) and
        `line_hash`.
    """
    record, good = f.col("record"), f.col("verdict").isNull()
    given: dict[str, Any] = _FIELDS[release](record)
    time_field = {"2023": "timestamp"}.get(release, "unixReviewTime")
    unit = contracts.schema(CONTRACT[release])["properties"][time_field]["epoch"]
    time = given.pop("time")
    given["timestamp"] = cleaning.utc(time, unit)
    given["_id"] = f.concat_ws(
        ":", given["user_id"], given["item_id"], cleaning.whole_seconds(time, unit).cast("string")
    )
    given["clean_text"] = cleaning.text_rule(cleaning.clean_text)(given["text"])
    given["release"] = f.lit(release)
    columns = []
    for name, node in contracts.schema("review")["properties"].items():
        column = given.get(name, f.lit(None).cast(contracts.spark_type("review")[name].dataType))
        columns.append(cleaning.filled(column, node.get("default")).alias(name))
    return parsed.select(
        *columns,
        "file",
        f.col("verdict.kinds").alias("kinds"),
        f.col("verdict.texts").alias("texts"),
        f.when(~good, f.col("raw").cast("binary")).alias("raw"),
        f.monotonically_increasing_id().alias("row"),
        f.xxhash64("raw").alias("line_hash"),
    )


def duplicates(staged: "DataFrame") -> "DataFrame":
    """The rows that give way to another review of the same user, item and time: `row`.

    The one that stays says most: the longest text, then the most helpful votes, then the smallest hash of its line, so
    that it is the same one however the file is ordered.
    """
    narrow = staged.where("kinds IS NULL").select(
        "_id", "row", f.length("text").alias("length"), "helpful_votes", "line_hash"
    )
    order = [f.desc("length"), f.desc("helpful_votes"), f.asc("line_hash"), f.asc("row")]
    ranked = narrow.withColumn("rank", f.row_number().over(Window.partitionBy("_id").orderBy(*order)))
    return ranked.where("rank > 1").select("row")


def stored(staged: "DataFrame", duplicate_rows: "DataFrame") -> "DataFrame":
    """The reviews to store, with the columns of the contract `review` and no others."""
    good = staged.where("kinds IS NULL").join(duplicate_rows, "row", "left_anti")
    return good.select(*contracts.fields("review"))


def profile(reviews: "DataFrame") -> dict[str, Any]:
    """What the stored reviews are like as a set, in one pass: the row that the gate `landed_reviews` looks at.

    Returns:
        `stored`, `users`, `items`, `pairs` (what training sees: the newest review of each), `days`, `first`, `last`
        (ISO dates), `mean_rating`, `empty_text_share`, `commonest_rating_share`.
    """
    pairs = reviews.groupBy("user_id", "item_id").agg(
        f.count("*").alias("n"),
        f.count_if(f.col("clean_text") == "").alias("empty"),
        f.sum("rating").alias("stars"),
        f.min("timestamp").alias("first"),
        f.max("timestamp").alias("last"),
    )
    whole = pairs.agg(
        f.coalesce(f.sum("n"), f.lit(0)).alias("stored"),
        f.count_distinct("user_id").alias("users"),
        f.count_distinct("item_id").alias("items"),
        f.count("*").alias("pairs"),
        f.sum("stars").alias("stars"),
        f.sum("empty").alias("empty"),
        f.min("first").alias("first"),
        f.max("last").alias("last"),
    ).first()
    assert whole is not None  # noqa: S101 -- an aggregate of everything is one row
    commonest = reviews.groupBy("rating").count().agg(f.max("count")).first()
    n = whole["stored"]
    return {
        "stored": n,
        "users": whole["users"],
        "items": whole["items"],
        "pairs": whole["pairs"],
        "days": (whole["last"].date() - whole["first"].date()).days + 1 if n else 0,
        "first": whole["first"].date().isoformat() if n else "",
        "last": whole["last"].date().isoformat() if n else "",
        "mean_rating": round(whole["stars"] / n, 4) if n else 0.0,
        "empty_text_share": round(whole["empty"] / n, 4) if n else 0.0,
        "commonest_rating_share": round(commonest[0] / n, 4) if n and commonest else 0.0,
    }
