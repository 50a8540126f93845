"""Placement: a pack with content answers with items that nobody has taken, in their places and where they are asked for."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from tests.support import packs as made
from tests.support import tastes
from tests.support.serving_worlds import events
from tidemark.errors import PackError
from tidemark.models import fallback
from tidemark.models.als_implicit import AlsImplicit
from tidemark.models.item_features import Product
from tidemark.models.item_knn import ItemKnn
from tidemark.models.recipes import Recipe
from tidemark.retraining import cold_items, publish, serving_pack
from tidemark.serving import pack as written
from tidemark.serving import similar, ways
from tidemark.serving.answers import CONTENT, FOLD_IN, STORED, Ask
from tidemark.serving.catalogue import Catalogue
from tidemark.serving.columns import of_products
from tidemark.serving.details import Details
from tidemark.serving.folding import Model
from tidemark.serving.texts import SortedTexts

PAIRS = tastes.tastes(n_users=120, n_items=60, n_pairs=2_400)
NEW = [f"x{number:02}" for number in range(12)]
BRANDS = {item: f"taste {int(item[1:]) % 6}" for item in [*PAIRS.items.tolist(), *NEW]}
ALS, KNN = AlsImplicit(8, 1.0, 20.0), ItemKnn()


def build(folder, recommender, share=0.2):
    """The model of a pack in `folder`, read as a worker would."""
    fitted = fallback.fit(recommender, PAIRS)
    details = [(item, Details(title="Thing", brand=brand)) for item, brand in sorted(BRANDS.items())]
    columns = of_products(SortedTexts.of(PAIRS.items), details)
    learned = cold_items.learn(fitted, PAIRS, {item: Product("Thing", brand=brand) for item, brand in BRANDS.items()})
    assert learned is not None
    lists = publish.with_new_items(publish.make(fitted, PAIRS, 10), learned, NEW, PAIRS, share)
    served = serving_pack.Served(lists.users, lists.items, lists.scores, lists.brought_by)
    about = replace(made.about(recipe=Recipe.of(recommender).document(), n=10), new_item_share=share)
    written.write(str(folder), serving_pack.make(about, serving_pack.Parts(PAIRS, fitted, columns, learned), served))
    written.verify(folder)
    return Model.of(written.read(folder))


@pytest.fixture(scope="module", params=[ALS, KNN], ids=["als", "item-kNN"])
def model(request, tmp_path_factory):
    return build(tmp_path_factory.mktemp("pack"), request.param)


@pytest.fixture(scope="module")
def catalogue(model):
    return Catalogue.of(model.pack)


def taste(item_id):
    return int(item_id[1:]) % 6


def of_taste(number, count=5):
    return events("someone", [item for item in PAIRS.items.tolist() if taste(item) == number][:count])


def test_a_stored_list_says_which_items_are_new(model, catalogue):
    user = PAIRS.users[7]
    answer = ways.answer(Ask(user, 10, explain=False), model, catalogue, (), tuple)
    assert [item.method for item in answer.items] == [STORED] * 4 + [CONTENT] + [STORED] * 4 + [CONTENT]
    assert answer.items[4].item_id in NEW
    explained = ways.answer(Ask(user, 10, explain=True), model, catalogue, (), lambda: of_taste(1))
    assert [item.because for item in explained.items if item.item_id in NEW] == [(), ()]


def test_a_history_gets_new_items_of_its_taste_in_their_places(model, catalogue):
    for number in range(6):
        had = of_taste(number)
        answer = ways.answer(Ask("someone", 10), model, catalogue, had, lambda had=had: had)
        assert [item.method for item in answer.items] == [FOLD_IN] * 4 + [CONTENT] + [FOLD_IN] * 4 + [CONTENT]
        assert {taste(item.item_id) for item in answer.items if item.method == CONTENT} == {number}
        scores = [item.score for item in answer.items]
        assert scores == sorted(scores, reverse=True)


def test_a_new_item_that_came_after_the_model_is_placed_by_what_is_said_of_it(model, catalogue):
    change = {"title": "Thing", "brand": "taste 3", "available": True, "updated_at": datetime(2026, 1, 1, tzinfo=UTC)}
    later = catalogue.with_changes([{"_id": "later", **change}, *({"_id": new, "available": False} for new in NEW)])
    had = of_taste(3)
    answer = ways.answer(Ask("someone", 10), model, later, had, lambda: had)
    assert [item.item_id for item in answer.items if item.method == CONTENT] == ["later"]
    number = later.number("later")
    assert number is not None
    alike = similar.similar(model, later, number, 5, np.ones(len(later), bool))
    assert [item.method for item in alike] == [CONTENT] * 5
    assert {item.brand for item in [later.details(later.number(one.item_id)) for one in alike]} == {"taste 3"}


def test_of_whom_nothing_is_known_no_new_item_is_best(model, catalogue):
    answer = ways.answer(Ask("nobody", 10), model, catalogue, (), tuple)
    assert {item.method for item in answer.items} == {"popular"}


def test_without_a_share_lists_have_no_new_item_and_the_rest_is_there(tmp_path):
    model = build(tmp_path, ALS, share=0.0)
    had, catalogue = of_taste(2), Catalogue.of(model.pack)
    answer = ways.answer(Ask("someone", 10), model, catalogue, had, lambda: had)
    assert {item.method for item in answer.items} == {FOLD_IN}
    everything = ways.answer(Ask("someone", 100), model, catalogue, had, lambda: had)
    new = [item.item_id for item in everything.items if item.method == CONTENT]
    assert sorted(new) == NEW
    assert {taste(item) for item in new[:2]} == {2}


def test_a_pack_whose_content_is_another_models_is_refused(tmp_path):
    model = build(tmp_path, ALS)
    wrong = dict(model.pack.content) | {"weights": np.zeros((3, 5), np.float32)}
    with pytest.raises(PackError, match="does not hold what places new items"):
        _ = Model.of(replace(model.pack, content=wrong)).placement
    less = {name: array for name, array in model.pack.content.items() if name != "terms"}
    with pytest.raises(PackError, match="does not hold what places new items"):
        _ = Model.of(replace(model.pack, content=less)).placement
