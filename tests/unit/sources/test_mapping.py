"""Which column is what: by what a person says, by a preset, by usual names; what can be two things asks."""

import pytest

from tidemark.errors import BadInputError
from tidemark.sources import mapping


def mapped(columns, given=None, preset=None, kind="interactions"):
    return mapping.map_columns("the file", kind, columns, given or {}, preset or {})


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (["user_id", "item_id", "timestamp"], {"user": "user_id", "item": "item_id", "time": "timestamp"}),
        (["User ID", "SKU", "Created At", "Qty"], {"user": "User ID", "item": "SKU", "time": "Created At", "quantity": "Qty"}),
        (["CustomerID", "StockCode", "InvoiceDate", "Quantity"],
         {"user": "CustomerID", "item": "StockCode", "time": "InvoiceDate", "quantity": "Quantity"}),
        (["visitorid", "itemid", "event"], {"user": "visitorid", "item": "itemid", "event": "event"}),
        (["uid", "iid", "rating", "weight"], {"user": "uid", "item": "iid", "rating": "rating", "weight": "weight"}),
    ],
)  # fmt: skip
def test_usual_names_are_known_whatever_their_case_and_signs(columns, expected):
    found = mapped(columns)
    assert found.columns == expected
    assert set(found.why.values()) == {"by its name"}


def test_what_is_said_wins_over_a_preset_and_that_over_names():
    columns = ["a", "b", "user", "time"]
    assert mapped(columns, {"user": "a", "item": "b"}).columns == {"user": "a", "item": "b", "time": "time"}
    found = mapped(columns, {"item": "time"}, {"user": "user", "item": "b"})
    assert found.columns == {"user": "user", "item": "time"}
    assert found.why == {"user": "preset", "item": "given"}
    assert found.left == ("a", "b")
    assert "user = 'user' (preset)" in found.text()
    assert "not used: a, b" in found.text()


def test_without_a_header_columns_are_named_by_their_numbers():
    assert mapped(["1", "2", "3"], {"user": "2", "item": "3"}).columns == {"user": "2", "item": "3"}
    assert mapped(["x", "y"], {"user": "2", "item": "1"}).columns == {"user": "y", "item": "x"}


@pytest.mark.parametrize(
    ("columns", "given_", "says"),
    [
        (["user", "sku", "product_id"], {}, "2 columns may be the item: sku, product_id.*COLUMNS='item=sku'"),
        (["user", "thing"], {}, "no column is known to be the item. The columns are: user, thing"),
        (["1", "2"], {}, "user or the item.*by its number .no header was found."),
        (["user", "item"], {"time": "when"}, "no column 'when' for the time. The columns are: user, item"),
        (
            ["user", "item"],
            {"user": "item"},
            "the column 'item' cannot be user and item at once|no column is known to be the item",
        ),
        (["user", "item"], {"user": "user", "item": "user"}, "'user' cannot be user and item at once"),
        ([], {}, "The columns are: none"),
    ],
)
def test_what_is_not_clear_asks(columns, given_, says):
    with pytest.raises(BadInputError, match=says):
        mapped(columns, given_)


def test_products_have_names_of_their_own():
    found = mapped(["id", "Name", "Genres", "Price", "img_url", "in_stock"], kind="products")
    assert found.columns == {
        "item": "id", "title": "Name", "category": "Genres", "price": "Price", "image": "img_url", "available": "in_stock",
    }  # fmt: skip
