"""The most and the least reviewed products, and what is known of prices: answers worked by hand, products in a real MongoDB."""

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.review_frames import reviews
from tidemark.exploration import aggregates, extremes, sentiment
from tidemark.exploration.sampling import Asked
from tidemark.settings import Settings
from tidemark.storage import mongo

if TYPE_CHECKING:
    from pymongo.database import Database
    from pyspark.sql import DataFrame, SparkSession

# Item -> its reviews, title and price; (None, None): no such product is stored.
WORLD: dict[str, tuple[int, str | None, float | None]] = {
    "known": (7, "A pedal", 19.99),
    "free": (5, "A song", 0.0),
    "dear": (3, "A piano", 999_999_999.0),
    "unpriced": (2, "A card", None),
    "missing": (1, None, None),
}


@pytest.fixture
def db(mongo_db: Settings) -> "Database[dict[str, Any]]":
    """`WORLD` as MongoDB has it, and a product that nobody reviewed."""
    made = mongo.connect()
    stored = [{"_id": item, "title": title, "price": price} for item, (_, title, price) in WORLD.items() if title]
    made["products"].insert_many([*stored, {"_id": "unreviewed", "title": "Dust", "price": 5.0}])
    texts = [(f"{item}{n}", item) for item, (count, *_) in WORLD.items() for n in range(count)]
    made["reviews"].insert_many([{"_id": review, "item_id": item, "text": "good"} for review, item in texts])
    return made


def world(spark: "SparkSession") -> tuple["DataFrame", "DataFrame"]:
    """The reviews of `WORLD`, and its items."""
    rows = [{"_id": f"{item}{n}", "item_id": item} for item, (count, *_) in WORLD.items() for n in range(count)]
    narrow = aggregates.rows(reviews(spark, rows), Asked(rows=30, fraction=None, seed=0), len(rows))
    marked = narrow.selectExpr("*", "true AS sampled")
    return narrow, aggregates.activity(marked, "item_id")


def test_price_times_reviews_by_hand(spark: "SparkSession", db: "Database[dict[str, Any]]") -> None:
    shown = extremes.extremes(db, *world(spark))
    told = [
        (row["item_id"], row["title"], row["reviews"], row["price"], row["price_x_reviews"]) for row in shown["most"]
    ]
    assert told == [
        ("known", "A pedal", 7, 19.99, 139.93),
        ("free", "A song", 5, 0.0, 0.0),  # a price of nothing is a price
        ("dear", "A piano", 3, 999_999_999.0, 2_999_999_997.0),
        ("unpriced", "A card", 2, None, None),
        ("missing", "", 1, None, None),
    ]
    assert shown["least"] == shown["most"][::-1]
    assert [row["scored"] for row in shown["most"]] == [7, 5, 3, 2, 1]
    assert [row["sentiment"] for row in shown["most"]] == [pytest.approx(sentiment.score("good"))] * 5


def test_ten_are_shown_and_ties_go_by_id(spark: "SparkSession", mongo_db: Settings) -> None:
    rows = [{"item_id": f"i{n:02}"} for n in range(12)] + [{"item_id": "i11"}]
    narrow = aggregates.rows(reviews(spark, rows), Asked(rows=30, fraction=None, seed=0), len(rows))
    items = aggregates.activity(narrow.selectExpr("*", "true AS sampled"), "item_id")
    shown = extremes.extremes(mongo.connect(), narrow, items)
    assert [row["item_id"] for row in shown["most"]] == ["i11", *(f"i{n:02}" for n in range(9))]
    assert [row["item_id"] for row in shown["least"]] == [f"i{n:02}" for n in range(10)]
    assert {row["price"] for row in shown["most"]} == {None}  # there is no collection `products`


def test_how_many_reviewed_products_have_no_price(spark: "SparkSession", db: "Database[dict[str, Any]]") -> None:
    """Three of five have one, that of 0 among them; one that was not reviewed counts nowhere."""
    _, items = world(spark)
    assert extremes.prices(items, extremes.priced(spark, db)) == {"products": 5, "without_price": 2}


def test_one_price_among_a_thousand_products_is_found(spark: "SparkSession", db: "Database[dict[str, Any]]") -> None:
    """The connector plans its partitions by the whole collection, and reads almost nothing of it."""
    db["products"].update_many({"_id": {"$ne": "known"}}, {"$set": {"price": None}})
    db["products"].insert_many([{"_id": f"other{n}", "title": "", "price": None} for n in range(1_000)])
    _, items = world(spark)
    assert extremes.prices(items, extremes.priced(spark, db)) == {"products": 5, "without_price": 4}


@pytest.mark.parametrize("state", ["no price", "empty", "absent"])
def test_where_there_is_no_price_none_is_counted(
    spark: "SparkSession", db: "Database[dict[str, Any]]", state: str
) -> None:
    {
        "no price": lambda: db["products"].update_many({}, {"$unset": {"price": ""}}),
        "empty": lambda: db["products"].delete_many({}),
        "absent": db["products"].drop,
    }[state]()
    _, items = world(spark)
    assert extremes.prices(items, extremes.priced(spark, db)) == {"products": 5, "without_price": 5}
