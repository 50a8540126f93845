"""For whom a model is good and what it spreads, with answers worked out by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemark.evaluation import disparity


@pytest.mark.parametrize(
    ("counts", "expected"),
    [([4, 4, 4, 4], 0), ([0, 0, 0, 8], 0.75), ([1, 3], 0.25), ([5], 0)],
    ids=["even", "one has all of four", "a quarter and three", "one item"],
)
def test_gini_by_hand(counts, expected):
    assert disparity.gini(np.array(counts)) == pytest.approx(expected)


def test_gini_of_nothing_is_no_number():
    assert math.isnan(disparity.gini(np.zeros(3)))
    assert math.isnan(disparity.gini(np.zeros(0)))


def test_the_curve_by_hand():
    # ten items, popularity descending; the most popular one gets half, the last one the other half
    curve = disparity.popularity_curve(np.array([5, 0, 0, 0, 0, 0, 0, 0, 0, 5]), np.arange(10, 0, -1))
    at = dict(zip(disparity.SHARES, curve, strict=True))
    assert at[0.0] == 0
    assert at[0.05] == pytest.approx(0.25)
    assert at[0.1] == at[0.5] == at[0.9] == pytest.approx(0.5)
    assert at[1.0] == pytest.approx(1)


def test_the_order_is_that_of_popularity_and_not_of_the_items():
    one = disparity.popularity_curve(np.array([1, 9]), np.array([1, 2]))
    other = disparity.popularity_curve(np.array([9, 1]), np.array([2, 1]))
    assert one == other
    assert dict(zip(disparity.SHARES, one, strict=True))[0.5] == pytest.approx(0.9)


def grouped(*users):
    """Groups of users whose histories are as long as the least of each of `ACTIVITY`: `users` in each of them."""
    history = np.repeat(disparity.ACTIVITY[: len(users)], users)
    return [
        (r["least"], r["most"], r["users"]) for r in disparity.by_activity({"one": np.zeros(len(history))}, history)
    ]


def test_users_are_grouped_by_the_length_of_their_history():
    ndcg = {"candidate": np.array([0.0, 1.0] * 10 + [0.5, 0.25] * 15)}
    rows = disparity.by_activity(ndcg, np.array([1, 2] * 10 + [3, 500] * 15))
    assert [(r["least"], r["most"], r["users"]) for r in rows] == [(1, 2, 20), (3, None, 30)]
    first = rows[0]["ndcg_at_10"]["candidate"]
    assert first["value"] == pytest.approx(0.5)
    assert first["high"] == pytest.approx(0.5 + 1.96 * 0.5 / math.sqrt(20))
    assert first["low"] == pytest.approx(0.5 - 1.96 * 0.5 / math.sqrt(20))
    assert rows[1]["ndcg_at_10"]["candidate"]["value"] == pytest.approx(0.375)


def test_no_interval_of_a_group_is_below_nothing():
    ndcg = {"candidate": np.array([0.0] * 19 + [1.0])}
    assert disparity.by_activity(ndcg, np.full(20, 5))[0]["ndcg_at_10"]["candidate"]["low"] == 0


@pytest.mark.parametrize(
    ("users", "groups"),
    [
        ([20, 20], [(1, 2, 20), (3, 5, 20)]),
        ([19, 1, 30], [(1, 5, 20), (6, 10, 30)]),
        ([30, 0, 25], [(1, 2, 30), (6, 10, 25)]),
        ([5, 0, 5, 0, 12, 40], [(1, 50, 22), (51, 100, 40)]),
        ([40, 50, 19], [(1, 2, 40), (3, 10, 69)]),
        ([40, 0, 0, 0, 0, 0, 3], [(1, None, 43)]),
        ([3], [(1, 2, 3)]),
        ([1, 0, 0, 0, 0, 0, 2], [(1, None, 3)]),
        ([], []),
    ],
)
def test_groups_of_few_users_are_joined_with_their_neighbours(users, groups):
    assert grouped(*users) == groups


@given(st.lists(st.integers(0, 60), min_size=1, max_size=len(disparity.ACTIVITY)))
def test_every_user_is_in_one_group_of_enough_or_all_are_in_one(users):
    groups = grouped(*users)
    assert sum(n for *_, n in groups) == sum(users)
    assert all(n >= disparity.GROUP_USERS for *_, n in groups) or len(groups) == 1
    ends = [end for least, most, _ in groups for end in (least, most or math.inf)]
    assert ends == sorted(set(ends))


def test_spread_is_over_what_training_knows_and_leaves_out_empty_places():
    lists = {"candidate": np.array([[0, 1], [0, -1]]), "nothing": np.full((2, 2), -1)}
    found = disparity.spread(lists, popularity=np.array([5, 2, 0]), taken=np.array([1, 1, 7]))
    assert found["items"] == 2
    assert found["models"]["candidate"]["gini"] == pytest.approx(1 / 6)
    assert found["models"]["taken"]["gini"] == pytest.approx(0)
    assert found["models"]["nothing"]["gini"] is None
    assert len(found["models"]["candidate"]["curve"]) == len(found["shares"])
