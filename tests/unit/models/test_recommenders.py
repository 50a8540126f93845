"""Every recommender that needs no Spark, by the shared contract (the Spark ones: tests/spark)."""

import numpy as np
import pytest

from tests.support import tastes
from tidemark.errors import SettingError
from tidemark.models.als_implicit import AlsImplicit
from tidemark.models.interface import Factors, WithFallback, recommend
from tidemark.models.item_knn import ItemKnn
from tidemark.models.pairs import from_frame
from tidemark.models.popularity import FittedPopularity, Popularity
from tidemark.models.recipes import Recipe, choose_engine, from_document

LEARNERS = [AlsImplicit(8, 1.0, 20.0), ItemKnn(k=20)]


@pytest.mark.parametrize("recommender", LEARNERS, ids=repr)
def test_learners_satisfy_the_contract(recommender):
    tastes.satisfies_contract(recommender, learns=True)


@pytest.mark.parametrize("recommender", [Popularity(), Popularity(0.2)], ids=repr)
def test_popularity_satisfies_the_contract(recommender):
    tastes.satisfies_contract(recommender, learns=False)


@pytest.mark.parametrize("recommender", LEARNERS, ids=repr)
def test_learners_solve_the_checkerboard(recommender):
    tastes.solves_checkerboard(recommender)


def test_popularity_counts_users():
    pairs = from_frame(tastes.frame([("u1", "a"), ("u2", "a"), ("u3", "a"), ("u1", "b"), ("u2", "b"), ("u4", "c")]))
    assert Popularity().fit(pairs).scores(np.array([0])).tolist() == [[3, 2, 1]]


def test_recent_popularity_counts_the_newest_share_and_orders_the_rest_by_all_time():
    old = [(f"u{n}", "old") for n in range(6)] + [(f"u{n}", "older") for n in range(2)]
    pairs = from_frame(tastes.frame([*old, ("u7", "new"), ("u8", "new")]))
    scores = Popularity(0.2).fit(pairs).scores(np.array([0]))[0]
    by_item = dict(zip(pairs.items.tolist(), scores.tolist(), strict=True))
    assert by_item["new"] > 2 > 1 > by_item["old"] > by_item["older"] > 0


def test_more_factors_than_users_and_items_still_fit():
    pairs = tastes.checkerboard(6)
    items, scores = recommend(AlsImplicit(64, 1.0, 10.0).fit(pairs), np.arange(6), 3, pairs.weights)
    assert np.isfinite(scores).all()
    assert items.shape == (6, 3)


def test_a_user_of_whom_the_model_has_nothing_gets_what_is_popular():
    factors = Factors(np.array([[1, 0], [0, 0], [np.nan, 1]], np.float32), np.eye(2, dtype=np.float32))
    model = WithFallback(factors, FittedPopularity(np.array([1, 9], np.float32)))
    assert model.scores(np.array([1, 0, 2])).tolist() == [[1, 9], [1, 0], [1, 9]]


def test_confidence_is_one_plus_alpha_times_weight():
    table = tastes.frame([("u1", "a"), ("u1", "b"), ("u2", "a"), ("u2", "b"), ("u3", "b"), ("u4", "a")])
    unweighted = AlsImplicit(2, 0.1, 0.0).fit(from_frame(table))
    table["weight"] = 7.0
    assert np.allclose(AlsImplicit(2, 0.1, 0.0).fit(from_frame(table)).item_factors, unweighted.item_factors)
    assert not np.allclose(AlsImplicit(2, 0.1, 5.0).fit(from_frame(table)).item_factors, unweighted.item_factors)


def test_a_recipe_is_stored_and_made_again():
    recipe = Recipe("implicit", factors=16, regularization=100.0, alpha=20.0)
    assert from_document(recipe.document()) == recipe
    assert recipe.recommender() == AlsImplicit(16, 100.0, 20.0, 15, 42)


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
