"""The feature pipeline: from products to vectors by stages of Spark ML, each of which Spark keeps and reads again.

| what | missing | becomes |
|---|---|---|
| category, brand | a level of its own, `(none)` | one place for each of the most common levels, and one for all others |
| price | a bucket of its own | one place for each bucket; as many products in each (quantiles) |
| title, description | no words | hashed to `WORDS` places (Weinberger et al. 2009), TF-IDF, reduced to `TEXT` by principal components |

A level, price or word that comes later falls into the places that there are: the same pipeline gives any product a vector.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.ml import PipelineModel
    from pyspark.sql import DataFrame, SparkSession

FORM = 1
"""Of these stages: another number where they are changed, so that older pipelines are fitted anew."""
LEVELS = 64
"""Of a category or brand that have a place of their own: the most common."""
BUCKETS = 10
WORDS, TEXT = 1024, 64
LEAST_PRODUCTS = 2
"""Below which nothing can be reduced."""
NOT_TOLD = "(none)"

Document = dict[str, Any]


def products(spark: "SparkSession") -> "DataFrame":
    """What is known of every product, the changes of `items` over the products' files: `_id, category, brand, price, text`,
    none of them null; a price that is not known is no number."""
    from pyspark.sql import functions as f

    from tidemark.storage import mongo

    told = ("title", "brand", "price", "description")
    loaded = mongo.read(spark, "products", "product").select("_id", *told, f.col("main_category").alias("category"))
    changed = mongo.read(spark, "items", "item").select("_id", *told, "category")
    over = loaded.alias("l").join(changed.alias("c"), "_id", "full")
    fields = {name: f.coalesce(f"c.{name}", f"l.{name}") for name in (*told, "category")}
    level = {name: f.when(f.trim(fields[name]) != "", f.trim(fields[name])) for name in ("category", "brand")}
    return over.select(
        "_id",
        *(f.coalesce(of, f.lit(NOT_TOLD)).alias(name) for name, of in level.items()),
        f.coalesce(fields["price"].cast("double"), f.lit(float("nan"))).alias("price"),
        f.concat_ws(" ", fields["title"], fields["description"]).alias("text"),
    )


def fit(known: "DataFrame") -> "PipelineModel":
    """The pipeline fitted on `known` (see `products`), which has at least `LEAST_PRODUCTS`."""
    from pyspark.ml import Pipeline
    from pyspark.ml.feature import (
        IDF,
        PCA,
        Bucketizer,
        HashingTF,
        OneHotEncoder,
        RegexTokenizer,
        StringIndexerModel,
        VectorAssembler,
    )

    indexed = [
        StringIndexerModel.from_labels(_levels(known, name), name, f"{name}_level", handleInvalid="keep")
        for name in ("category", "brand")
    ]
    stages: list[Any] = [
        *indexed,
        Bucketizer(splits=_splits(known), inputCol="price", outputCol="price_level", handleInvalid="keep"),
        OneHotEncoder(
            inputCols=["category_level", "brand_level", "price_level"],
            outputCols=["category_places", "brand_places", "price_places"],
            dropLast=False,
            handleInvalid="keep",
        ),
        RegexTokenizer(inputCol="text", outputCol="words", pattern=r"[^\p{L}\p{N}]+"),
        HashingTF(numFeatures=WORDS, inputCol="words", outputCol="counts"),
        IDF(minDocFreq=2, inputCol="counts", outputCol="weights"),
        PCA(k=TEXT, inputCol="weights", outputCol="reduced"),
        VectorAssembler(inputCols=["category_places", "brand_places", "price_places", "reduced"], outputCol="features"),
    ]
    return Pipeline(stages=stages).fit(known)


def _levels(known: "DataFrame", name: str) -> list[str]:
    """The most common levels of a column, the most common first, then by name."""
    from pyspark.sql import functions as f

    counted = known.groupBy(name).count().orderBy(f.desc("count"), f.asc(name)).limit(LEVELS)
    return [row[name] for row in counted.collect()]


def _splits(known: "DataFrame") -> list[float]:
    """Where one bucket of prices ends and the next begins: the whole line where there are too few prices to part."""
    shares = [place / BUCKETS for place in range(1, BUCKETS)]
    cuts = known.where("NOT isnan(price)").approxQuantile("price", shares, 0.001)
    return [float("-inf"), *(sorted(set(cuts)) or [0.0]), float("inf")]


def vectors(fitted: "PipelineModel", known: "DataFrame") -> "DataFrame":
    """The vectors of `known` (see `products`), as the contract `item_feature` has them."""
    from pyspark.ml.functions import vector_to_array
    from pyspark.sql import functions as f

    return fitted.transform(known).select("_id", vector_to_array(f.col("features")).alias("vector"))
