"""The newest tenth is held out, in the same way every time, and what a champion is compared on."""

from datetime import UTC, datetime

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


def cut_after(pairs, share):
    """ISO time of the pair that `share` of all are not newer than."""
    moment = np.sort(pairs.timestamp)[int(len(pairs) * share) - 1]
    return datetime.fromtimestamp(moment / 1e6, UTC).isoformat()


def test_without_a_champion_the_newest_tenth_is_held_out():
    found = splits.split(tastes.tastes(), None)
    assert (len(found.held), found.compare) == (round(0.1 * (len(found.held) + len(found.train))), None)


def test_a_champion_of_long_ago_is_compared_itself():
    pairs = tastes.tastes()
    found = splits.split(pairs, cut_after(pairs, 0.5))
    assert found.compare == "champion"
    assert len(found.held) == round(0.1 * len(pairs))


def test_a_recent_champion_is_compared_on_what_is_newer_than_its_cut():
    pairs = tastes.tastes(n_users=300, n_pairs=12_000)
    cut = cut_after(pairs, 0.93)
    found = splits.split(pairs, cut)
    learned = datetime.fromisoformat(cut).timestamp() * 1e6
    assert found.compare == "champion"
    assert found.train.timestamp.max() <= learned < found.held.timestamp.min()
    assert "newer than the champion's cut" in found.why


def test_where_too_little_is_newer_the_recipe_is_compared_and_it_is_said():
    pairs = tastes.tastes()
    found = splits.split(pairs, cut_after(pairs, 1))
    assert found.compare == "recipe"
    assert len(found.held) == round(0.1 * len(pairs))
    assert "only 0 users" in found.why
