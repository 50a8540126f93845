"""Reviews: from the three Amazon releases to one stored form, one review per (user, item, time)."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as f

from tidemark.contracts import schemas
from tidemark.landing import cleaning, rows

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

Record = dict[str, Any]

CONTRACT = {r: f"amazon_reviews_{r}" for r in ("2014", "2018", "2023")}
"""The contract of each release."""


def _of_2014(r: Record) -> Record:
    helpful = r.get("helpful")
    return _named(r, "reviewerID", "asin", "overall", "summary", "reviewText") | {
        "user_name": r.get("reviewerName"),
        "helpful_votes": helpful[0] if helpful else None,
    }


def _of_2018(r: Record) -> Record:
    return _named(r, "reviewerID", "asin", "overall", "summary", "reviewText") | {
        "user_name": r.get("reviewerName"),
        "verified": r.get("verified"),
        "helpful_votes": cleaning.count(r.get("vote")),
        "images": r.get("image"),
        "style": cleaning.attributes(r.get("style")),
    }


def _of_2023(r: Record) -> Record:
    images = r.get("images")
    return _named(r, "user_id", "parent_asin", "rating", "title", "text") | {
        "verified": r.get("verified_purchase"),
        "helpful_votes": r.get("helpful_vote"),
        "images": None if images is None else [cleaning.address(image, "large_image_url") for image in images],
    }


def _named(r: Record, user: str, item: str, rating: str, title: str, text: str) -> Record:
    return {
        "user_id": r[user],
        "item_id": r[item],
        "rating": float(r[rating]),
        "title": r.get(title),
        "text": r.get(text),
    }


_FIELDS: dict[str, Callable[[Record], Record]] = {"2014": _of_2014, "2018": _of_2018, "2023": _of_2023}


def maker(release: str) -> Callable[[Record], Record]:
    """What makes a record of a release into one of the contract `review`."""
    fields = _FIELDS[release]
    time_field = {"2023": "timestamp"}.get(release, "unixReviewTime")
    unit = schemas.schema(CONTRACT[release])["properties"][time_field]["epoch"]

    def make(record: Record) -> Record:
        made = fields(record)
        seconds = cleaning.whole_seconds(record[time_field], unit)
        made["_id"] = f"{made['user_id']}:{made['item_id']}:{seconds}"
        made["timestamp"] = seconds * cleaning.MICROSECONDS
        made["clean_text"] = cleaning.clean_text(made["text"])
        made["release"] = release
        return made

    return make


def stage(lines: "DataFrame", release: str) -> "DataFrame":
    """Read, judge and clean `lines` (as `rows.lines` gives them) of a release: columns as `rows.stage` says."""
    return rows.stage(lines, rows.of_contract(CONTRACT[release], maker(release)), "review")


def duplicates(staged: "DataFrame") -> "DataFrame":
    """The rows that give way to another review of the same user, item and time: `row`.

    The one that stays says most: the longest text, then the most helpful votes.
    """
    return rows.duplicates(staged, [f.desc(f.length("text")), f.desc("helpful_votes")])


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
