"""Users known by what they had: a model of one machine says of a block of them what it says of all."""

from dataclasses import replace

import numpy as np
import pytest

from tests.support import tastes
from tests.support.toy_recommenders import FittedNewest
from tidemark.errors import SettingError
from tidemark.models import fallback, saved
from tidemark.models.als_implicit import AlsImplicit
from tidemark.models.als_spark import AlsSpark
from tidemark.models.blend import Blend
from tidemark.models.decayed import Decayed
from tidemark.models.decayed_popularity import DecayedPopularity
from tidemark.models.item_knn import ItemKnn
from tidemark.models.item_knn_spark import ItemKnnSpark
from tidemark.models.popularity import Popularity
from tidemark.models.transitions import Transitions

PAIRS = tastes.tastes()
USERS = np.arange(len(PAIRS.users))
ALS = AlsImplicit(4, 1.0, 10.0, iterations=3)
KINDS = [
    ALS,
    Transitions(),
    Popularity(),
    Blend((ALS, Decayed(ALS), ItemKnn(decay=0.5), DecayedPopularity()), (1.0,) * 4),
]


@pytest.mark.parametrize("recommender", KINDS, ids=lambda one: one.name)
def test_of_a_block_of_users_a_model_says_what_it_says_of_all(recommender, tmp_path):
    """The arrays of a model of one machine, without its users, tell them by what they had."""
    alone = fallback.fit(recommender, PAIRS)
    saved.save_model(path := str(tmp_path / "model.npz"), recommender, alone, PAIRS)
    some = PAIRS.take((PAIRS.user_num >= 40) & (PAIRS.user_num < 90))
    block = replace(some, users=PAIRS.users[40:90], user_num=some.user_num - np.int32(40))
    fitted, _ = saved.by_histories(path, block)
    expected, scores = alone.scores(USERS[40:90]), fitted.scores(np.arange(50))
    assert np.allclose(scores, expected, rtol=1e-4, atol=1e-4 * np.abs(expected[np.isfinite(expected)]).max())


def test_by_another_numbering_of_items_a_user_is_known_by_what_the_model_knows(tmp_path):
    saved.save_model(path := str(tmp_path / "model.npz"), ALS, fallback.fit(ALS, PAIRS), PAIRS)
    items = np.sort(np.append(PAIRS.items[5:], ["a new one", "zz"]))
    kept = PAIRS.take(PAIRS.item_num >= 5)
    other = replace(kept, items=items, item_num=np.searchsorted(items, PAIRS.items[kept.item_num]).astype(np.int32))
    fitted, known = saved.by_histories(path, other)
    assert known.sum() == len(PAIRS.items) - 5
    without, _ = saved.by_histories(path, kept)
    places = np.searchsorted(items, PAIRS.items[5:])
    assert np.allclose(fitted.scores(USERS)[:, places], without.scores(USERS)[:, 5:], rtol=1e-4, atol=1e-5)


def test_a_model_that_knows_no_user_by_what_they_had_says_so():
    with pytest.raises(SettingError, match="FittedNewest knows no user"):
        FittedNewest(np.zeros(3, np.float32)).of_users(PAIRS)


def test_neighbours_of_too_many_items_are_refused_in_words():
    assert ItemKnn(k=200).why_not_rows(100_000) == ""
    assert "500,000 items" in Blend((AlsSpark(2, 0.1), ItemKnnSpark(k=200)), (1.0, 1.0)).why_not_rows(500_000)
    assert Decayed(AlsSpark(2, 0.1)).why_not_rows(500_000) == ""
    assert "one process alone" in Decayed(ALS).why_not_rows(500_000)
