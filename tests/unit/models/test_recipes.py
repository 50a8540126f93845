"""Recipes are stored and made again, whenever they were stored; and the engine of ALS is chosen by size."""

import json
import subprocess
import sys

import pytest

from tests.support import toy_recommenders
from tests.support.toy_recommenders import Blend, Newest
from tidemark.errors import ContractError, SettingError
from tidemark.models import recipes
from tidemark.models.als_implicit import AlsImplicit
from tidemark.models.als_spark import AlsSpark
from tidemark.models.item_knn import ItemKnn
from tidemark.models.popularity import Popularity
from tidemark.models.recipes import Recipe, choose_engine, from_document


def old(engine, feedback="implicit", **settings):
    """A recipe as it was stored when all had the settings of ALS."""
    bag = {"factors": 64, "regularization": 10.0, "alpha": 60.0, "iterations": 15, "seed": 42}
    return {"engine": engine, "feedback": feedback, **bag, **settings}


def test_a_recipe_is_its_name_and_settings():
    recipe = Recipe.of(AlsImplicit(16, 100.0, 20.0))
    assert recipe.document() == {
        "name": "als_implicit",
        "settings": {"factors": 16, "regularization": 100.0, "alpha": 20.0, "iterations": 15, "seed": 42},
    }
    assert from_document(recipe.document()) == recipe
    assert recipe.text() == "als_implicit: factors 16, regularization 100, alpha 20, iterations 15, seed 42"


def test_a_setting_may_be_a_recommender_or_several(monkeypatch):
    toy_recommenders.register(monkeypatch)
    blend = Blend((ItemKnn(), Newest(2.0)), (0.4, 0.6))
    document = Recipe.of(blend).document()
    assert document["settings"]["members"][1] == {"name": "newest", "settings": {"power": 2.0}}
    assert from_document(json.loads(json.dumps(document))).recommender() == blend
    assert from_document(document).text() == (
        "toy_blend: members [(item_knn: k 200, k1 1.2, b 0.3, decay 0), (newest: power 2)], weights [0.4, 0.6]"
    )


@pytest.mark.parametrize(
    ("document", "recommender"),
    [
        (old("implicit", factors=16, alpha=20.0), AlsImplicit(16, 10.0, 20.0)),
        (old("spark", iterations=10, seed=7), AlsSpark(64, 10.0, 60.0, 10, explicit=False, seed=7)),
        (old("spark", "explicit", regularization=0.1), AlsSpark(64, 0.1, 60.0, 15, explicit=True)),
        (old("popularity"), Popularity()),
        (old("popularity_recent"), Popularity(0.2)),
    ],
    ids=["implicit", "spark", "explicit", "popularity", "recent popularity"],
)
def test_recipes_that_were_stored_before_make_the_same_recommenders(document, recommender):
    assert from_document(document).recommender() == recommender
    assert from_document(Recipe.of(recommender).document()).recommender() == recommender


def test_what_is_stored_beside_a_recipe_is_not_of_it():
    document = {"engine": "implicit", "feedback": "implicit", **Recipe.of(ItemKnn()).document()}
    assert from_document(document) == Recipe.of(ItemKnn())


def test_a_setting_that_came_later_takes_its_default():
    assert from_document({"name": "item_knn", "settings": {"k": 20}}).recommender() == ItemKnn(k=20)


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"name": "oracle", "settings": {}}, r"no recommender is called 'oracle' .*als_implicit.*upgrade"),
        ({"name": "item_knn", "settings": {"depth": 3}}, r"item_knn: depth 3 does not fit .*upgrade"),
        ({"name": "als_implicit", "settings": {}}, r"does not fit .*factors.*upgrade"),
        ({"factors": 3}, r"this is no recipe: .*retrain_recommender"),
        (old("gpu"), r"this is no recipe: .*retrain_recommender"),
    ],
    ids=["name", "setting", "missing setting", "neither", "old engine"],
)
def test_what_this_version_cannot_make_is_said_with_what_to_do(document, says):
    with pytest.raises(ContractError, match=says):
        from_document(document).recommender()


def test_given_settings_take_the_place_of_ones_own_and_mean_nothing_to_who_has_none():
    given = {"factors": 4, "alpha": 3.0}
    assert AlsImplicit(16, 100.0, 20.0).with_given(given) == AlsImplicit(4, 100.0, 3.0)
    assert Popularity(0.2).with_given(given) == Popularity(0.2)


def test_every_recommender_is_called_as_its_class_says():
    for name, place in recipes.RECOMMENDERS.items():
        module, _, class_name = place.partition(":")
        __import__(module)
        assert getattr(sys.modules[module], class_name).name == name


def test_recipes_are_read_without_spark_scipy_or_the_library_implicit():
    code = (
        "import sys; from tidemark.models import recipes; recipes.from_document({'name': 'als_spark', 'settings': {}}).text();"
        "print([m for m in ('pyspark', 'scipy', 'implicit', 'tidemark.models.als_spark') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize(
    ("asked", "feedback", "n", "engine"),
    [
        ("auto", "implicit", 20_000_000, "implicit"),
        ("auto", "implicit", 20_000_001, "spark"),
        ("auto", "explicit", 10, "spark"),
        ("spark", "implicit", 10, "spark"),
        ("implicit", "implicit", 10**9, "implicit"),
    ],
)
def test_the_engine_is_chosen_by_size_and_said_why(asked, feedback, n, engine):
    chosen, why = choose_engine(asked, feedback, n)
    assert chosen == engine
    assert ("auto" in why) == (asked == "auto")


@pytest.mark.parametrize(("asked", "feedback"), [("implicit", "explicit"), ("gpu", "implicit"), ("auto", "stars")])
def test_engines_that_do_not_exist_are_refused(asked, feedback):
    with pytest.raises(SettingError, match=r"engine|feedback"):
        choose_engine(asked, feedback, 10)
