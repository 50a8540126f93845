"""What is known of a product: loaded metadata, and what programs say over it."""

from typing import Any

import pytest

from tidemark.serving.details import BLANK, Details, merged

PRODUCT = {
    "_id": "p", "title": "Lamp", "brand": "Lux", "main_category": "Home", "categories": ["Home", "Light"], "price": 3,
    "images": ["https://a.example/1.jpg"],
}  # fmt: skip
LAMP = Details("Lamp", "Lux", 3.0, "Home", ("Home", "Light"), "https://a.example/1.jpg")


def test_a_product_as_it_is_loaded():
    assert Details.of_product(PRODUCT) == LAMP


@pytest.mark.parametrize("value", [None, -1, float("nan"), float("inf"), "3", {"$gt": 1}])
def test_a_price_that_is_none_is_none(value):
    assert Details.of_product({"price": value}).price is None


@pytest.mark.parametrize("value", ["javascript:alert(1)", "//a.example", "", None, 3])
def test_an_image_is_a_web_address_or_none(value):
    assert Details.of_product({"images": [value]}).image == ""


@pytest.mark.parametrize(
    ("main", "categories", "category", "all_of_them"),
    [
        ("A", ["A", "B"], "A", ("A", "B")),
        ("M", ["A", "B"], "M", ("M", "A", "B")),
        ("", ["A", "B", "A"], "A", ("A", "B")),
        ("M", [], "M", ("M",)),
        (None, None, "", ()),
        ("", ["", "B"], "B", ("B",)),
    ],
)
def test_the_main_category_is_one_of_all(main, categories, category, all_of_them):
    details = Details.of_product({"main_category": main, "categories": categories})
    assert (details.category, details.categories) == (category, all_of_them)


@pytest.mark.parametrize(
    ("change", "differs"),
    [
        ({}, {}),
        ({"available": False}, {"available": False}),
        ({"title": "Torch", "price": 0}, {"title": "Torch", "price": 0.0}),
        ({"price": None, "image": ""}, {"price": None, "image": ""}),
        ({"category": "Garden"}, {"category": "Garden", "categories": ("Garden", "Home", "Light")}),
        ({"categories": ["Garden"]}, {"category": "Garden", "categories": ("Garden",)}),
        ({"category": "Sale", "categories": ["Garden"]}, {"category": "Sale", "categories": ("Sale", "Garden")}),
        ({"categories": []}, {"category": "", "categories": ()}),
    ],
)
def test_a_change_says_what_it_speaks_of_and_nothing_else(change, differs):
    expected = {name: differs.get(name, getattr(LAMP, name)) for name in Details.__slots__}
    assert LAMP.changed({"_id": "p", **change}) == Details(**expected)


def test_what_is_loaded_and_what_is_said_come_together_in_the_order_of_ids():
    products: list[dict[str, Any]] = [{"_id": "a", "title": "A"}, {"_id": "c", "title": "C"}]
    changes: list[dict[str, Any]] = [{"_id": "a", "available": False}, {"_id": "b", "title": "B"}]
    assert dict(merged(products, changes)) == {
        "a": Details(title="A", available=False), "b": Details(title="B"), "c": Details(title="C"),
    }  # fmt: skip
    assert [item_id for item_id, _ in merged(products, changes)] == ["a", "b", "c"]
    assert list(merged([], [])) == []
    assert dict(merged([], [{"_id": "x"}])) == {"x": BLANK}
