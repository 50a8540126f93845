"""The portfolio: who may be a member, on which periods, and what comes of it."""

import json
from dataclasses import replace

import numpy as np
import pytest

from tests.support import tastes
from tidemark.evaluation import splits
from tidemark.models.als_implicit import AlsImplicit
from tidemark.models.blend import Blend
from tidemark.models.factors import Factors
from tidemark.models.item_knn import ItemKnn
from tidemark.models.pairs import Pairs
from tidemark.models.recipes import from_document
from tidemark.retraining import grids, portfolio, search

BUDGET = grids.BUDGETS["implicit"]
GOOD, BAD = AlsImplicit(8, 1.0, 20.0, iterations=5), AlsImplicit(2, 1e6, 1.0, iterations=2)
PAIRS = tastes.tastes(n_users=120, n_items=60, n_pairs=2_400)


@pytest.fixture(scope="module")
def beside_bad_als():
    return portfolio.search(PAIRS, BAD, BUDGET)


def test_three_tenths_are_validated_on_where_few_users_are_measured(monkeypatch):
    found = portfolio.periods(PAIRS, 5_000)
    assert [len(period.held) for period in found] == pytest.approx([len(PAIRS) / 10] * 3, abs=1)
    assert [len(period.train) for period in found] == pytest.approx([len(PAIRS) * n / 10 for n in (9, 8, 7)], abs=1)
    for period in found:
        assert period.train.timestamp.max() < period.held.timestamp.min()
        assert (period.train.user_counts[period.users] > 0).all()
    newest = splits.newest(PAIRS)
    assert np.array_equal(found[0].held.timestamp, PAIRS.timestamp[newest])
    monkeypatch.setattr(portfolio, "FEW_USERS", 50)
    (only,) = portfolio.periods(PAIRS, 50)
    assert len(only.users) == 50
    assert (np.diff(only.users) > 0).all()


def test_where_three_tenths_measure_few_users_more_is_held_out():
    pairs = tastes.tastes(n_users=150, n_items=40, n_pairs=500)
    (grown,) = portfolio.periods(pairs, 5_000)
    split = splits.hold_out(pairs)
    assert split.rule == "last_of_each_user"
    assert np.array_equal(grown.held.user_num, split.held.user_num)
    assert len(grown.users) == split.measured_users


def test_what_is_better_than_als_carries_the_blend(beside_bad_als):
    found = beside_bad_als
    names = [member.name for member in found.members]
    assert names[:4] == ["als_implicit", "decayed", "item_knn", "transitions"]
    assert names[4] in ("popularity", "decayed_popularity")
    assert len(found.weightings) == 126
    assert found.chosen.bound > 0.05
    carried = dict(zip(names, found.chosen.weights, strict=True))
    assert carried["item_knn"] > 0
    assert len(found.trials) == 1 + 1 + 3 + 2 + 2 + 5
    best_knn = max((t for t in found.trials if t[0].name == "item_knn"), key=lambda trial: trial[1])[0]
    assert best_knn in found.members


def test_the_same_data_gives_the_same_portfolio(beside_bad_als):
    assert portfolio.search(PAIRS, BAD, BUDGET).document() == beside_bad_als.document()


def test_it_is_stored_as_json_and_read_back(beside_bad_als):
    document = json.loads(json.dumps(beside_bad_als.document(), allow_nan=False))
    members = tuple(from_document(member).recommender() for member in document["members"])
    assert portfolio.of_weights(members, document["weights"]) == beside_bad_als.recommender


def test_without_times_als_and_item_knn_are_the_members():
    timeless = replace(PAIRS, timestamp=np.full_like(PAIRS.timestamp, PAIRS.timestamp[0]))
    found = portfolio.search(timeless, GOOD, BUDGET)
    assert [member.name for member in found.members] == ["als_implicit", "item_knn"]
    assert len(found.weightings) == 6
    assert len(found.trials) == 1 + 3


def test_few_users_prove_nothing():
    found = portfolio.search(tastes.checkerboard(6), GOOD, BUDGET)
    assert found.recommender == GOOD
    assert found.users < 30
    assert json.dumps(found.document(), allow_nan=False)


def test_members_that_carry_nothing_are_left_out():
    assert portfolio.of_weights((GOOD, ItemKnn()), (0.0, 1.0)) == ItemKnn()
    assert portfolio.of_weights((GOOD, ItemKnn(), BAD), (0.4, 0.6, 0.0)) == Blend((GOOD, ItemKnn()), (0.4, 0.6))


@pytest.mark.parametrize("n", [4_905, 4_900])
def test_what_the_search_has_fitted_is_weighed_and_not_fitted_again(monkeypatch, n):
    pairs = tastes.tastes(n_users=600, n_items=60, n_pairs=8_000)
    pairs = pairs.take(np.arange(len(pairs)) < n)
    assert len(pairs) == n
    searched = search.search(pairs, grids.Grid((GOOD,)), BUDGET)
    without = portfolio.search(pairs, GOOD, BUDGET)
    fitted: list[AlsImplicit] = []
    fit = AlsImplicit.fit

    def noted(self: AlsImplicit, train: Pairs) -> Factors:
        fitted.append(self)
        return fit(self, train)

    monkeypatch.setattr(AlsImplicit, "fit", noted)
    found = portfolio.search(pairs, GOOD, BUDGET, searched.fit)
    assert found.document() == without.document()
    periods = len(portfolio.periods(pairs, BUDGET.users))
    assert len(fitted) == 2 * periods - 1  # ALS on decayed weights in each, ALS in the older ones
