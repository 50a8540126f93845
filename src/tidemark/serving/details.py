"""Details: what is known of one product, from the metadata that was loaded and from what programs say of it since."""

import heapq
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from pymongo import ASCENDING
from pymongo.database import Database

Document = Mapping[str, Any]

PRODUCT_FIELDS = dict.fromkeys(("title", "brand", "main_category", "categories", "price", "available"), 1) | {
    "images": {"$slice": 1}
}
"""Of the collection `products`, what a catalogue needs."""

CHANGE_FIELDS = dict.fromkeys(
    ("title", "brand", "category", "categories", "price", "image", "available", "updated_at"), 1
)
"""Of the collection `items`, the same."""


@dataclass(frozen=True, slots=True)
class Details:
    """One product.

    Args:
        title, brand: as they are shown; empty where unknown.
        price: in the catalogue's currency, finite, at least 0; None where unknown.
        category: its main one; empty where unknown.
        categories: every one that it is in, each once, the main one among them.
        image: the http(s) URL of its picture; empty where there is none.
        available: whether it may be shown.
    """

    title: str = ""
    brand: str = ""
    price: float | None = None
    category: str = ""
    categories: tuple[str, ...] = ()
    image: str = ""
    available: bool = True

    @classmethod
    def of_product(cls, product: Document) -> "Details":
        """Of a document of the collection `products`."""
        category, categories = _categories(product.get("main_category"), product.get("categories"))
        images = product.get("images") or ("",)
        return cls(
            title=product.get("title") or "",
            brand=product.get("brand") or "",
            price=_price(product.get("price")),
            category=category,
            categories=categories,
            image=_url(images[0]),
            available=bool(product.get("available", True)),
        )

    def changed(self, change: Document) -> "Details":
        """With what a document of the collection `items` says; of what it does not speak, nothing changes."""
        given: dict[str, Any] = {name: change[name] or "" for name in ("title", "brand") if name in change}
        if "price" in change:
            given["price"] = _price(change["price"])
        if "image" in change:
            given["image"] = _url(change["image"])
        if "category" in change or "categories" in change:
            # A main category of before that is in no list that was given now is no longer one of it.
            main = change.get("category", None if "categories" in change else self.category)
            given["category"], given["categories"] = _categories(main, change.get("categories", self.categories))
        return replace(self, **given, available=bool(change.get("available", True)))


BLANK = Details()
"""Of a product of which nothing is known."""


def merged(products: Iterable[Document], changes: Iterable[Document]) -> Iterator[tuple[str, Details]]:
    """item_id and details of everything that is known, in the order of the ids.

    Args:
        products: documents of `products`, sorted by `_id`.
        changes: documents of `items`, sorted by `_id`; they lie over the products.
    """
    both = heapq.merge(
        ((product["_id"], 0, product) for product in products),
        ((change["_id"], 1, change) for change in changes),
        key=lambda entry: entry[:2],
    )
    for item_id, entries in groupby(both, key=lambda entry: entry[0]):
        details = BLANK
        for _, is_change, document in entries:
            details = details.changed(document) if is_change else Details.of_product(document)
        yield item_id, details


def read_products(db: Database[dict[str, Any]]) -> Iterator[Document]:
    """Every document of `products`, sorted, with `PRODUCT_FIELDS`."""
    return iter(db["products"].find({}, PRODUCT_FIELDS).sort("_id", ASCENDING))


def read_changes(db: Database[dict[str, Any]]) -> Iterator[Document]:
    """Every document of `items`, sorted, with `CHANGE_FIELDS`."""
    return iter(db["items"].find({}, CHANGE_FIELDS).sort("_id", ASCENDING))


def _price(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) and value >= 0 else None


def _url(value: Any) -> str:
    return value if isinstance(value, str) and value.startswith(("https://", "http://")) else ""


def _categories(main: str | None, categories: Iterable[str] | None) -> tuple[str, tuple[str, ...]]:
    """The main category, the broadest where none is said to be it; and all of them, each once."""
    known = tuple(dict.fromkeys(name for name in (categories or ()) if name))
    main = main or next(iter(known), "")
    return main, known if main in known or not main else (main, *known)
