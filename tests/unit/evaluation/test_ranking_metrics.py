"""Every formula against figures worked out by hand."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from tests.support import tastes
from tidemark.errors import NotEnoughDataError
from tidemark.evaluation import ranking_metrics as ev
from tidemark.evaluation import splits
from tidemark.models.interface import recommend
from tidemark.models.popularity import Popularity

HIT = np.array([[1, 0, 1, 0, 0], [0, 0, 0, 0, 0], [0, 1, 0, 0, 0]], bool)
N_TRUE = np.array([3, 2, 1])
FLOAT32 = 8 * float(np.finfo(np.float32).eps)
"""A handful of float32 operations on figures of up to 1, each off by half an eps at most."""


def test_hits_are_what_the_user_has_in_the_truth():
    truth = csr_matrix(np.array([[0, 1, 1, 0], [0, 0, 0, 0], [1, 0, 0, 1]]))
    lists = np.array([[1, 0, 2], [3, 0, -1]], np.int32)
    assert ev.hits(lists, np.array([0, 2]), truth).tolist() == [[True, False, True], [True, True, False]]


def test_ndcg_by_hand():
    # user 0: DCG 1/log2(2) + 1/log2(4) = 1.5; three true, so the ideal is 1 + 1/log2(3) + 1/log2(4) = 2.1309
    # user 2: DCG 1/log2(3) = 0.6309; one true, ideal 1
    assert ev.ndcg(HIT, N_TRUE, 5) == pytest.approx([1.5 / 2.13092975, 0, 0.63092975])


def test_ndcg_at_k_cuts_the_list_and_the_ideal():
    assert ev.ndcg(HIT, N_TRUE, 1) == pytest.approx([1, 0, 0])
    assert ev.ndcg(HIT, N_TRUE, 2) == pytest.approx([1 / 1.63092975, 0, 0.63092975])


def test_recall_precision_and_hit_rate_by_hand():
    assert ev.recall(HIT, N_TRUE, 5) == pytest.approx([2 / 3, 0, 1])
    assert ev.recall(HIT, N_TRUE, 1) == pytest.approx([1 / 3, 0, 0])
    assert ev.precision(HIT, 5) == pytest.approx([0.4, 0, 0.2])
    assert ev.hit_rate(HIT, 5).tolist() == [1, 0, 1]
    assert ev.hit_rate(HIT, 1).tolist() == [1, 0, 0]


def test_average_precision_by_hand():
    # user 0: hits at 1 and 3: (1/1 + 2/3) / min(5, 3); user 2: a hit at 2: (1/2) / 1
    assert ev.average_precision(HIT, N_TRUE, 5) == pytest.approx([(1 + 2 / 3) / 3, 0, 0.5])
    assert ev.average_precision(HIT, N_TRUE, 2) == pytest.approx([1 / 2, 0, 0.5])


def test_novelty_by_hand():
    # 7 users: an item that 3 have carries -log2(4/8) = 1 bit, one that nobody has -log2(1/8) = 3
    assert ev.novelty(np.array([[0, 1], [1, -1], [-1, -1]]), np.array([3, 0]), 7) == pytest.approx([2, 3, 0])


def test_diversity_by_hand():
    # items 0 and 1 have the same two users (cosine 1); 0 and 2 share one of two and one (1/sqrt(2)); 3 shares none
    weights = csr_matrix(np.array([[1, 5, 2, 0], [1, 1, 0, 0], [0, 0, 0, 1]], np.float32))
    found = ev.diversity(np.array([[0, 1], [0, 2], [0, 3], [1, -1]]), weights)
    assert found[:3] == pytest.approx([0, 1 - 1 / np.sqrt(2), 1], abs=FLOAT32)
    assert np.isnan(found[3])
    assert np.isnan(ev.diversity(np.full((2, 3), -1), weights)).tolist() == [True, True]
    three = ev.diversity(np.array([[0, 1, 3]]), weights)
    assert three == pytest.approx([1 - 1 / 3], abs=FLOAT32)


def test_coverage_by_hand():
    assert ev.coverage(np.array([[0, 1], [1, -1]]), 8) == 0.25


def test_rmse_and_mae_by_hand():
    figures = ev.rating_metrics(np.array([5.0, 1.0, 3.0, 3.0]), {"mean": np.full(4, 3.0)})
    assert figures["mean"]["rmse"]["value"] == pytest.approx(np.sqrt(2))
    assert figures["mean"]["mae"]["value"] == pytest.approx(1)
    assert figures["mean"]["rmse"]["low"] < np.sqrt(2) < figures["mean"]["rmse"]["high"]


def test_the_bootstrap_agrees_with_the_normal_interval_and_is_the_same_again():
    values = np.random.default_rng(0).normal(5, 2, (4_000, 1))
    replicates = ev.resampled_means(values)
    assert replicates.std() == pytest.approx(2 / np.sqrt(4_000), rel=0.1)
    found = ev.figure(values.mean(), replicates[:, 0])
    assert found["low"] == pytest.approx(values.mean() - 1.96 * values.std() / np.sqrt(4_000), abs=0.01)
    assert np.array_equal(replicates, ev.resampled_means(values))


def test_an_interval_never_leaves_out_its_value_by_rounding():
    value = 0.1 + 0.2
    assert ev.figure(0.3, np.full(9, value)) == {"value": 0.3, "low": 0.3, "high": value}
    assert ev.figure(value, np.full(9, 0.3)) == {"value": value, "low": 0.3, "high": value}


def test_only_users_with_a_history_and_a_future_are_measured():
    pairs = tastes.tastes()
    held = splits.newest(pairs)
    train, truth = pairs.take(~held), pairs.take(held)
    users = ev.measurable_users(train, truth)
    assert set(users) == set(train.user_num) & set(truth.user_num)
    assert len(ev.users_of_both(train, truth.take(np.zeros(len(truth), bool)))) == 0
    with pytest.raises(NotEnoughDataError, match="before and after the split"):
        ev.measurable_users(train, truth.take(np.zeros(len(truth), bool)))


def test_every_metric_has_its_interval_and_models_share_their_resamples():
    pairs = tastes.tastes()
    held = splits.newest(pairs)
    train, truth = pairs.take(~held), pairs.take(held)
    users = ev.measurable_users(train, truth)
    lists = recommend(Popularity().fit(train), users, ev.LIST_LENGTH, train.weights)[0]
    found = ev.rank_metrics({"one": lists, "same": lists}, users, train, truth)
    assert found.metrics["one"] == found.metrics["same"]
    assert set(found.metrics["one"]) == {
        "ndcg_at_10", "recall_at_10", "recall_at_20", "precision_at_10", "map_at_10", "hit_rate_at_10",
        "coverage", "novelty", "diversity",
    }  # fmt: skip
    assert all(f["low"] <= f["value"] <= f["high"] for f in found.metrics["one"].values())
    assert found.ndcg["one"].mean() == pytest.approx(found.metrics["one"]["ndcg_at_10"]["value"])
