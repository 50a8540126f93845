"""Products: from Amazon's metadata to one stored form, one document per item, reviewed or not."""

from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as f
from pyspark.sql.window import Window

from tidemark import cleaning, contracts

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

CONTRACT = {r: f"amazon_products_{r}" for r in ("2018", "2023")}
"""The contract of each release. The 2014 release's metadata is no JSON."""


def _of_2018(r: "Column") -> "dict[str, Column]":
    large = f.when(f.array_size(r["imageURLHighRes"]) > 0, r["imageURLHighRes"]).otherwise(r["imageURL"])
    return {
        "_id": r["asin"],
        "title": r["title"],
        "brand": r["brand"],
        "main_category": r["main_cat"],
        "categories": r["category"],
        "description": r["description"],
        "features": r["feature"],
        "price": r["price"],
        "images": large,
        "also_buy": r["also_buy"],
        "also_view": r["also_view"],
        "details": r["details"],
    }


def _of_2023(r: "Column") -> "dict[str, Column]":
    def best(image: "Column") -> "Column":
        return f.coalesce(f.get_json_object(image, "$.hi_res"), f.get_json_object(image, "$.large"))

    return {
        "_id": r["parent_asin"],
        "title": r["title"],
        "brand": r["store"],
        "main_category": r["main_category"],
        "categories": r["categories"],
        "description": r["description"],
        "features": r["features"],
        "price": r["price"],
        "images": f.filter(f.transform(r["images"], best), lambda url: url.isNotNull()),
        "details": r["details"],
    }


_FIELDS = {"2018": _of_2018, "2023": _of_2023}


def stage(parsed: "DataFrame", release: str) -> "DataFrame":
    """Clean what was parsed.

    Args:
        parsed: what `records.parse` gives for the release's contract.
        release: `2018` or `2023`.

    Returns:
        One row per line: the columns of the contract `product`, then `junk_price` (something stood there, and was no
        price), and `file`, `kinds`, `texts`, `raw`, `row`, `line_hash`, `line_length` as `reviews.stage` gives them.
    """
    given: dict[str, Any] = _FIELDS[release](f.col("record"))
    plain, plain_list = cleaning.text_rule(cleaning.plain_text), cleaning.text_list_rule(cleaning.plain_text)
    title, price, description = given["title"], given["price"], f.array_join(given["description"], "\n")
    told = f.concat_ws("\n", title, given["brand"], f.array_join(given["categories"], "\n"), description)
    given |= {
        "title": plain(title),
        "brand": plain(given["brand"]),
        "main_category": plain(given["main_category"]),
        "description": plain(description),
        "categories": plain_list(given["categories"]),
        "features": plain_list(given["features"]),
        "price": cleaning.price(price),
        "details": cleaning.attributes(given["details"]),
        "clean_text": cleaning.text_rule(cleaning.clean_text)(told),
        "release": f.lit(release),
    }
    columns = []
    for name, node in contracts.schema("product")["properties"].items():
        column = given.get(name, f.lit(None).cast(contracts.spark_type("product")[name].dataType))
        columns.append(cleaning.filled(column, node.get("default")).alias(name))
    good = f.col("verdict").isNull()
    return parsed.select(
        *columns,
        (good & cleaning.junk_price(price)).alias("junk_price"),
        "file",
        f.col("verdict.kinds").alias("kinds"),
        f.col("verdict.texts").alias("texts"),
        f.when(~good, f.col("raw").cast("binary")).alias("raw"),
        f.monotonically_increasing_id().alias("row"),
        f.xxhash64("raw").alias("line_hash"),
        f.octet_length("raw").alias("line_length"),
    )


def duplicates(staged: "DataFrame") -> "DataFrame":
    """The rows that give way to another of the same item, which says more (the longest line, then the smallest hash)."""
    narrow = staged.where("kinds IS NULL").select("_id", "row", "line_length", "line_hash")
    order = [f.desc("line_length"), f.asc("line_hash"), f.asc("row")]
    ranked = narrow.withColumn("rank", f.row_number().over(Window.partitionBy("_id").orderBy(*order)))
    return ranked.where("rank > 1").select("row")


def stored(staged: "DataFrame", duplicate_rows: "DataFrame") -> "DataFrame":
    """The products to store, with the columns of the contract `product` and no others."""
    good = staged.where("kinds IS NULL").join(duplicate_rows, "row", "left_anti")
    return good.select(*contracts.fields("product"))
