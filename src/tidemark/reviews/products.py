"""Products: from Amazon's metadata to one stored form, one document per item, reviewed or not."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as f
from pyspark.sql import types as t

from tidemark.landing import cleaning, rows

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

Record = dict[str, Any]

CONTRACT = {r: f"amazon_products_{r}" for r in ("2018", "2023")}
"""The contract of each release. The 2014 release's metadata is no JSON."""


def _of_2018(r: Record) -> Record:
    return {
        "_id": r["asin"],
        "title": r.get("title"),
        "brand": r.get("brand"),
        "main_category": r.get("main_cat"),
        "categories": r.get("category"),
        "description": r.get("description"),
        "features": r.get("feature"),
        "price": r.get("price"),
        "images": r.get("imageURLHighRes") or r.get("imageURL"),
        "also_buy": r.get("also_buy"),
        "also_view": r.get("also_view"),
        "details": r.get("details"),
    }


def _of_2023(r: Record) -> Record:
    images = [cleaning.address(image, "hi_res", "large") for image in r.get("images") or ()]
    return {
        "_id": r["parent_asin"],
        "title": r.get("title"),
        "brand": r.get("store"),
        "main_category": r.get("main_category"),
        "categories": r.get("categories"),
        "description": r.get("description"),
        "features": r.get("features"),
        "price": r.get("price"),
        "images": [url for url in images if url],
        "details": r.get("details"),
    }


_FIELDS = {"2018": _of_2018, "2023": _of_2023}


def maker(release: str) -> Callable[[Record], Record]:
    """What makes a record of a release into one of the contract `product`, and `junk_price`."""
    fields = _FIELDS[release]

    def make(record: Record) -> Record:
        made = fields(record)
        title, brand, categories = made["title"], made["brand"], made["categories"]
        description = "\n".join(made["description"] or ())
        told = "\n".join([title or "", brand or "", *(categories or ()), description])
        return made | {
            "title": cleaning.plain_text(title),
            "brand": cleaning.plain_text(brand),
            "main_category": cleaning.plain_text(made["main_category"]),
            "description": cleaning.plain_text(description),
            "categories": cleaning.plain_texts(categories),
            "features": cleaning.plain_texts(made["features"]),
            "price": cleaning.price(made["price"]),
            "junk_price": cleaning.junk_price(made["price"]),
            "details": cleaning.attributes(made["details"]),
            "clean_text": cleaning.clean_text(told),
            "release": release,
        }

    return make


def stage(lines: "DataFrame", release: str) -> "DataFrame":
    """Read, judge and clean `lines` (as `rows.lines` gives them) of a release: columns as `rows.stage` says, with
    `junk_price` (something stood there, and was no price)."""
    return rows.stage(
        lines, rows.of_contract(CONTRACT[release], maker(release)), "product", {"junk_price": t.BooleanType()}
    )


def duplicates(staged: "DataFrame") -> "DataFrame":
    """The rows that give way to another of the same item, which says more (the longest line)."""
    return rows.duplicates(staged, [f.desc("line_length")])
