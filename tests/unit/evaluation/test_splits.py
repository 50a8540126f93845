"""The newest tenth is held out, in the same way every time."""

import numpy as np
import pytest

from tests.support import tastes
from tidemark.evaluation import splits
from tidemark.models.pairs import from_frame


def test_the_newest_tenth_is_held_out():
    pairs = tastes.tastes()
    held = splits.newest(pairs)
    assert held.sum() == round(len(pairs) * 0.1)
    assert pairs.timestamp[held].min() > pairs.timestamp[~held].max()


def same_time(rows):
    table = tastes.frame(rows)
    table["timestamp"] = table["timestamp"].iloc[0]
    return table


def test_without_times_the_split_is_by_hash_spread_and_the_same_whatever_the_order():
    rows = [(f"u{u}", f"i{i}") for u in range(100) for i in range(20)]
    pairs = from_frame(same_time(rows))
    held = splits.newest(pairs)
    again = from_frame(same_time(rows[::-1]))
    assert held.sum() == 200
    assert np.array_equal(held, splits.newest(again))
    assert pairs.take(held).user_counts.max() < 10
    assert (pairs.take(held).item_counts > 0).all()


def test_a_pair_is_held_out_whatever_else_is_in_the_data():
    few, many = ([(f"u{u}", f"i{i}") for u in range(n) for i in range(10)] for n in (10, 20))
    hash_few, hash_many = splits.tie_break(from_frame(same_time(few))), splits.tie_break(from_frame(same_time(many)))
    assert set(hash_few.tolist()) < set(hash_many.tolist())


@pytest.mark.parametrize(("n", "held"), [(2, 1), (4, 1), (15, 2), (25, 2), (26, 3)])
def test_small_data_keeps_a_pair_on_either_side(n, held):
    assert splits.newest(from_frame(tastes.frame([("u", f"i{i:02}") for i in range(n)]))).sum() == held
