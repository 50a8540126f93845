"""Newest day: of what several loads by day say of one product, the newest day's stays, in whatever order they run."""

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def of_products(spark: "SparkSession", products: "DataFrame", until: str) -> "DataFrame":
    """Those of `products` that take the place of what is stored, with `as_of`; all of them where their source has no days.

    Loads are stored one at a time (pool `spark`), so nothing newer comes between this and the writing.

    Args:
        spark: a session that reads MongoDB.
        products: as the contract `product` says.
        until: end of the interval that they are of, ISO 8601; empty: they are of none.
    """
    from pyspark.sql import functions as f
    from pyspark.sql import types as t

    from tidemark.storage import mongo

    dated = products.withColumn("as_of", f.lit(until or None).cast("timestamp"))
    if not until:
        return dated
    pipeline = json.dumps([{"$match": {"as_of": {"$gt": {"$date": until}}}}, {"$project": {"_id": 1}}])
    kind = t.StructType([t.StructField("_id", t.StringType())])
    return dated.join(mongo.read(spark, "products", kind, pipeline=pipeline), "_id", "left_anti")
