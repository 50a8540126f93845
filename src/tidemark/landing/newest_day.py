"""Newest day: of what several loads by day say of one product, the newest day's stays, in whatever order they run."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pymongo.database import Database
    from pyspark.sql import DataFrame, SparkSession


def of_products(
    spark: "SparkSession", db: "Database[dict[str, Any]]", products: "DataFrame", until: str
) -> "DataFrame":
    """Those of `products` that take the place of what is stored, with `as_of`; all of them where their source has no days.

    Loads are stored one at a time (pool `spark`), so nothing newer comes between this and the writing.

    Args:
        spark: a session that reads MongoDB.
        db: the platform's database.
        products: as the contract `product` says.
        until: end of the interval that they are of, ISO 8601; empty: they are of none.
    """
    from pyspark.sql import functions as f

    from tidemark.storage import mongo

    as_of = f.lit(until or None).cast("timestamp")
    dated = products.withColumn("as_of", as_of)
    newer = {"as_of": {"$gt": datetime.fromisoformat(until)}} if until else None
    if newer is None or db["products"].find_one(newer, {"_id": 1}) is None:
        return dated
    pipeline = f'[{{"$match": {{"as_of": {{"$gt": {{"$date": "{until}"}}}}}}}}, {{"$project": {{"_id": 1}}}}]'
    from pyspark.sql import types as t

    kind = t.StructType([t.StructField("_id", t.StringType())])
    return dated.join(mongo.read(spark, "products", kind, pipeline=pipeline), "_id", "left_anti")
