"""The models that Spark fits: the shared contract, explicit feedback, and stars over bias."""

import numpy as np
import pytest

from tests.support import recommender_contract as contract
from tests.support import tastes
from tidemark.errors import NotEnoughDataError
from tidemark.models.als_spark import AlsSpark
from tidemark.models.pairs import from_frame
from tidemark.models.ratings import fit_ratings
from tidemark.settings import settings

pytestmark = pytest.mark.usefixtures("spark")


IMPLICIT = AlsSpark(8, 0.05, 20.0, iterations=6)
EXPLICIT = AlsSpark(4, 0.1, iterations=4, explicit=True)


@pytest.mark.parametrize("check", contract.LEARNERS_CHECKS, ids=lambda check: check.__name__)
def test_implicit_als_satisfies_the_contract(check, tmp_path):
    check(IMPLICIT, tmp_path)


@pytest.mark.parametrize("check", contract.CHECKS, ids=lambda check: check.__name__)
def test_explicit_als_satisfies_the_contract(check, tmp_path):
    check(EXPLICIT, tmp_path)


def test_explicit_als_learns_the_stars():
    pairs = tastes.tastes()
    model = AlsSpark(8, 0.1, iterations=6, explicit=True).fit(pairs)
    predicted = np.einsum("nf,nf->n", model.user_factors[pairs.user_num], model.item_factors[pairs.item_num])
    assert np.sqrt(((predicted - pairs.rating) ** 2).mean()) < 0.9 * pairs.rating.std()


def test_explicit_als_without_ratings_says_what_to_choose():
    pairs = from_frame(tastes.frame([("a", "x"), ("b", "y")]))
    with pytest.raises(NotEnoughDataError, match="feedback=implicit"):
        AlsSpark(2, 0.1, explicit=True).fit(pairs)


def test_stars_are_predicted_better_than_by_bias_and_by_bias_better_than_by_the_mean():
    generator = np.random.default_rng(3)
    rows = [(u, i) for u in range(80) for i in range(60) if generator.random() < 0.6]
    table = tastes.frame([(f"u{u:02}", f"i{i:02}") for u, i in rows])
    liked = generator.normal(0, 0.5, 60)
    stars = [3.5 + liked[i] + (0.8 if u % 2 == i % 2 else -0.8) + generator.normal(0, 0.2) for u, i in rows]
    table["rating"] = np.clip(stars, 1, 5)
    pairs = from_frame(table)
    chosen = generator.random(len(pairs)) < 0.1
    train, rest = pairs.take(~chosen), pairs.take(chosen)
    model = fit_ratings(train, factors=4, regularization=0.05)

    def rmse(predicted):
        return float(np.sqrt(((predicted - rest.rating) ** 2).mean()))

    als, bias = (rmse(m.predict(rest.user_num, rest.item_num)) for m in (model, model.bias))
    assert als < 0.6 * bias
    assert bias < 0.95 * rmse(np.full(len(rest), model.bias.mean))


def test_rows_without_pairs_have_no_factors_and_checkpoints_are_cleared_away():
    pairs = tastes.checkerboard()
    without = pairs.take(pairs.user_num != 3)
    model = AlsSpark(4, 0.1, 10.0, iterations=6).fit(without)
    assert model.knows(np.arange(20)).tolist() == [n != 3 for n in range(20)]
    left = settings().state / "artifacts" / "spark-checkpoints"
    assert not any(left.iterdir())
