"""A pack made ready: who can be folded in, what a history is to a model, and the popular order."""

from typing import Any

import numpy as np
import pytest

from tests.support.serving_worlds import ALS, MADE_AT, POPULARITY, KnownCatalogue, events, pack
from tests.support.tastes import frame
from tidemark.models.fold_in import FoldIn
from tidemark.models.pairs import from_frame
from tidemark.serving.events import Event
from tidemark.serving.folding import CHUNK, Model

ITEMS = ["a", "b", "c"]
FACTORS = np.array([[1.0, 0.5], [0.5, 1.0], [0.2, 0.1]], np.float32)


def spark(**settings: object) -> dict[str, Any]:
    settings = {"factors": 2, "regularization": 0.1, "alpha": 3.0, "explicit": False} | settings
    return {"name": "als_spark", "settings": settings}


def model(recipe: dict[str, Any], factors: np.ndarray | None = FACTORS) -> Model:
    return Model.of(pack(ITEMS, {}, item_factors=factors, recipe=recipe))


@pytest.mark.parametrize(
    ("recipe", "wanted"),
    [
        (ALS, FoldIn(FACTORS, 0.1, 10.0)),
        (spark(), FoldIn(FACTORS, 0.1, 3.0, scaled=True)),
        (
            {"engine": "implicit", "feedback": "implicit", "regularization": 0.1, "alpha": 10.0},
            FoldIn(FACTORS, 0.1, 10.0),
        ),
    ],
)
def test_the_settings_of_the_recipe_are_those_of_the_fold_in(recipe, wanted):
    made = model(recipe)
    had = made.read(events("u", ["a", "c"]), KnownCatalogue(ITEMS))
    factors = wanted.user_factor(np.array([0, 2]), np.ones(2, np.float32))
    assert made.scores(had) == pytest.approx(FACTORS @ factors)


@pytest.mark.parametrize(
    ("recipe", "factors"),
    [
        (spark(explicit=True), FACTORS),
        (POPULARITY, FACTORS),
        ({"name": "item_knn", "settings": {}}, None),
        (ALS, None),
        (ALS, np.full((3, 2), np.nan, np.float32)),
        (ALS, np.ones((0, 2), np.float32)),
    ],
)
def test_where_nobody_can_be_folded_in(recipe, factors):
    made = model(recipe, factors)
    assert made.fold is None
    assert made.scores(made.read(events("u", ["a"]), KnownCatalogue(ITEMS))) is None


def test_a_history_is_the_pairs_that_training_makes_of_it():
    """Whatever order it comes in."""
    rows = [("u", "b"), ("u", "a"), ("u", "b"), ("u", "x"), ("u", "a")]
    table = frame(rows)
    table["weight"] = [1.0, 2.0, 3.0, 4.0, 5.0]
    table["timestamp"] = table["timestamp"].where(table.index != 4, table["timestamp"][1])  # a tie: the key decides
    pairs = from_frame(table)
    history = [
        Event(row["_id"], "u", row["item_id"], row["weight"], None, row["timestamp"].to_pydatetime(), None, "review")
        for row in table.to_dict("records")
    ]
    made, catalogue = model(ALS), KnownCatalogue(ITEMS, ["x"])
    for order in (history, history[::-1], history[2:] + history[:2]):
        read = made.read(order, catalogue)
        assert read.taken.tolist() == [0, 1, 3]
        assert read.items.tolist() == [0, 1]  # nobody has taken x when the model was made
        assert read.weights.tolist() == [
            pairs.weight[(pairs.items[pairs.item_num] == item)].item() for item in ("a", "b")
        ]


def test_events_of_no_weight():
    """MLlib takes them for nothing, the other for a little."""
    none = [Event("k", "u", "a", 0.0, None, MADE_AT, None, "stream")]
    made = model(spark())
    read = made.read([*none, *events("u", ["b"])], KnownCatalogue(ITEMS))
    assert (read.taken.tolist(), read.items.tolist()) == ([0, 1], [1])
    assert made.scores(made.read(none, KnownCatalogue(ITEMS))) is None
    assert model(ALS).read(none, KnownCatalogue(ITEMS)).items.tolist() == [0]


def test_the_popular_order_is_searched_to_its_end():
    n = 5 * CHUNK
    items = [f"{number:05}" for number in range(n)]
    made = Model.of(pack(items, {}, popular=range(n - 1, -1, -1)))
    allowed = np.zeros(n + 2, bool)
    allowed[[0, 7, n - 3]] = True
    numbers, scores = made.most_taken(allowed, 2)
    assert numbers.tolist() == [n - 3, 7]
    assert scores.tolist() == [n - 2, 8]
    assert made.most_taken(allowed, 9)[0].tolist() == [n - 3, 7, 0]
    assert made.most_taken(allowed, 0)[0].tolist() == []
    assert made.untaken(allowed, 5).tolist() == []
    allowed[n:] = True
    assert made.untaken(allowed, 5).tolist() == [n + 1, n]
    assert made.untaken(allowed, 1).tolist() == [n + 1]


def test_lengths_of_factors():
    assert model(ALS).norms == pytest.approx(np.linalg.norm(FACTORS, axis=1))
    assert model(ALS, None).norms.tolist() == [0, 0, 0]
    broken = np.array([[3, 4], [np.nan, 1], [np.inf, 0]], np.float32)
    assert model(ALS, broken).norms.tolist() == [5, 0, 0]
