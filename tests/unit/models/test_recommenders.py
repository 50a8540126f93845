"""Every recommender that needs no Spark, by the shared contract (the Spark ones: tests/spark; the members of the
portfolio: `test_portfolio_members`); and what each does alone."""

import numpy as np
import pytest

from tests.support import recommender_contract as contract
from tests.support import tastes, toy_recommenders
from tests.support.toy_recommenders import Newest
from tidemark.models import fallback
from tidemark.models.als_implicit import AlsImplicit
from tidemark.models.factors import Factors
from tidemark.models.fallback import WithFallback
from tidemark.models.interface import recommend
from tidemark.models.item_knn import ItemKnn
from tidemark.models.pairs import from_frame
from tidemark.models.popularity import FittedPopularity, Popularity

ALS = AlsImplicit(8, 1.0, 20.0)
LEARNERS = [ALS, ItemKnn(k=20)]
OTHERS = [Popularity(), Popularity(0.2)]
TOYS = [Newest(power=2.0), toy_recommenders.Blend((ALS, ItemKnn(k=20), Newest()), (0.5, 0.4, 0.1))]

KNOWN = {
    AlsImplicit(8, 1.0, 20.0): 0.2611371845643641,
    AlsImplicit(64, 10.0, 60.0): 0.27250285573508537,
    ItemKnn(k=20): 0.32952781544558757,
    ItemKnn(): 0.3310702770322348,
    Popularity(): 0.09872230973172787,
    Popularity(0.2): 0.08926772141715965,
}
"""NDCG@10 in the world of tastes, as it was when it was last changed on purpose."""


@pytest.mark.parametrize("check", contract.LEARNERS_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("recommender", LEARNERS, ids=repr)
def test_learners_satisfy_the_contract(recommender, check, tmp_path):
    check(recommender, tmp_path)


@pytest.mark.parametrize("check", contract.CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("recommender", OTHERS, ids=repr)
def test_popularity_satisfies_the_contract(recommender, check, tmp_path):
    check(recommender, tmp_path)


@pytest.mark.parametrize("check", contract.CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("recommender", TOYS, ids=lambda toy: toy.name)
def test_a_new_recommender_needs_its_file_and_one_line_of_the_registry(recommender, check, tmp_path, monkeypatch):
    toy_recommenders.register(monkeypatch)
    check(recommender, tmp_path)


@pytest.mark.parametrize("recommender", KNOWN, ids=repr)
def test_recommenders_are_as_good_as_they_were(recommender):
    # another processor rounds otherwise, which may swap neighbours in a few of 229 lists
    assert contract.quality(recommender) == pytest.approx(KNOWN[recommender], abs=0.005)


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


def test_item_knn_knows_who_has_an_item_with_a_neighbour():
    pairs = from_frame(tastes.frame([("u1", "a"), ("u1", "b"), ("u2", "a"), ("u2", "b"), ("u3", "b"), ("u4", "alone")]))
    fitted = ItemKnn().fit(pairs.take(pairs.user_num != 2))
    neighbours = np.diff(fitted.similarity.indptr) > 0
    assert fitted.knows(np.arange(4)).tolist() == [True, True, False, bool(neighbours[pairs.items == "alone"][0])]


def test_confidence_is_one_plus_alpha_times_weight():
    table = tastes.frame([("u1", "a"), ("u1", "b"), ("u2", "a"), ("u2", "b"), ("u3", "b"), ("u4", "a")])
    unweighted = AlsImplicit(2, 0.1, 0.0).fit(from_frame(table))
    table["weight"] = 7.0
    assert np.allclose(AlsImplicit(2, 0.1, 0.0).fit(from_frame(table)).item_factors, unweighted.item_factors)
    assert not np.allclose(AlsImplicit(2, 0.1, 5.0).fit(from_frame(table)).item_factors, unweighted.item_factors)


def test_items_that_a_model_has_no_score_for_come_behind_in_the_order_of_the_fallback():
    first = FittedPopularity(np.array([-np.inf, 0, 2, -np.inf, -np.inf], np.float32))
    model = WithFallback(first, FittedPopularity(np.array([1, 9, 9, 0, 3], np.float32)))
    scores = model.scores(np.array([0]))
    assert np.argsort(-scores[0], kind="stable").tolist() == [2, 1, 4, 0, 3]
    assert scores[0, [1, 2]].tolist() == [0, 2]
    assert np.isfinite(scores).all()


def test_whoever_knows_item_knn_gets_a_whole_list():
    train, _ = contract.sides()
    fitted = fallback.fit(ItemKnn(k=2), train)
    items, _ = recommend(fitted, np.arange(train.shape[0]), 20, train.weights)
    assert (items >= 0).all()
