"""For whom a model is good and what it spreads, with answers worked out by hand."""

import math

import numpy as np
import pytest

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


def test_users_are_grouped_by_the_length_of_their_history():
    ndcg = {"candidate": np.array([0.0, 1.0, 0.5, 0.25, 0.75])}
    rows = disparity.by_activity(ndcg, np.array([1, 2, 3, 5, 500]))
    assert [(r["least"], r["most"], r["users"]) for r in rows] == [(1, 2, 2), (3, 5, 2), (101, None, 1)]
    first = rows[0]["ndcg_at_10"]["candidate"]
    assert first["value"] == pytest.approx(0.5)
    assert first["high"] == pytest.approx(0.5 + 1.96 * 0.5 / math.sqrt(2))
    assert first["low"] == 0  # never below nothing
    assert rows[1]["ndcg_at_10"]["candidate"]["value"] == pytest.approx(0.375)


def test_spread_is_over_what_training_knows_and_leaves_out_empty_places():
    lists = {"candidate": np.array([[0, 1], [0, -1]]), "nothing": np.full((2, 2), -1)}
    found = disparity.spread(lists, popularity=np.array([5, 2, 0]), taken=np.array([1, 1, 7]))
    assert found["items"] == 2
    assert found["models"]["candidate"]["gini"] == pytest.approx(1 / 6)
    assert found["models"]["taken"]["gini"] == pytest.approx(0)
    assert found["models"]["nothing"]["gini"] is None
    assert len(found["models"]["candidate"]["curve"]) == len(found["shares"])
