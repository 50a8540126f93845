"""A pack made ready: who can be folded in, what a history is to a model, and the popular order."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.support.serving_worlds import ALS, MADE_AT, POPULARITY, KnownCatalogue, events, pack
from tests.support.tastes import frame
from tidemark.errors import PackError
from tidemark.models import fallback
from tidemark.models.fold_in import FoldIn
from tidemark.models.item_knn import ItemKnn
from tidemark.models.pairs import from_frame
from tidemark.models.recipes import Recipe
from tidemark.serving import pack as written
from tidemark.serving.events import Event
from tidemark.serving.folding import CHUNK, History, Model

ITEMS = ["a", "b", "c"]
FACTORS = np.array([[1.0, 0.5], [0.5, 1.0], [0.2, 0.1]], np.float32)


def spark(**settings: object) -> dict[str, Any]:
    settings = {"factors": 2, "regularization": 0.1, "alpha": 3.0, "explicit": False} | settings
    return {"name": "als_spark", "settings": settings}


def model(recipe: dict[str, Any], factors: np.ndarray | None = FACTORS) -> Model:
    return Model.of(pack(ITEMS, {}, item_factors=factors, recipe=recipe))


def scored(made: Model, read: History) -> np.ndarray | None:
    """The score of each item, or None."""
    found = made.best(read, np.ones(made.n_items + 2, bool), made.n_items)
    if found is None:
        return None
    scores = np.full(made.n_items, -np.inf, np.float32)
    scores[found[0]] = found[1]
    return scores


@pytest.mark.parametrize(
    ("recipe", "wanted"),
    [
        (ALS, FoldIn(FACTORS, 0.1, 10.0)),
        (spark(), FoldIn(FACTORS, 0.1, 3.0, scaled=True)),
        (
            {"engine": "implicit", "feedback": "implicit", "factors": 2, "regularization": 0.1, "alpha": 10.0},
            FoldIn(FACTORS, 0.1, 10.0),
        ),
    ],
)
def test_the_settings_of_the_recipe_are_those_of_the_fold_in(recipe, wanted):
    made = model(recipe)
    had = made.read(events("u", ["a", "c"]), KnownCatalogue(ITEMS))
    factors = wanted.user_factor(np.array([0, 2]), np.ones(2, np.float32))
    assert scored(made, had) == pytest.approx(FACTORS @ factors)


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
    assert not made.folds
    assert scored(made, made.read(events("u", ["a"]), KnownCatalogue(ITEMS))) is None


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
        assert read.counted.items.tolist() == [0, 1]  # nobody has taken x when the model was made
        of_item = [pairs.items[pairs.item_num] == item for item in ("a", "b")]
        assert read.counted.weights.tolist() == [pairs.weight[one].item() for one in of_item]
        assert read.counted.timestamps.tolist() == [pairs.timestamp[one].item() for one in of_item]


def test_events_of_no_weight():
    """MLlib takes them for nothing, the other for a little."""
    none = [Event("k", "u", "a", 0.0, None, MADE_AT, None, "stream")]
    made = model(spark())
    read = made.read([*none, *events("u", ["b"])], KnownCatalogue(ITEMS))
    assert read.taken.tolist() == [0, 1]
    alone = scored(made, made.read(events("u", ["b"]), KnownCatalogue(ITEMS)))
    assert scored(made, read) == pytest.approx(alone)
    assert scored(made, made.read(none, KnownCatalogue(ITEMS))) is None
    assert scored(model(ALS), model(ALS).read(none, KnownCatalogue(ITEMS))) is not None


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


def test_whatever_reads_histories_is_folded_in_as_it_learned(tmp_path):
    """From its pack, written and read again: the scores that the model itself has for that history."""
    rows = [(f"u{n}", item) for n in range(6) for item in ITEMS[n % 2 :]]
    pairs = from_frame(frame(rows))
    recommender = ItemKnn(decay=0.5)
    fitted = fallback.fit(recommender, pairs)
    made = replace(pack(ITEMS, {}, recipe=Recipe.of(recommender).document()), learned=fitted.history_arrays())
    written.write(str(tmp_path), made)
    written.verify(tmp_path)
    ready = Model.of(written.read(tmp_path))
    read = ready.read(events("u", ["c", "b"]), KnownCatalogue(ITEMS))
    assert ready.folds
    found, expected = scored(ready, read), fitted.scores_of_history(read.counted)
    assert found is not None
    assert expected is not None
    assert np.array_equal(found, expected)
    assert ready.fitted is not None
    likeness = ready.fitted.likeness(1)
    assert likeness is not None
    assert likeness.by == "neighbours"


def test_a_pack_that_does_not_hold_what_its_recipe_needs_is_refused():
    made = replace(pack(ITEMS, {}, recipe={"name": "item_knn", "settings": {}}), learned={"item_factors": FACTORS})
    with pytest.raises(PackError, match="does not hold what a model of item_knn has learned"):
        Model.of(made)


def test_a_model_of_another_version_serves_its_lists(caplog):
    made = Model.of(pack(ITEMS, {"u": [2]}, item_factors=FACTORS, recipe={"name": "of_tomorrow", "settings": {}}, n=1))
    assert not made.folds
    assert made.beginning(0, 1)[0] == [2]
    assert "no recommender is called 'of_tomorrow'" in caplog.text
