"""New items: their places in a list, by hand."""

import numpy as np
import pytest

from tidemark.models import new_items
from tidemark.models.ranking import NONE


@pytest.mark.parametrize(
    ("n", "share", "places"),
    [
        (20, 0.1, [9, 19]),
        (10, 0.1, [9]),
        (9, 0.1, []),
        (6, 0.5, [1, 3, 5]),
        (20, 0, []),
        (0, 0.5, []),
        (7, 0.3, [3, 6]),
    ],
)
def test_places(n, share, places):
    assert new_items.places(n, share).tolist() == places


def test_what_stood_there_moves_down_and_scores_never_rise():
    items = np.array([[1, 2, 3, 4], [1, 2, NONE, NONE], [5, 6, 7, 8]], np.int32)
    scores = np.array([[4, 3, 2, 1], [4, 3, -np.inf, -np.inf], [4, 3, 2, 1]], np.float32)
    new = np.array([[90, 91], [90, 91], [NONE, NONE]], np.int32)
    placed, by = new_items.placed(items, scores, new, [1, 3])
    assert placed.tolist() == [[1, 90, 2, 91], [1, 90, 2, 91], [5, 6, 7, 8]]
    assert by.tolist() == [[4, 4, 3, 3], [4, 4, 3, 3], [4, 3, 2, 1]]
    assert items[0].tolist() == [1, 2, 3, 4]


def test_a_list_that_ends_before_a_place_stays_as_it_is():
    items, scores = np.array([[1, NONE, NONE]], np.int32), np.array([[1, -np.inf, -np.inf]], np.float32)
    assert new_items.placed(items, scores, np.array([[9]], np.int32), [2])[0].tolist() == [[1, NONE, NONE]]


def test_the_best_are_by_the_product_of_the_vectors():
    users = np.array([[1, 0], [0, 1], [0, 0]], np.float32)
    factors = np.array([[0.1, 3], [0, 0], [2, 1]], np.float32)
    chosen, scores = new_items.best(users, factors, 3)
    assert chosen.tolist() == [[2, 0, NONE], [0, 2, NONE], [NONE] * 3]
    assert np.allclose(scores[:2, :2], np.array([[2, 0.1], [3, 1]]))
