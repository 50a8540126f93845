"""From interactions to pairs: the newest of each user and item, numbered the same way every time."""

import numpy as np
import pandas as pd
import pytest

from tests.support import tastes
from tidemark.errors import NotEnoughDataError
from tidemark.evaluation.ranking_metrics import novelty
from tidemark.models.pairs import SampledPairs, from_frame, require_enough


def test_the_newest_interaction_of_a_pair_counts():
    table = tastes.frame([("u", "a"), ("u", "b"), ("u", "a")])
    table["rating"] = [1.0, 2.0, 5.0]
    pairs = from_frame(table)
    assert (pairs.items[pairs.item_num].tolist(), pairs.rating.tolist()) == (["a", "b"], [5, 2])


def test_the_time_of_a_pair_is_that_of_its_oldest_interaction():
    table = tastes.frame([("u", "a"), ("u", "b"), ("u", "a")])
    times = from_frame(table).timestamp
    assert times.tolist() == sorted(times.tolist())
    assert times.tolist() == table["timestamp"].head(2).to_numpy("datetime64[us]").astype(np.int64).tolist()


def test_of_equally_new_ones_the_greatest_id_counts_whatever_their_order():
    table = tastes.frame([("u", "a"), ("u", "a")])
    table["timestamp"] = table["timestamp"].iloc[0]
    table["rating"] = [1.0, 5.0]
    assert from_frame(table).rating.tolist() == from_frame(table.iloc[::-1]).rating.tolist() == [5]


def test_rows_are_sorted_ids_and_the_matrix_holds_the_weights():
    table = tastes.frame([("b", "y"), ("a", "x"), ("a", "y")])
    table["weight"] = [2.0, 0.0, 3.0]
    pairs = from_frame(table)
    assert (pairs.users.tolist(), pairs.items.tolist()) == (["a", "b"], ["x", "y"])
    assert pairs.weights.toarray().tolist() == [[0, 3], [0, 2]]
    assert pairs.weights.nnz == 3  # the weight of 0 is seen all the same
    assert (pairs.user_counts.tolist(), pairs.item_counts.tolist()) == ([2, 1], [1, 2])


def test_missing_ratings_are_nan_and_times_are_microseconds():
    table = tastes.frame([("a", "x"), ("a", "y")])
    table["rating"] = pd.array([None, 4.0], dtype="Float64")
    pairs = from_frame(table)
    assert np.isnan(pairs.rating[0])
    assert pairs.rating[1] == 4
    assert pairs.has_ratings
    assert pairs.timestamp[0] == pd.Timestamp("2024-01-01", tz="UTC").timestamp() * 1e6


def test_nothing_to_learn_from_is_said():
    with pytest.raises(NotEnoughDataError, match="load_reviews"):
        from_frame(tastes.frame([("a", "x")]).head(0))


@pytest.mark.parametrize(
    "rows",
    [
        [("one", f"i{n}") for n in range(20)],
        [(f"u{n}", "one") for n in range(20)],
        [("a", "x"), ("b", "y"), ("a", "y")],
    ],
    ids=["one user", "one item", "three pairs"],
)
def test_too_little_is_refused_with_its_counts(rows):
    with pytest.raises(NotEnoughDataError, match=r"at least 2 users, 2 items and 10 pairs"):
        require_enough(from_frame(tastes.frame(rows)))


def test_the_pairs_of_a_sample_know_what_all_users_took():
    own = from_frame(tastes.frame([("u", "a"), ("u", "b"), ("v", "b")]))
    sample = SampledPairs(**vars(own), taken=np.array([70, 5]), n_everybody=100)
    assert (own.everybody, sample.everybody) == (2, 100)
    assert sample.item_counts.tolist() == [70, 5]
    assert sample.user_counts.tolist() == own.user_counts.tolist()
    some = sample.take(sample.item_num == 1)
    assert (some.everybody, some.item_counts.tolist()) == (2, [0, 2]), "of a part nothing is known but what it holds"
    bits = novelty(np.array([[0, 1]]), sample.item_counts, sample.everybody)
    assert bits == pytest.approx([(np.log2(101 / 71) + np.log2(101 / 6)) / 2])
