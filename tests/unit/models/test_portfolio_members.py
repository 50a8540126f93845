"""Members of the portfolio and their blend, by the shared contract; and what each member computes, by hand."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from tests.support import recommender_contract as contract
from tests.support import tastes
from tidemark.models import neighbours, transitions, user_history
from tidemark.models.alignment import Places
from tidemark.models.als_implicit import AlsImplicit
from tidemark.models.als_spark import AlsSpark
from tidemark.models.blend import Blend
from tidemark.models.decayed import Decayed
from tidemark.models.decayed_popularity import DecayedPopularity
from tidemark.models.fold_in import FoldIn
from tidemark.models.item_knn import ItemKnn
from tidemark.models.pairs import from_frame
from tidemark.models.popularity import Popularity
from tidemark.models.transitions import Transitions
from tidemark.models.user_history import History

HALF = 2**-0.5
ALS = AlsImplicit(8, 1.0, 20.0)
MEMBERS = (Decayed(ALS, 0.5), ItemKnn(k=20, decay=0.5), Transitions(), DecayedPopularity(0.5))
LEARNERS = [*MEMBERS[:3], Blend(MEMBERS, (0.4, 0.3, 0.2, 0.1))]


@pytest.mark.parametrize("check", contract.LEARNERS_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("recommender", LEARNERS, ids=lambda recommender: recommender.name)
def test_members_that_learn_tastes_satisfy_the_contract(recommender, check, tmp_path):
    check(recommender, tmp_path)


@pytest.mark.parametrize("check", contract.CHECKS, ids=lambda check: check.__name__)
def test_decayed_popularity_satisfies_the_contract(check, tmp_path):
    check(MEMBERS[3], tmp_path)


def test_transitions_count_what_followed_by_hand():
    # u: a b c, v: a c, one after the other; a and c have two users, b one.
    pairs = from_frame(tastes.frame([("u", "a"), ("u", "b"), ("u", "c"), ("v", "a"), ("v", "c")]))
    fitted = Transitions(lags=2, damping=0.5, decay=0.0).fit(pairs)
    # c followed a at lags 2 and 1: 1.5 over sqrt(2 * 2); b followed a at lag 1: 1 over sqrt(2); backwards half of it
    assert fitted.similarity.toarray() == pytest.approx(
        np.array([[0, HALF, 0.75], [0.5 * HALF, 0, HALF], [0.375, 0.5 * HALF, 0]])
    )
    short = Transitions(lags=1, damping=0.0, decay=0.0).fit(pairs)
    assert short.similarity.toarray().tolist() == [[0, 1, 1], [0.5, 0, 1], [0.5, 0.5, 0]]


def test_the_newest_of_a_history_counts_most_by_hand():
    pairs = from_frame(tastes.frame([("u", "a"), ("u", "b"), ("u", "c"), ("v", "a"), ("v", "c")]))
    # of u, a has two newer items, b one, c none; of v, a has one
    expected = [[1 / 3, 1 / 2, 1], [1 / 2, 0, 1]]
    assert Transitions(decay=1.0).fit(pairs).histories.toarray() == pytest.approx(np.array(expected))
    assert ItemKnn(decay=1.0).fit(pairs).histories.toarray() == pytest.approx(np.array(expected))
    assert ItemKnn().fit(pairs).histories.toarray().tolist() == [[1, 1, 1], [1, 0, 1]]
    fitted = Transitions(lags=2, damping=0.0, decay=1.0).fit(pairs)
    # v: a (1/2) leads to b by 1; c (1) back to b by 1/2
    assert fitted.scores(np.array([1]))[0][1] == pytest.approx(0.5 * 1 + 1 * 0.5)


def test_of_items_taken_at_once_neither_followed_the_other():
    table = tastes.frame([("u", "a"), ("u", "b"), ("v", "c")])
    table["timestamp"] = table["timestamp"].iloc[[0, 0, 2]].to_numpy()
    both = Transitions(damping=0.0).fit(from_frame(table)).similarity.toarray()
    assert both.tolist() == [[0, 0.75, 0], [0.75, 0, 0], [0, 0, 0]]


def test_blocks_of_rows_make_the_same_transitions(monkeypatch):
    pairs = tastes.tastes(n_pairs=1_500)
    whole = Transitions(k=10).fit(pairs).similarity
    monkeypatch.setattr(transitions, "ENTRIES", 3_000)
    parts = Transitions(k=10).fit(pairs).similarity
    assert (parts != whole).nnz == 0
    assert np.diff(whole.indptr).max() == 10


def test_only_the_strongest_neighbours_are_kept_and_of_equals_the_first():
    matrix = neighbours.strongest(csr_matrix([[1, 3, 1, 2], [0, 5, 0, 5], [0, 0, 0, 0]], dtype=np.float32), 2)
    assert matrix.toarray().tolist() == [[0, 3, 0, 2], [0, 5, 0, 5], [0, 0, 0, 0]]
    first = neighbours.strongest(csr_matrix([[1, 1, 1, 2]], dtype=np.float32), 2)
    assert first.toarray().tolist() == [[1, 0, 0, 2]]


def test_without_times_what_lives_by_them_is_what_it_is_without():
    table = tastes.frame([("u", "a"), ("u", "b"), ("v", "a"), ("v", "c"), ("w", "b")])
    table["timestamp"] = table["timestamp"].iloc[0]
    pairs, users = from_frame(table), np.arange(3)
    assert Transitions().fit(pairs).similarity.nnz == 0
    assert not Transitions().fit(pairs).knows(users).any()
    assert np.array_equal(ItemKnn(decay=1.0).fit(pairs).scores(users), ItemKnn().fit(pairs).scores(users))
    assert np.array_equal(DecayedPopularity(0.1).fit(pairs).scores(users), Popularity().fit(pairs).scores(users))
    als = AlsImplicit(2, 0.1, 5.0)
    assert np.array_equal(Decayed(als, 0.5).fit(pairs).scores(users), als.fit(pairs).scores(users))
    needs = [r.needs_times for r in (Transitions(), DecayedPopularity(), Decayed(als), ItemKnn(), als, Popularity())]
    assert needs == [True, True, True, False, False, False]


def test_popularity_decays_by_hand():
    # ages, oldest first: 3/4, 2/4, 1/4, 0; with a half-life of 1/4 each pair counts half of the next
    pairs = from_frame(tastes.frame([("u", "a"), ("v", "a"), ("u", "b"), ("w", "c")]))
    assert DecayedPopularity(0.25).fit(pairs).scores(np.array([0])).tolist() == [[1 / 8 + 1 / 4, 1 / 2, 1]]


def test_decayed_als_is_als_on_weights_that_fall_with_age():
    pairs = tastes.tastes(n_pairs=400)
    age = 1 - np.searchsorted(np.sort(pairs.timestamp), pairs.timestamp, side="right") / len(pairs)
    by_hand = replace(pairs, weight=(pairs.weight * 2 ** (-age / 0.5)).astype(np.float32))
    als, users = AlsImplicit(4, 1.0, 20.0), np.arange(5)
    assert np.array_equal(Decayed(als, 0.5).fit(pairs).scores(users), als.fit(by_hand).scores(users))
    assert Decayed(als).with_given({"factors": 2}) == Decayed(AlsImplicit(2, 1.0, 20.0))


def test_a_decayed_history_counts_what_is_newer_than_the_model_whole():
    pairs = tastes.tastes(n_pairs=400)
    fitted = Decayed(AlsImplicit(4, 1.0, 20.0), 0.5).fit(pairs)
    oldest, newest = pairs.timestamp.min(), pairs.timestamp.max() + 1
    history = History(np.array([3, 9]), np.array([1, 1], np.float32), np.array([oldest, newest]))
    worth = np.array([2 ** (-(1 - 1 / len(pairs)) / 0.5), 1], np.float32)
    factors = fitted.factors_of_items()
    assert factors is not None
    fold = FoldIn(factors, 1.0, 20.0)
    assert fitted.scores_of_history(history) == pytest.approx(
        fold.item_factors @ fold.user_factor(history.items, worth)
    )


def test_the_solvers_own_user_step_is_what_a_history_is_scored_by():
    pairs = tastes.tastes(n_pairs=1_500)
    fitted = AlsImplicit(8, 1.0, 20.0).fit(pairs)
    history = user_history.of_user(pairs, 5)
    y = fitted.item_factors.astype(np.float64)
    rows, confidence = y[history.items], 1 + 20.0 * history.weights
    left = y.T @ y + rows.T @ (rows * (confidence - 1)[:, np.newaxis]) + np.eye(8)
    expected = y @ np.linalg.solve(left, rows.T @ confidence)
    assert fitted.scores_of_history(history) == pytest.approx(expected, rel=1e-4, abs=1e-5)


def test_a_history_by_other_numbers_scores_the_same():
    pairs = tastes.tastes(n_pairs=1_500)
    items = np.sort(np.append(pairs.items, ["a new one", "zz"]))
    user, where = user_history.of_user(pairs, 7), np.searchsorted(items, pairs.items)
    for recommender in (ItemKnn(decay=0.5), Transitions(), Decayed(AlsImplicit(4, 1.0, 20.0))):
        fitted = recommender.fit(pairs)
        aligned = fitted.aligned(Places(pairs.users, pairs.users), Places(pairs.items, items))
        found = aligned.scores_of_history(replace(user, items=where[user.items]))
        assert found[where] == pytest.approx(fitted.scores_of_history(user), rel=1e-5)


def test_spark_counts_no_event_of_no_weight():
    recommender = AlsSpark(2, 0.1, 5.0)
    factors = {
        "user_factors": np.ones((1, 2), np.float32),
        "item_factors": np.array([[1, 0], [1, 1], [0, 2]], np.float32),
    }
    fitted = recommender.load(factors)
    both = History(np.array([0, 2]), np.array([1, 0], np.float32), np.zeros(2, np.int64))
    one = History(np.array([0]), np.array([1], np.float32), np.zeros(1, np.int64))
    assert fitted.scores_of_history(both).tolist() == fitted.scores_of_history(one).tolist()
    assert fitted.scores_of_history(History(both.items[1:], both.weights[1:], both.timestamps[1:])) is None
    assert replace(recommender, explicit=True).load(factors).scores_of_history(one) is None
