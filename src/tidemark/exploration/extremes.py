"""The most and the least reviewed products: how they sound, and what they may have brought in.

No file says what was sold. Price times reviews is what stands in for it, and is called a proxy wherever it is shown: many
buy without a review, what a seller earns of a price is not known, and the price is that of the day the product was listed.
Most products of the releases have no price; how many is told beside every figure.
"""

import json
from typing import TYPE_CHECKING, Any

from tidemark.exploration import sentiment
from tidemark.storage import mongo

if TYPE_CHECKING:
    from pymongo.database import Database
    from pyspark.sql import DataFrame, SparkSession

Document = dict[str, Any]
Records = list[Document]

PRODUCTS_SHOWN = 10
SCORED_OF_A_PRODUCT = 200
"""Reviews of a product that its sentiment comes of: those with the lowest places (`tidemark.exploration.sampling`), so any of them."""

PROXY = "price x reviews (USD), a proxy for revenue: reviews are not sales"
"""What `price_x_reviews` is called."""

PRICED = {"price": {"$ne": None}}
"""Products with a price, in MongoDB's terms; a price of 0 is one."""


def extremes(db: "Database[Document]", narrow: "DataFrame", items: "DataFrame") -> dict[str, Records]:
    """The most and the least reviewed products: those with as many reviews as others are taken in order of their ids.

    Args:
        db: the platform's database.
        narrow: `aggregates.rows`.
        items: `aggregates.activity` of the items.

    Returns:
        `most` and `least`: `item_id`, `title` (empty: no product of this id is stored), `reviews`, `mean_rating`,
        `scored` (reviews with a text among the `SCORED_OF_A_PRODUCT` looked at), `sentiment` (their mean; None: none),
        `price` (USD; None: not known) and `price_x_reviews` (USD, `PROXY`; None: no price is known).
    """
    from pyspark.sql import functions as f

    most = items.orderBy(f.desc("reviews"), "item_id").limit(PRODUCTS_SHOWN).collect()
    least = items.orderBy("reviews", "item_id").limit(PRODUCTS_SHOWN).collect()
    shown = sorted({row["item_id"] for row in most + least})
    stored = {p["_id"]: p for p in db["products"].find({"_id": {"$in": shown}}, {"title": 1, "price": 1})}
    sounds = _sentiments(db, narrow, shown)

    def record(row: Any) -> Document:
        item, product = row["item_id"], stored.get(row["item_id"], {})
        price, (scored, mean) = product.get("price"), sounds[item]
        return {
            "item_id": item,
            "title": product.get("title") or "",
            "reviews": row["reviews"],
            "mean_rating": row["mean_rating"],
            "scored": scored,
            "sentiment": mean,
            "price": price,
            "price_x_reviews": None if price is None else round(price * row["reviews"], 2),
        }

    return {"most": [record(row) for row in most], "least": [record(row) for row in least]}


def _sentiments(db: "Database[Document]", narrow: "DataFrame", items: list[str]) -> dict[str, tuple[int, float | None]]:
    """Of each of `items`: how many of its reviews were scored, and the mean of their sentiment."""
    from pyspark.sql import Window
    from pyspark.sql import functions as f

    lowest = Window.partitionBy("item_id").orderBy("place", "_id")
    picked = (
        narrow.where(f.col("item_id").isin(items))
        .select("item_id", "_id", f.row_number().over(lowest).alias("rank"))
        .where(f.col("rank") <= SCORED_OF_A_PRODUCT)
        .collect()
    )
    start = {"text": {"$substrCP": [{"$ifNull": ["$text", ""]}, 0, sentiment.READ]}}
    reviews = db["reviews"].find({"_id": {"$in": [row["_id"] for row in picked]}}, start)
    texts = {review["_id"]: review["text"] for review in reviews}
    return {item: sentiment.mean(texts.get(row["_id"]) for row in picked if row["item_id"] == item) for item in items}


def priced(spark: "SparkSession", db: "Database[Document]") -> "DataFrame | None":
    """The products with a price, one column `item_id`; None where there is none, or no product at all."""
    from pyspark.sql import types as t

    if db["products"].find_one(PRICED, {"_id": 1}) is None:
        return None
    kind = t.StructType([t.StructField("_id", t.StringType())])
    pipeline = json.dumps([{"$match": PRICED}, {"$project": {"_id": 1}}])
    return mongo.read(spark, "products", kind, pipeline=pipeline).withColumnRenamed("_id", "item_id")


def prices(items: "DataFrame", known: "DataFrame | None") -> dict[str, int]:
    """How many of the reviewed products have a price.

    Args:
        items: `item_id`, one row for each reviewed product.
        known: `priced`.

    Returns:
        `products` (that were reviewed) and `without_price` (of them: no price is known, or no such product is stored).
    """
    reviewed = items.count()
    having = 0 if known is None else items.join(known, "item_id", "left_semi").count()
    return {"products": reviewed, "without_price": reviewed - having}
