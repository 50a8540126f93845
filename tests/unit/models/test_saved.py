"""Pairs and models are kept, and aligned to other pairs."""

import numpy as np

from tests.support import tastes
from tidemark.models import saved
from tidemark.models.interface import Factors, WithFallback
from tidemark.models.pairs import from_frame
from tidemark.models.popularity import FittedPopularity
from tidemark.models.recipes import Recipe


def test_a_model_is_kept_and_aligned_to_other_rows(tmp_path):
    old = from_frame(tastes.frame([("u1", "a"), ("u1", "b"), ("u3", "a")]))
    factors = Factors(np.array([[1, 2], [3, 4]], np.float32), np.array([[1, 0], [0, 1]], np.float32))
    saved.save_model(
        str(tmp_path / "m.npz"), WithFallback(factors, FittedPopularity(np.array([2, 1], np.float32))), old
    )
    new = from_frame(tastes.frame([("u1", "b"), ("u2", "b"), ("u3", "c"), ("u0", "b")]))
    model, known = saved.load_model(str(tmp_path / "m.npz"), new)
    assert new.items.tolist() == ["b", "c"]
    assert known.tolist() == [True, False]
    # u0 and u2 are unknown: they get the popularity of the model's time
    assert model.scores(np.arange(4)).tolist() == [[1, 0], [2, 0], [1, 0], [4, 0]]


def test_popularity_is_kept_without_factors(tmp_path):
    pairs = tastes.checkerboard()
    fitted = saved.fit(Recipe("popularity"), pairs)
    saved.save_model(str(tmp_path / "m.npz"), fitted, pairs)
    model, known = saved.load_model(str(tmp_path / "m.npz"), pairs)
    assert np.array_equal(model.scores(np.array([3])), fitted.scores(np.array([3])))
    assert known.all()


def test_pairs_are_kept(tmp_path):
    pairs = tastes.tastes()
    saved.save_pairs(str(tmp_path), pairs)
    again = saved.load_pairs(str(tmp_path))
    assert np.array_equal(again.weights.toarray(), pairs.weights.toarray())
    assert np.array_equal(again.users, pairs.users)
