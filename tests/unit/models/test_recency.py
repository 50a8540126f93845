"""How new a pair is, by hand."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.support import tastes
from tidemark.models import recency
from tidemark.models.pairs import from_frame
from tidemark.models.recency import Clock


def test_newer_counts_the_strictly_newer_items_of_the_same_user():
    users, times = np.array([1, 0, 1, 0, 1, 1]), np.array([5, 9, 7, 9, 7, 8])
    assert recency.newer(users, times).tolist() == [3, 0, 1, 0, 1, 0]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), max_size=20))
def test_newer_is_what_counting_gives(rows):
    users, times = (np.array([row[n] for row in rows], np.int64) for n in (0, 1))
    counted = [sum(other[0] == row[0] and other[1] > row[1] for other in rows) for row in rows]
    assert recency.newer(users, times).tolist() == counted


def test_a_faded_weight_by_hand():
    assert recency.faded(np.array([3.0, 2.0]), np.array([3, 0]), 0.5).tolist() == [1.5, 2]
    assert recency.faded(np.array([3.0, 2.0]), np.array([3, 0]), 0.0).tolist() == [3, 2]


def test_an_age_is_the_share_of_all_pairs_that_are_newer():
    clock = Clock.of(np.array([30, 10, 20, 20]))
    assert clock.ages(np.array([10, 20, 30, 5, 99])).tolist() == [0.75, 0.25, 0, 1, 0]
    # a half-life of .25: three, and one, of them gone by
    assert clock.remaining(np.array([10, 20, 30]), 0.25).tolist() == [1 / 8, 1 / 2, 1]


def test_a_clock_of_many_pairs_is_small_and_right_to_one_mark():
    times = np.random.default_rng(1).integers(0, 10**15, 50_000)
    clock = Clock.of(times)
    assert len(clock.times) == recency.MARKS
    exact = 1 - np.searchsorted(np.sort(times), times, side="right") / len(times)
    assert abs(clock.ages(times) - exact).max() <= 2 / recency.MARKS


def test_pairs_have_times_where_one_is_newer_than_another():
    table = tastes.frame([("u", "a"), ("u", "b"), ("v", "a")])
    pairs = from_frame(table)
    assert pairs.has_times
    assert pairs.newer.tolist() == [1, 0, 0]
    table["timestamp"] = table["timestamp"].iloc[0]
    assert not from_frame(table).has_times
    assert from_frame(table).newer.tolist() == [0, 0, 0]
    assert not pairs.take(np.zeros(3, bool)).has_times
