"""What is remembered of earlier searches, and where a candidate's settings come from, against a real MongoDB."""

from dataclasses import replace

import pytest

from tests.support import registry_data, tastes
from tidemark.models.als_implicit import AlsImplicit
from tidemark.models.recipes import Recipe
from tidemark.registry import entries
from tidemark.retraining import search_memory, train
from tidemark.storage import mongo

pytestmark = pytest.mark.usefixtures("mongo_db")

PAIRS = tastes.tastes()
SIZE = len(PAIRS)
FOUND = AlsImplicit(32, 50.0, 20.0)
SEARCH = {"trials": [], "validation_ndcg_at_10": 0.1, "popularity_ndcg_at_10": 0.05, "pairs": 1, "users": 1}
NOW = registry_data.model_id(9)


def store(number, *, search=None, engine="implicit", recommender=FOUND, **fields):
    """A model of the registry, tried with `recommender`; gives its id."""
    mongo.ensure(mongo.connect(), "models")
    tried = {"engine": engine, "feedback": "implicit", **Recipe.of(recommender).document()}
    document = registry_data.model(number) | {"tried": tried, "search": search, "data": {"pairs": SIZE}} | fields
    mongo.connect()["models"].insert_one(document)
    return document["_id"]


def as_before(number, why, *, search=None):
    """A model as it was stored when a recipe was one bag of ALS settings, and words told where they came from."""
    bag = {"engine": "implicit", "feedback": "implicit", "factors": 32, "regularization": 50.0, "alpha": 20.0}
    tried = bag | {"iterations": 15, "seed": 42}
    model = store(number, search=search, tried=tried, params=tried, why={"engine": "asked for", "settings": why})
    mongo.connect()["models"].update_one({"_id": model}, {"$unset": {"settings_from": 1, "search_of": 1}})
    return model


def chosen(search, **given):
    asked = {"search": search, "feedback": "implicit"} | given
    return train.choose_settings(mongo.connect(), {"model_id": NOW, "asked": asked}, "implicit", PAIRS, SIZE)


def test_never_searched_and_nothing_remembered_takes_defaults_and_does_not_call_them_remembered():
    choice, why = chosen("never")
    assert (choice.settings_from, choice.search_of, choice.search) == ("defaults", None, None)
    assert choice.recommender == AlsImplicit(16, 100.0, 20.0)
    assert why == "the first settings of the grid: nothing is remembered and no search was wanted (no earlier search)"


@pytest.mark.parametrize("store_one", [store, lambda number, search: as_before(number, "best of 10", search=search)])
def test_never_searched_but_something_remembered_takes_that_however_long_ago(store_one):
    searched = store_one(1, search=SEARCH)
    for number in range(2, 9):
        store(number, settings_from="remembered", search_of=searched)
    choice, why = chosen("never")
    assert (choice.settings_from, choice.search_of, choice.recommender) == ("remembered", searched, FOUND)
    assert why == f"settings remembered from an earlier search (found by the search of {searched})"


def test_given_settings_are_given_whatever_is_remembered():
    store(1, search=SEARCH)
    choice, why = chosen("never", factors=4, regularization=2.0, alpha=3.0)
    assert (choice.settings_from, choice.search_of, choice.search) == ("given", None, None)
    assert choice.recommender == AlsImplicit(4, 2.0, 3.0)
    assert why.startswith("all settings were given")


def test_one_given_setting_takes_the_place_of_the_remembered_one():
    searched = store(1, search=SEARCH)
    choice, _ = chosen("auto", factors=4)
    assert (choice.settings_from, choice.search_of, choice.recommender) == (
        "remembered", searched, replace(FOUND, factors=4),
    )  # fmt: skip


@pytest.mark.parametrize("search", ["auto", "always"])
def test_a_search_is_one_where_it_is_asked_for_or_nothing_is_remembered(search):
    if search == "always":
        store(1, search=SEARCH)
    choice, _ = chosen(search, factors=2, regularization=1.0)
    assert choice.settings_from == "searched"
    assert choice.search is not None
    assert choice.search_of is None


def test_what_is_remembered_is_of_the_same_engine_and_size_and_not_too_old():
    db = mongo.connect()
    store(1, search=SEARCH, engine="spark")
    searched = store(2, search=SEARCH)

    def remembered(n_pairs=SIZE, engine="implicit", feedback="implicit", every=2):
        return search_memory.remembered(db, NOW, engine, feedback, n_pairs, every)[0]

    assert remembered() == search_memory.Remembered(FOUND, searched)
    assert remembered(feedback="explicit") is None
    assert remembered(n_pairs=2 * SIZE) is None
    assert remembered(n_pairs=SIZE // 2) is None
    store(3)
    assert remembered() is None
    assert remembered(every=3) == remembered(every=None) == search_memory.Remembered(FOUND, searched)


def test_a_task_that_is_repeated_does_not_remember_the_search_of_its_own_first_try():
    earlier = store(1, search=SEARCH)
    store(9, search=SEARCH, recommender=AlsImplicit(8, 1.0, 1.0))
    choice, _ = chosen("auto")
    assert (choice.search_of, choice.recommender) == (earlier, FOUND)


def test_the_search_behind_a_model_is_its_own_the_one_it_names_or_none():
    db = mongo.connect()
    own = entries.get(db, store(1, search=SEARCH, settings_from="searched", search_of=registry_data.model_id(1)))
    one = entries.get(db, store(2, settings_from="remembered", search_of=own["_id"]))
    default = entries.get(db, store(3, settings_from="defaults", search_of=None))
    lost = entries.get(db, store(4, settings_from="remembered", search_of=registry_data.model_id(0)))
    assert search_memory.searched(db, own) == own
    assert search_memory.searched(db, one) == own
    assert search_memory.searched(db, default) is None
    assert search_memory.searched(db, lost) is None


def test_the_search_behind_a_model_of_before_is_read_from_its_words():
    db = mongo.connect()
    searched = as_before(1, "best of 10 on the validation slice (no earlier search)", search=SEARCH)
    words = {
        f"settings remembered from an earlier search (found by the search of {searched})": searched,
        # what was called remembered, with search=never, when it was the first of the grid
        "settings remembered from an earlier search (no earlier search)": None,
        f"settings remembered from an earlier search (90 pairs, and the search of {searched} had 500)": None,
        "all settings were given (search=auto)": None,
    }
    for number, (why, of) in enumerate(words.items(), 2):
        model = entries.get(db, as_before(number, why))
        behind = search_memory.searched(db, model)
        assert (behind and behind["_id"]) == of
