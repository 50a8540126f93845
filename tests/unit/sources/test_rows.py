"""From a record to an interaction or a product, by hand and against anything."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemark.contracts import conformance
from tidemark.interactions.from_messages import Weights
from tidemark.sources import interaction_rows, product_rows
from tidemark.sources.scales import STARS, Scale

WEIGHTS = Weights({"view": 1.0, "cart": 4.0, "purchase": 5.0}, "view")
COLUMNS = {name: name for name in ("user", "item", "time", "rating", "event", "quantity", "weight")}


def make(record, place=7, **more):
    rules: dict[str, Any] = {
        "name": "shop",
        "columns": COLUMNS,
        "unit": "s",
        "scale": STARS,
        "events": {},
        "event": "",
        "weights": WEIGHTS,
    } | more
    return interaction_rows.maker(interaction_rows.Rules(**rules))(record, place)


GOOD = {"user": "u", "item": 31, "time": "1260759144"}


def test_an_interaction_by_hand():
    made, differences = make(GOOD | {"rating": "4", "event": "Purchase", "quantity": "3"})
    assert differences == []
    assert made == {
        "_id": "file:shop:1260759144:u:31:purchase",
        "user_id": "u",
        "item_id": "31",
        "rating": 4.0,
        "weight": pytest.approx(5 * (1 + math.log(3))),
        "timestamp": 1_260_759_144_000_000,
        "source": "file",
        "event_type": "purchase",
        "extra": None,
    }


def test_what_an_event_counts():
    assert make(GOOD)[0]["weight"] == 1.0  # a view, as a message that says nothing
    assert make(GOOD)[0]["event_type"] == "view"
    assert make(GOOD | {"rating": 5})[0]["event_type"] is None
    assert make(GOOD, event="purchase")[0]["weight"] == 5.0
    assert make(GOOD | {"event": "addtocart"})[0]["weight"] == 4.0
    assert make(GOOD | {"event": "hinzu"}, events={"hinzu": "cart"})[0]["event_type"] == "cart"
    assert make(GOOD | {"event": "view", "weight": "2,5"})[0]["weight"] == 2.5


def test_a_rating_of_another_scale_is_kept_as_it_came():
    made, _ = make(GOOD | {"rating": "2.5"}, scale=Scale(0.5, 5))
    assert made["rating"] == pytest.approx(1 + 4 * 2 / 4.5)
    assert json.loads(made["extra"]) == {"rating": 2.5, "scale": "0.5-5"}


def test_without_times_the_place_is_the_time_and_the_key_has_none():
    made, _ = make({"user": "u", "item": "i"}, 12_345, unit="none", columns={"user": "user", "item": "item"})
    assert made["_id"] == "file:shop::u:i:view"
    assert made["timestamp"] == 12_345_000


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"user": ""}, "user_id: is missing"),
        ({"item": "a b"}, "item_id"),
        ({"item": "a:b"}, "item_id"),
        ({"user": True}, "user_id"),
        ({"user": ["x"]}, "user_id"),
        ({"item": "x" * 200}, "item_id"),
        ({"time": "soon"}, "timestamp: 'soon' is not seconds since 1970"),
        ({"time": ""}, "timestamp: is missing"),
        ({"time": 1}, "before 1995"),
        ({"time": 99_999_999_999}, "in the future"),
        ({"rating": "good"}, "rating"),
        ({"rating": 7}, "rating: 7 is not on the scale 1-5"),
        ({"event": "teleport"}, "'teleport' is not known; there are: view, cart, purchase"),
        ({"event": 3}, "event_type"),
        ({"quantity": -2}, "quantity"),
        ({"quantity": "1.5"}, "quantity"),
        ({"weight": -1}, "weight"),
        ({"weight": "inf"}, "weight"),
    ],
)
def test_what_is_wrong_is_said_and_whom_it_names_is_kept(change, says):
    made, differences = make(GOOD | change)
    assert any(says in difference.text for difference in differences), differences
    assert made["user_id"] == (GOOD | change)["user"] or made["user_id"] is None
    assert "_id" not in made


VALUES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.lists(st.integers(), max_size=2)
)


@given(
    record=st.fixed_dictionaries({}, optional=dict.fromkeys(COLUMNS, VALUES)),
    unit=st.sampled_from(["s", "ms", "iso", "none"]),
)
def test_whatever_comes_is_an_interaction_or_is_refused(record, unit):
    made, differences = make(record, unit=unit, scale=Scale(0, 10))
    assert (not differences) == ("_id" in made)
    if not differences:
        told = {name: made[name] for name in ("user_id", "item_id", "weight", "source", "_id", "rating")}
        assert conformance.reasons("interaction", told | {"timestamp": "2020"}) == []
        assert len(made["_id"]) <= 400


PRODUCT = {
    "item": "item",
    "title": "title",
    "category": "genres",
    "price": "price",
    "available": "stock",
    "image": "image",
}


def product(record, flags=None, columns=PRODUCT):
    return product_rows.maker(product_rows.Rules("shop", columns, flags or {}))(record, 0)


def test_a_product_by_hand():
    made, differences = product(
        {"item": 11, "title": "A &amp; B", "genres": "Comedy|Drama", "price": "$1,250.00", "stock": "no", "image": "https://x/y.png",
         "year": 1995, "no.te": "x", "empty": ""}
    )  # fmt: skip
    assert differences == []
    assert (made["_id"], made["title"], made["main_category"], made["categories"]) == (
        "11",
        "A & B",
        "Comedy",
        ["Comedy", "Drama"],
    )
    assert (made["price"], made["available"], made["images"]) == (1250.0, False, ["https://x/y.png"])
    assert made["extra"] == {"year": "1995", "no_te": "x"}
    assert product({"item": "i", "image": "javascript:alert(1)"})[0]["images"] == []


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("(no genres listed)", []), ("A > B > C", ["A", "B", "C"]), ('["a", "b"]', ["a", "b"]), (["a", "a"], ["a"]), ("Solo", ["Solo"]),
    ],
)  # fmt: skip
def test_categories(value, expected):
    assert product_rows.categories(value) == expected


def test_flags_are_categories():
    made, _ = product({"item": "1", "6": "1", "7": "0"}, {"6": "Action", "7": "Drama"})
    assert made["categories"] == ["Action"]
    assert made["extra"] is None


@pytest.mark.parametrize(
    ("record", "says"),
    [
        ({"title": "x"}, "item_id: is missing"),
        ({"item": "i", "stock": "perhaps"}, "available"),
        ({"item": "i", "price": -1}, "price"),
    ],
)
def test_a_product_that_is_none(record, says):
    made, differences = product(record)
    assert made == {}
    assert any(says in difference.text for difference in differences)


@given(record=st.dictionaries(st.sampled_from([*PRODUCT.values(), "more", "$x", "a.b"]), VALUES))
def test_whatever_comes_is_a_product_or_is_refused(record):
    made, differences = product(record)
    assert (not differences) == ("_id" in made)
    if made.get("extra"):
        assert all(not name.startswith("$") and "." not in name for name in made["extra"])
