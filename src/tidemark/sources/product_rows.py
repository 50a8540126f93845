"""Product rows: from one record of a catalogue's file to a product, by the mapping; or why it is none.

What is not mapped is kept, as texts, under `extra`.
"""

import contextlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tidemark.contracts import conformance
from tidemark.contracts.conformance import Difference
from tidemark.landing import cleaning
from tidemark.sources.interaction_rows import identifier, is_missing, number

Record = dict[str, Any]

CONTRACT = "file_product"
BETWEEN = re.compile(r"\s*[|>;]\s*")
"""What stands between the categories of one text."""
NO_CATEGORY = ("(no genres listed)", "unknown", "n/a", "none")
YES = ("true", "t", "yes", "y", "1", "in stock", "instock", "in_stock", "available", "active")
NO = ("false", "f", "no", "n", "0", "out of stock", "outofstock", "out_of_stock", "unavailable", "inactive", "sold out")


@dataclass(frozen=True)
class Rules:
    """By what records become products.

    Args:
        name: of the source.
        columns: what it is -> the column.
        flags: columns in which a 1 means a category -> the category.
    """

    name: str
    columns: Mapping[str, str]
    flags: Mapping[str, str]


def maker(rules: Rules) -> Callable[[Record, int], tuple[Record, list[Difference]]]:
    """What makes of a record a document of the contract `product`, or tells why it is none."""
    used = {*rules.columns.values(), *rules.flags}

    def make(record: Record, place: int) -> tuple[Record, list[Difference]]:
        told: Record = {}
        for role, column in rules.columns.items():
            value = record.get(column)
            if is_missing(value):
                continue
            if role == "item":
                told["item_id"] = identifier(value)
            elif role == "category":
                told["categories"] = categories(value)
            elif role == "available":
                told[role] = _truth(value)
            elif role == "price":
                told["price"] = cleaning.price(value) if isinstance(value, str) else number(value)
            elif role == "image" and isinstance(value, list):
                told[role] = _text(value[0]) if value else ""
            else:
                told[role] = _text(value)
        if rules.flags:
            told["categories"] = [name for column, name in rules.flags.items() if str(record.get(column)) == "1"]
        differences = conformance.differences(CONTRACT, told)
        if differences:
            return {}, differences
        extra = {
            name[:128]: _text(value)[:2_000]
            for name, value in record.items()
            if name not in used and not is_missing(value)
        }
        return _made(told, rules, extra), []

    return make


def categories(value: Any) -> Any:
    """The categories that a field names, from broad to narrow: of a list its texts, of a text its parts."""
    if isinstance(value, str) and value.startswith("["):
        with contextlib.suppress(ValueError):
            value = json.loads(value)
    parts = BETWEEN.split(value) if isinstance(value, str) else value
    if not isinstance(parts, list):
        return value
    return [
        part for part in dict.fromkeys(str(p).strip() for p in parts) if part and part.casefold() not in NO_CATEGORY
    ]


def _text(value: Any) -> str:
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return "\n".join(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _truth(value: Any) -> Any:
    if isinstance(value, bool):
        return value
    text = str(value).strip().casefold().removesuffix(".0")
    return True if text in YES else False if text in NO else value


def _made(told: Record, rules: Rules, extra: Record) -> Record:
    title, brand = told.get("title", ""), told.get("brand", "")
    named, description = told.get("categories", []), told.get("description", "")
    image = told.get("image", "")
    return {
        "_id": told["item_id"],
        "title": cleaning.plain_text(title),
        "brand": cleaning.plain_text(brand),
        "main_category": cleaning.plain_text(named[0]) if named else "",
        "categories": cleaning.plain_texts(named),
        "description": cleaning.plain_text(description),
        "price": told.get("price"),
        "images": [image] if image.startswith(("http://", "https://")) else [],
        "clean_text": cleaning.clean_text("\n".join([title, brand, *named, description])),
        "release": "file",
        "available": told.get("available", True),
        "source": rules.name,
        "extra": {key.replace(".", "_").lstrip("$") or "_": value for key, value in extra.items()} or None,
    }
