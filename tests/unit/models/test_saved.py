"""Pairs and models are kept, and aligned to other pairs; files of older versions are read as they were written."""

import numpy as np
import pytest

from tests.support import tastes
from tidemark.errors import ContractError
from tidemark.models import fallback, saved
from tidemark.models.als_implicit import AlsImplicit
from tidemark.models.factors import Factors
from tidemark.models.fallback import WithFallback
from tidemark.models.pairs import from_frame
from tidemark.models.popularity import FittedPopularity, Popularity
from tidemark.storage import artifacts

OLD = from_frame(tastes.frame([("u1", "a"), ("u1", "b"), ("u3", "a")]))
NEW = from_frame(tastes.frame([("u1", "b"), ("u2", "b"), ("u3", "c"), ("u0", "b")]))
FACTORS = Factors(np.array([[1, 2], [3, 4]], np.float32), np.array([[1, 0], [0, 1]], np.float32))
POPULARITY = FittedPopularity(np.array([2, 1], np.float32))


def keep(path):
    saved.save_model(path, AlsImplicit(2, 1.0, 1.0), WithFallback(FACTORS, POPULARITY), OLD)


def keep_as_before(path):
    """As the file was when only factors with popularity behind them, or popularity, could be kept."""
    artifacts.write_arrays(
        path,
        users=OLD.users,
        items=OLD.items,
        item_scores=POPULARITY.item_scores,
        user_factors=FACTORS.user_factors,
        item_factors=FACTORS.item_factors,
    )


@pytest.mark.parametrize("keep", [keep, keep_as_before])
def test_a_model_is_kept_and_aligned_to_other_rows(keep, tmp_path):
    path = str(tmp_path / "m.npz")
    keep(path)
    model, known = saved.load_model(path, NEW)
    assert NEW.items.tolist() == ["b", "c"]
    assert known.tolist() == [True, False]
    # u0 and u2 are unknown: they get the popularity of the model's time
    assert model.scores(np.arange(4)).tolist() == [[1, 0], [2, 0], [1, 0], [4, 0]]


def test_popularity_is_kept_without_factors_now_and_before(tmp_path):
    now, before = (str(tmp_path / name) for name in ("now.npz", "before.npz"))
    pairs = tastes.checkerboard()
    fitted = fallback.fit(Popularity(), pairs)
    saved.save_model(now, Popularity(), fitted, pairs)
    artifacts.write_arrays(before, users=pairs.users, items=pairs.items, item_scores=fitted.arrays()["item_scores"])
    for path in (now, before):
        model, known = saved.load_model(path, pairs)
        assert np.array_equal(model.scores(np.array([3])), fitted.scores(np.array([3])))
        assert known.all()


def test_a_file_says_what_it_is(tmp_path):
    keep(str(tmp_path / "m.npz"))
    arrays = artifacts.read_arrays(str(tmp_path / "m.npz"))
    assert set(arrays) == {
        *("users", "items", "recipe"),
        *("fitted/first/user_factors", "fitted/first/item_factors", "fitted/other/item_scores"),
    }
    assert '"name": "als_implicit"' in str(arrays["recipe"])


def test_a_file_of_a_newer_version_says_what_to_do(tmp_path):
    path = str(tmp_path / "m.npz")
    recipe = np.array('{"name": "oracle", "settings": {}}')
    artifacts.write_arrays(path, users=OLD.users, items=OLD.items, recipe=recipe)
    with pytest.raises(ContractError, match=r"'oracle'.*upgrade"):
        saved.load_model(path, NEW)


def test_pairs_are_kept(tmp_path):
    pairs = tastes.tastes()
    saved.save_pairs(str(tmp_path), pairs)
    again = saved.load_pairs(str(tmp_path))
    assert np.array_equal(again.weights.toarray(), pairs.weights.toarray())
    assert np.array_equal(again.users, pairs.users)
