"""The bias baseline against figures worked out by hand."""

import numpy as np
import pytest

from tests.support import tastes
from tidemark.errors import NotEnoughDataError
from tidemark.models.pairs import from_frame
from tidemark.models.ratings import fit_bias


def test_biases_by_hand():
    table = tastes.frame([("u", "a"), ("v", "a"), ("u", "b"), ("w", "c")])
    table["rating"] = [5.0, 4.0, 3.0, np.nan]
    bias = fit_bias(from_frame(table), item_damping=1, user_damping=2)
    # mean 4; a: (1 + 0) / (1 + 2); b: -1 / (1 + 1); u: (1 - 1/3 - 1 + 1/2) / (2 + 2); v: (0 - 1/3) / (2 + 1)
    assert bias.mean == 4
    assert bias.item_bias == pytest.approx([1 / 3, -1 / 2, 0])
    assert bias.user_bias == pytest.approx([1 / 24, -1 / 9, 0])
    assert bias.predict(np.array([0, 2]), np.array([0, 2])) == pytest.approx([4 + 1 / 3 + 1 / 24, 4])


def test_predictions_stay_between_one_and_five_stars():
    table = tastes.frame([("u", "a"), ("v", "b")])
    table["rating"] = [5.0, 1.0]
    bias = fit_bias(from_frame(table), item_damping=0, user_damping=0)
    assert bias.predict(np.array([0, 1]), np.array([0, 1])).tolist() == [5, 1]


def test_without_any_rating_it_is_said():
    with pytest.raises(NotEnoughDataError, match="no interaction has a rating"):
        fit_bias(from_frame(tastes.frame([("u", "a"), ("v", "b")])))
