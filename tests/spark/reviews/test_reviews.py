"""Reviews and products in Spark: the three releases, which duplicate stays."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tidemark.contracts import conformance, schemas
from tidemark.interactions import from_reviews
from tidemark.landing import rows as lines
from tidemark.reviews import products, reviews

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def _staged(spark: "SparkSession", folder: Path, release: str, rows: list[Any], module: Any = reviews) -> "DataFrame":
    path = folder / "rows.json"
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return module.stage(lines.lines(spark, [str(path)], 1), release)


COMMON = {
    "user_id": "A1",
    "item_id": "B1",
    "rating": 4.0,
    "title": "So",
    "text": "<b>Not</b> bad",
    "clean_text": "not bad",
}


@pytest.mark.parametrize(
    ("release", "row", "expected"),
    [
        (
            "2014",
            {
                "reviewerID": "A1",
                "asin": "B1",
                "overall": 4,
                "unixReviewTime": 1_393_545_600,
                "summary": "So",
                "reviewText": "<b>Not</b> bad",
                "helpful": [3, 5],
                "reviewerName": "Ann",
            },
            {"helpful_votes": 3, "verified": None, "images": None, "user_name": "Ann"},
        ),
        (
            "2018",
            {
                "reviewerID": "A1",
                "asin": "B1",
                "overall": 4,
                "unixReviewTime": 1_393_545_600,
                "summary": "So",
                "reviewText": "<b>Not</b> bad",
                "vote": "1,341",
                "verified": True,
                "style": {"Size": "old", "Size:": " 7 oz"},
                "image": ["u"],
            },
            {"helpful_votes": 1341, "verified": True, "images": ["u"], "style": {"Size": "7 oz"}, "user_name": ""},
        ),
        (
            "2023",
            {
                "user_id": "A1",
                "parent_asin": "B1",
                "asin": "B9",
                "rating": 4,
                "timestamp": 1_393_545_600_123,
                "title": "So",
                "text": "<b>Not</b> bad",
                "helpful_vote": 2,
                "verified_purchase": False,
                "images": [{"small_image_url": "s", "large_image_url": "l"}],
            },
            {"helpful_votes": 2, "verified": False, "images": ["l"], "user_name": ""},
        ),
    ],
)
def test_each_release_becomes_the_same_review(
    load_spark: "SparkSession", tmp_path: Path, release: str, row: dict[str, Any], expected: dict[str, Any]
) -> None:
    staged = _staged(load_spark, tmp_path, release, [row])
    review = staged.select(*schemas.fields("review")).collect()[0].asDict()
    schemas.require_columns("review", staged.select(*schemas.fields("review")).schema)
    assert review["_id"] == "A1:B1:1393545600"
    assert conformance.reasons("review", review) == []
    assert {key: review[key] for key in COMMON | expected} == COMMON | expected


def test_a_bare_review_is_filled_by_contract(load_spark: "SparkSession", tmp_path: Path) -> None:
    row = {"reviewerID": "A1", "asin": "B1", "overall": 5, "unixReviewTime": 1_393_545_600}
    review = _staged(load_spark, tmp_path, "2018", [row]).select(*schemas.fields("review")).collect()[0].asDict()
    filled = {"title": "", "text": "", "clean_text": "", "helpful_votes": 0, "verified": None, "style": None}
    assert {key: review[key] for key in filled} == filled


def test_of_duplicates_the_one_that_says_most_stays_however_they_are_ordered(
    load_spark: "SparkSession", tmp_path: Path
) -> None:
    row = {"reviewerID": "A1", "asin": "B1", "overall": 5.0, "unixReviewTime": 1_393_545_600, "reviewText": "short"}
    rows = [
        row,
        row | {"reviewText": "much longer", "vote": "2"},
        row | {"reviewText": "much longer", "vote": "9"},
        row | {"reviewText": "much longer", "vote": "9"},
        row | {"asin": "B2"},
        row | {"overall": 0},
    ]
    for order in (rows, rows[::-1]):
        staged = _staged(load_spark, tmp_path, "2018", order).localCheckpoint()
        gone = reviews.duplicates(staged)
        kept = lines.stored(staged, gone, "review")
        assert gone.count() == 3
        assert {(r["item_id"], r["text"], r["helpful_votes"]) for r in kept.collect()} == {
            ("B1", "much longer", 9),
            ("B2", "short", 0),
        }
        profile = reviews.profile(kept)
        assert (profile["stored"], profile["users"], profile["items"], profile["pairs"], profile["days"]) == (
            2,
            1,
            2,
            2,
            1,
        )


def test_a_profile_of_nothing(load_spark: "SparkSession", tmp_path: Path) -> None:
    staged = _staged(load_spark, tmp_path, "2018", [{"asin": "B1"}]).localCheckpoint()
    profile = reviews.profile(lines.stored(staged, reviews.duplicates(staged), "review"))
    assert (profile["stored"], profile["users"], profile["first"]) == (0, 0, "")


def test_a_review_is_one_interaction(load_spark: "SparkSession", tmp_path: Path) -> None:
    row = {"reviewerID": "A1", "asin": "B1", "overall": 2, "unixReviewTime": 1_393_545_600}
    frame = from_reviews.from_reviews(_staged(load_spark, tmp_path, "2018", [row]).select(*schemas.fields("review")))
    schemas.require_columns("interaction", frame.schema)
    interaction = frame.collect()[0].asDict()
    assert conformance.reasons("interaction", interaction) == []
    assert interaction["_id"] == "review:A1:B1:1393545600"
    assert (interaction["rating"], interaction["weight"], interaction["source"]) == (2.0, 1.0, "review")


def test_products_of_both_releases(load_spark: "SparkSession", tmp_path: Path) -> None:
    old = {
        "asin": "B1",
        "title": "Ben &amp; <b>Co</b>",
        "category": ["Gifts", "", "Cards &amp; More"],
        "description": ["One<br>two", "three"],
        "price": "$1,250.00",
        "imageURL": ["small"],
        "imageURLHighRes": ["large"],
        "details": {"\n Weight: \n": "1"},
        "rank": [">#1"],
    }
    new = {"parent_asin": "B1", "title": "T", "price": 9.5, "images": [{"hi_res": None, "large": "l"}, {"thumb": "t"}]}
    staged = _staged(
        load_spark, tmp_path, "2018", [old, old | {"title": "T"}, {"asin": "B2", "price": "junk"}], products
    )
    staged = staged.localCheckpoint()
    kept = {r["_id"]: r.asDict() for r in lines.stored(staged, products.duplicates(staged), "product").collect()}
    assert sorted(kept) == ["B1", "B2"]
    assert all(conformance.reasons("product", product) == [] for product in kept.values())
    first = kept["B1"]
    assert (first["title"], first["price"], first["images"]) == ("Ben & Co", 1250.0, ["large"])
    assert (first["categories"], first["description"]) == (["Gifts", "Cards & More"], "One two three")
    assert first["clean_text"] == "ben co gifts cards more one two three"
    assert first["details"] == {"Weight": "1"}
    assert (kept["B2"]["price"], kept["B2"]["title"], kept["B2"]["categories"]) == (None, "", [])
    assert staged.where("junk_price").count() == 1
    newer = _staged(load_spark, tmp_path, "2023", [new], products)
    schemas.require_columns("product", newer.select(*schemas.fields("product")).schema)
    product = newer.collect()[0]
    assert (product["price"], product["images"], product["junk_price"]) == (9.5, ["l"], False)
