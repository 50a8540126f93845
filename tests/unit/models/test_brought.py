"""Who brought what: by hand, beside the same lists as without asking, and of nobody where nobody did."""

import numpy as np
import pytest

from tests.support import tastes
from tidemark.models import brought, fallback, ranking
from tidemark.models.als_implicit import AlsImplicit
from tidemark.models.blend import Blend
from tidemark.models.brought import NOBODY
from tidemark.models.decayed_popularity import DecayedPopularity
from tidemark.models.interface import recommend
from tidemark.models.item_knn import ItemKnn
from tidemark.models.ranking import NONE

PAIRS = tastes.tastes(n_users=60, n_items=40, n_pairs=900)
STRANGER = 3
SOME = PAIRS.take(PAIRS.user_num != STRANGER)
BLEND = Blend((AlsImplicit(8, 1.0, 20.0), ItemKnn(), DecayedPopularity(0.2)), (0.4, 0.4, 0.2))


def test_the_greatest_part_by_hand():
    one = np.array([[3, 1, 0], [-np.inf] * 3], np.float32)
    two = np.array([[2, 1, 4], [-np.inf] * 3], np.float32)
    items = np.array([[0, 1, 2, NONE], [2, 1, 0, NONE]])
    assert brought.greatest([one, two], items).tolist() == [[0, 0, 1, NOBODY], [NOBODY] * 4]


@pytest.mark.parametrize("block_bytes", [ranking.BLOCK_BYTES, 7 * 4 * 40], ids=["one block", "many"])
def test_the_lists_are_those_without_asking(block_bytes, monkeypatch):
    monkeypatch.setattr(ranking, "BLOCK_BYTES", block_bytes)
    fitted = fallback.fit(BLEND, SOME)
    users = np.arange(60)
    items, scores, by = brought.recommend(fitted, users, 10, SOME.weights)
    expected = recommend(fitted, users, 10, SOME.weights)
    assert np.array_equal(items, expected[0])
    assert np.array_equal(scores, expected[1])
    assert by is not None
    assert by.dtype == np.int8
    assert (by[STRANGER] == NOBODY).all()  # the fallback's list
    others = np.delete(by, STRANGER, axis=0)
    assert set(others[np.delete(items, STRANGER, axis=0) != NONE].tolist()) == {0, 1, 2}


def test_what_is_no_blend_says_nothing():
    fitted = fallback.fit(ItemKnn(), PAIRS)
    items, scores, by = brought.recommend(fitted, np.arange(5), 10, PAIRS.weights)
    assert by is None
    expected = recommend(fitted, np.arange(5), 10, PAIRS.weights)
    assert np.array_equal(items, expected[0])
    assert np.array_equal(scores, expected[1])


def test_more_items_than_there_are():
    _, _, by = brought.recommend(fallback.fit(BLEND, PAIRS), np.arange(60), 50, PAIRS.weights)
    assert by is not None
    assert by.shape == (60, 50)
    assert (by[:, 40:] == NOBODY).all()
