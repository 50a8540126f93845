"""Shares of a score by what the user had: worked by hand, and adding up."""

from typing import Any

import numpy as np
import pytest

from tests.support.serving_worlds import POPULARITY, KnownCatalogue, events, pack
from tidemark.serving import because
from tidemark.serving.folding import Model

ITEMS = ["a", "b", "c", "d"]
RECIPE = {"name": "als_implicit", "settings": {"factors": 1, "regularization": 1.0, "alpha": 2.0}}


def model(factors: list[list[float]], recipe: dict[str, Any] = RECIPE) -> Model:
    return Model.of(pack(ITEMS, {}, item_factors=np.array(factors, np.float32), recipe=recipe))


def test_by_hand():
    """One factor: the share of an item is its confidence times its factor. a: (1 + 2 * 1) * 1 = 3; b: 3 * 2 = 6."""
    found = because.shares(model([[1], [2], [3], [0]]), KnownCatalogue(ITEMS, ["x"]), events("u", ["a", "b", "x"]), "c")
    assert [share.item_id for share in found] == ["b", "a"]
    assert [share.share for share in found] == pytest.approx([6 / 9, 3 / 9])


def test_what_speaks_against_an_item_is_no_reason_for_it():
    made, catalogue = model([[1], [-2], [3], [1]]), KnownCatalogue(ITEMS)
    found = because.shares(made, catalogue, events("u", ["a", "b", "d"]), "c")
    assert [(share.item_id, share.share) for share in found] == [("a", pytest.approx(0.5)), ("d", pytest.approx(0.5))]
    assert because.shares(made, catalogue, events("u", ["b"]), "c") == []


def test_where_nothing_can_be_said():
    made, catalogue, had = model([[1], [2], [3], [0]]), KnownCatalogue(ITEMS, ["x"]), events("u", ["a"])
    assert because.shares(made, catalogue, had, "unheard-of") == []
    assert because.shares(made, catalogue, had, "x") == []
    assert because.shares(made, catalogue, [], "c") == []
    assert because.shares(made, catalogue, events("u", ["x"]), "c") == []
    assert because.shares(made, catalogue, had, "d") == []  # nothing is known of it
    assert because.shares(model([[1], [2], [3], [0]], POPULARITY), catalogue, had, "c") == []
    flat = {"name": "als_implicit", "settings": {"factors": 1, "regularization": 0.0, "alpha": 1.0}}
    assert because.shares(model([[0], [0], [0], [0]], flat), catalogue, had, "c") == []


def test_shares_of_a_large_history_add_up():
    rng = np.random.default_rng(3)
    items = [f"i{n:03}" for n in range(200)]
    made = Model.of(pack(items, {}, item_factors=rng.normal(size=(200, 16)).astype(np.float32), recipe=RECIPE))
    had = made.read(events("u", items[:60]), KnownCatalogue(items))
    for found in because.of_items(made, KnownCatalogue(items), had, [100, 150]):
        assert sum(share.share for share in found) == pytest.approx(1)
        assert [share.share for share in found] == sorted((share.share for share in found), reverse=True)
    short = because.of_items(made, KnownCatalogue(items), had, [100], most=2)[0]
    assert short == because.of_items(made, KnownCatalogue(items), had, [100])[0][:2]
