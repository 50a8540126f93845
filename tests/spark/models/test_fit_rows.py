"""What is learned from rows that no one process holds: the model of one machine, its users known by what they had."""

from dataclasses import replace

import numpy as np
import pytest

from tests.support import pair_rows, tastes
from tidemark.errors import NotEnoughDataError, SettingError
from tidemark.models import fallback, saved
from tidemark.models.als_implicit import AlsImplicit
from tidemark.models.als_spark import AlsSpark
from tidemark.models.blend import Blend
from tidemark.models.decayed import Decayed
from tidemark.models.decayed_popularity import DecayedPopularity
from tidemark.models.interface import recommend
from tidemark.models.item_knn import ItemKnn
from tidemark.models.popularity import RECENT_SHARE, Popularity

PAIRS = replace(
    tastes.tastes(), weight=np.random.default_rng(1).choice([0, 1, 2], 6_000)[: len(tastes.tastes())].astype(np.float32)
)
USERS = np.arange(len(PAIRS.users))
ALS = AlsSpark(4, 0.1, 10.0, iterations=2)
ALIKE = [
    AlsSpark(4, 0.1, iterations=2, explicit=True),
    Popularity(RECENT_SHARE),
    Blend((ALS, Decayed(ALS, 0.5), ItemKnn(k=120, decay=0.5), DecayedPopularity(0.2)), (0.4, 0.2, 0.2, 0.2)),
]


@pytest.mark.parametrize("recommender", ALIKE, ids=lambda one: one.name)
def test_rows_teach_what_pairs_teach(recommender, spark, tmp_path):
    """MLlib's own user step is what a user is known by: the scores are the same to what single precision leaves."""
    alone = fallback.fit(recommender, PAIRS)
    arrays = fallback.fit_rows(recommender, pair_rows.of_pairs(spark, PAIRS))
    path = str(tmp_path / "model.npz")
    saved.save_items(path, recommender, arrays, PAIRS.items)
    fitted, known = saved.load_model(path, PAIRS)
    assert known.all()
    assert all(len(array) != len(USERS) for array in arrays.values())  # nothing of users is kept
    expected, scores = alone.scores(USERS), fitted.scores(USERS)
    assert np.allclose(scores, expected, rtol=2e-3, atol=2e-3 * np.abs(expected[np.isfinite(expected)]).max())
    lists, _ = recommend(alone, USERS, 10, PAIRS.weights)
    found, _ = recommend(fitted, USERS, 10, PAIRS.weights)
    assert (lists == found).mean() > 0.98  # what is equally good may change places


def test_what_learns_in_one_process_alone_says_so(spark):
    rows = pair_rows.of_pairs(spark, PAIRS)
    with pytest.raises(SettingError, match="engine=implicit"):
        fallback.fit_rows(AlsImplicit(4, 1.0, 10.0), rows)
    unrated = pair_rows.of_pairs(spark, replace(PAIRS, rating=np.full(len(PAIRS), np.nan, np.float32)))
    with pytest.raises(NotEnoughDataError, match="feedback=implicit"):
        AlsSpark(2, 0.1, explicit=True).fit_rows(unrated)
