"""Items that come and go: what is sent of them is as the contract says, and only what was brought is withdrawn."""

import json
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from tidemark.items.item_messages import ItemSaid, parse
from tidemark.stream.simulated_items import Stock
from tidemark.stream.simulation import Catalogue

KNOWN = Catalogue(["u"], [f"i{n}" for n in range(5)], csr_matrix(np.arange(1, 6, dtype=np.float32)[np.newaxis]))
PRODUCTS: dict[str, dict[str, Any]] = {
    "i4": {"title": "Strings", "main_category": "Music", "price": 10.0},
    "i3": {"title": ""},
}
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def said(stock: Stock) -> ItemSaid:
    key, value = stock.message()
    found = parse(key.encode(), value, "items", 0, 0, NOW, letter_id="x")
    assert isinstance(found, ItemSaid), found
    assert found.item_id == key
    return found


def test_they_come_go_and_come_back() -> None:
    stock, there = Stock(KNOWN, PRODUCTS, seed=3), dict[str, bool]()
    come_back = 0
    for _ in range(200):
        one = said(stock)
        come_back += one.available and there.get(one.item_id) is False
        there[one.item_id] = one.available
    assert not there.keys() & set(KNOWN.items), "what the shop has stays"
    assert stock.brought == len(there) > 100
    assert stock.withdrawn >= sum(not one for one in there.values()) > 10
    assert come_back > 3


def test_the_same_seed_says_the_same() -> None:
    first, second, other = (Stock(KNOWN, PRODUCTS, seed=seed) for seed in (1, 1, 2))
    messages = [[stock.message() for _ in range(30)] for stock in (first, second, other)]
    assert messages[0] == messages[1] != messages[2]


def test_a_new_item_is_like_a_known_one() -> None:
    stock = Stock(Catalogue(["u"], ["i4"], csr_matrix([[1.0]])), PRODUCTS)
    message = json.loads(stock.message()[1])
    assert (message["title"], message["category"]) == ("Strings (new edition)", "Music")
    assert 8 <= message["price"] <= 12
    taken = {stock.instead_of("i4") for _ in range(50)}
    assert taken == {"i4", message["item_id"]}
    assert {stock.instead_of("another") for _ in range(50)} == {"another"}


@pytest.mark.parametrize("products", [{}, PRODUCTS])
def test_nothing_need_be_known_of_a_product(products: dict[str, dict[str, Any]]) -> None:
    assert said(Stock(KNOWN, products)).available
