"""Item-kNN and decayed popularity by Spark: what one machine learns of the same pairs; and a blend of them with Spark's ALS."""

import numpy as np
import pytest

from tests.support import tastes
from tidemark.models import fallback, likeness_rows, recipes
from tidemark.models.als_spark import AlsSpark
from tidemark.models.blend import Blend
from tidemark.models.decayed_popularity import DecayedPopularity
from tidemark.models.decayed_popularity_spark import DecayedPopularitySpark
from tidemark.models.item_knn import ItemKnn
from tidemark.models.item_knn_spark import ItemKnnSpark
from tidemark.models.recipes import Recipe
from tidemark.retraining import portfolio
from tidemark.retraining.grids import Budget

pytestmark = pytest.mark.usefixtures("spark")

PAIRS = tastes.tastes()
USERS = np.arange(len(PAIRS.users))


@pytest.mark.parametrize("k", [200, 12])
def test_item_knn_is_that_of_one_machine(k):
    spark, alone = (kind(k=k, decay=0.5).fit(PAIRS) for kind in (ItemKnnSpark, ItemKnn))
    difference = np.abs(spark.similarity - alone.similarity)
    if k == 200:
        assert difference.max() < 1e-4 * alone.similarity.max()
        assert np.allclose(spark.scores(USERS), alone.scores(USERS), rtol=1e-4, atol=1e-4)
    else:  # of equally like items at the end of an item's neighbours either may stay
        assert np.diff(spark.similarity.indptr).max() == k
        assert (difference > 1e-4 * alone.similarity.max()).nnz <= 0.01 * alone.similarity.nnz


def test_item_knn_is_the_same_every_time_and_bounds_what_a_user_costs(monkeypatch):
    first, second = (ItemKnnSpark().fit(PAIRS).similarity for _ in range(2))
    assert first.data.tobytes() == second.data.tobytes()
    assert first.indices.tobytes() == second.indices.tobytes()
    monkeypatch.setattr(likeness_rows, "MOST_OF_USER", 2)
    assert ItemKnnSpark().fit(PAIRS).similarity.nnz <= 4 * len(PAIRS.users)


def test_decayed_popularity_is_that_of_one_machine():
    spark, alone = (kind(0.2).fit(PAIRS) for kind in (DecayedPopularitySpark, DecayedPopularity))
    assert np.allclose(spark.item_scores, alone.item_scores, rtol=1e-5)


def test_a_blend_of_what_spark_fits_is_proven_kept_and_loaded():
    als = AlsSpark(2, 5.0, 1.0, iterations=2)  # a weak one: something can be proven beside it
    found = portfolio.search(PAIRS, als, Budget(200_000, 1.5e8, 1.6e10, 2), engine="spark")
    assert [member.name for member in found.members] == [
        *("als_spark", "decayed", "item_knn_spark"), found.members[-1].name,
    ]  # fmt: skip
    assert found.members[-1].name in ("popularity", "decayed_popularity_spark")
    assert found.chosen.bound > 0
    made = found.recommender
    recipe = Recipe.of(made).document()
    assert recipes.from_document(recipe).recommender() == made
    assert isinstance(made, Blend | ItemKnnSpark)
    fitted = fallback.fit(made, PAIRS)
    loaded = fallback.load(made, fitted.arrays())
    assert np.array_equal(loaded.scores(USERS), fitted.scores(USERS))
