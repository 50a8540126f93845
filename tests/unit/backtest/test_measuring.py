"""One origin: what was known then and what came next never mix, and each kind of list is what it says."""

import numpy as np
import pytest

from tests.support import tastes
from tidemark.backtest import measuring
from tidemark.backtest.measuring import FOLDED, FRESH, STALE, Past
from tidemark.backtest.origins import LAGS, Plan, plan
from tidemark.models.als_implicit import AlsImplicit
from tidemark.models.fallback import WithFallback
from tidemark.models.item_knn import ItemKnn
from tidemark.models.neighbours import Neighbours
from tidemark.models.pairs import from_frame
from tidemark.models.popularity import Popularity

PAIRS = tastes.tastes()
PLAN = plan(len(PAIRS), 150, 2)
PAST = Past(PAIRS, PLAN)
ORIGIN = PLAN.origins[-1]


def changed_minds():
    """Two tastes; from the middle on, everybody takes what the others took before."""
    rng, rows = np.random.default_rng(3), []
    for turn in range(2):
        for _ in range(1_500):
            user = int(rng.integers(0, 60))
            rows.append((f"u{user:02}", f"i{(user + turn) % 2 + 2 * int(rng.integers(0, 40)):03}"))
    return from_frame(tastes.frame(rows).drop_duplicates(["user_id", "item_id"]))


@pytest.fixture(scope="module")
def measured():
    then = measuring.train(ItemKnn(), PAST.part(0, ORIGIN))
    return measuring.lags(PAST, ORIGIN, ItemKnn(), then)


@pytest.mark.parametrize("lag", LAGS)
def test_what_is_known_is_older_than_what_came_next_and_no_pair_is_in_both(lag):
    moment = PAST.moment(ORIGIN, lag)
    assert len(moment.known) == ORIGIN + lag * PLAN.mark
    assert len(moment.next) == PLAN.test
    assert moment.known.timestamp.max() <= moment.next.timestamp.min()
    assert moment.known.weights.multiply(moment.next.weights).nnz == 0
    assert len(moment.users)


def test_right_at_the_origin_all_are_the_same(measured):
    assert np.array_equal(measured[0][STALE], measured[0][FRESH])
    assert np.array_equal(measured[0][STALE], measured[0][FOLDED])
    assert list(measured) == list(LAGS)
    for lag, found in measured.items():
        assert {len(found[name]) for name in (STALE, FOLDED, FRESH)} == {len(PAST.moment(ORIGIN, lag).users)}


def test_who_did_nothing_since_keeps_the_list_of_then(measured):
    moment, learned = PAST.moment(ORIGIN, 2), PAST.part(0, ORIGIN)
    same = moment.known.user_counts[moment.users] == learned.user_counts[moment.users]
    assert 0 < same.sum() < len(same)
    assert np.array_equal(measured[2][STALE][same], measured[2][FOLDED][same])


def test_of_item_knn_folding_in_is_training_on_the_older_neighbours():
    """By brute force: the scores of the neighbours of then for the history of now, less what is had."""
    moment, learned = PAST.moment(ORIGIN, 5), PAST.part(0, ORIGIN)
    then = measuring.train(ItemKnn(), learned)
    stale = moment.lists(then.fitted, learned)
    lists = measuring.folded(moment, then, stale)
    row = int(np.flatnonzero(moment.known.user_counts[moment.users] > learned.user_counts[moment.users])[0])
    user = moment.users[row]
    assert isinstance(then.fitted, WithFallback)
    assert isinstance(then.fitted.first, Neighbours)
    similarity = then.fitted.first.similarity
    had = np.flatnonzero(np.asarray(moment.known.weights[user].todense()).ravel() > 0)
    scores = np.asarray(similarity[had].sum(axis=0)).ravel().astype(float)
    scores[had] = scores[learned.item_counts == 0] = -1
    able = np.flatnonzero(scores > 0)[:]
    expected = able[np.lexsort((able, -scores[able]))[:10]]
    found = lists[row][lists[row] >= 0][: len(expected)]
    assert scores[found] == pytest.approx(scores[expected], rel=1e-4)


def test_where_tastes_change_training_anew_wins_and_folding_in_helps():
    pairs = changed_minds()
    made = Plan(mark=len(pairs) // 25, test=len(pairs) // 12, origins=(len(pairs) // 2,))
    past = Past(pairs, made)
    als = AlsImplicit(8, 1.0, 20.0)
    found = measuring.lags(past, made.origins[0], als, measuring.train(als, past.part(0, made.origins[0])))
    stale, folded, fresh = (found[10][name].mean() for name in (STALE, FOLDED, FRESH))
    assert fresh > stale + 0.02
    assert folded > stale + 0.02


def test_a_model_of_the_whole_past_is_measured_by_its_windows():
    then = measuring.train(Popularity(), PAST.part(0, ORIGIN))
    found = measuring.windows(PAST, ORIGIN, Popularity(), then)
    assert list(found) == list(measuring.WINDOWS)
    assert [int(one["pairs"][0]) for one in found.values()] == [round(ORIGIN * share) for share in measuring.WINDOWS]
    moment = PAST.moment(ORIGIN, 0)
    assert np.array_equal(found[1.0]["ndcg"], moment.ndcg(moment.lists(then.fitted, then.learned)))


def test_users_are_drawn_by_a_seed_and_no_more_than_are_to_be(monkeypatch):
    everybody = PAST.moment(ORIGIN, 0).users
    monkeypatch.setattr(measuring, "USERS", 20)
    some = PAST.moment(ORIGIN, 0).users
    assert len(some) == 20
    assert set(some) <= set(everybody)
    assert np.array_equal(some, PAST.moment(ORIGIN, 0).users)
