"""Maximal marginal relevance: by hand, by brute force, and what holds of any lists."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemark.models import variety
from tidemark.models.ranking import NONE

VECTORS = np.array([[1, 0], [1, 0], [0, 1], [-1, 0]], np.float32)


def candidates(*scores: float) -> tuple[np.ndarray, np.ndarray]:
    return np.arange(len(scores), dtype=np.int32)[np.newaxis], np.array([scores], np.float32)


def test_by_hand():
    # relevance 1, .9, .6, 0; at .5: first 0 (.5); then 1: .45 - .5, 2: .3 - 0, 3: 0 - 0; then 3: 0, 1: -.05
    items, values, at = variety.listed(*candidates(10.0, 9.0, 6.0, 0.0), VECTORS, 0.5, 4)
    assert items.tolist() == at.tolist() == [[0, 2, 3, 1]]
    assert values == pytest.approx(np.array([[0.5, 0.3, 0.0, -0.05]]), abs=1e-6)


def test_without_diversity_or_vectors_the_scores_decide():
    items, scores = candidates(3.0, 2.0, 1.0, -np.inf)
    items[0, 3] = NONE
    for vectors, diversity in ((VECTORS, 0.0), (None, 0.5)):
        found, values, at = variety.listed(items, scores, vectors, diversity, 4)
        assert found.tolist() == at.tolist() == [[0, 1, 2, NONE]]
        assert values.tolist() == scores.tolist()


def test_all_of_it_takes_what_is_least_alike():
    items, values, _ = variety.listed(*candidates(10.0, 9.0, 6.0, 0.0), VECTORS, 1.0, 4)
    assert items.tolist() == [[0, 2, 3, 1]]
    assert values.tolist() == [[0, 0, 0, -1]]


def test_equal_scores_of_unlike_items_stay_in_their_order():
    items, _, _ = variety.listed(*candidates(2.0, 2.0, 2.0), np.eye(3, dtype=np.float32), 0.3, 3)
    assert items.tolist() == [[0, 1, 2]]


def test_an_item_of_which_nothing_is_known_is_like_none():
    vectors = np.array([[1, 0], [0, 0], [2, 0]], np.float32)
    assert variety.listed(*candidates(3.0, 2.0, 1.9), vectors, 0.5, 3)[0].tolist() == [[0, 1, 2]]


def slowly(items, scores, vectors, diversity, n):
    """One user, as the formula is written."""
    left = [place for place, item in enumerate(items) if item != NONE]
    if not left:
        return []
    low, high = min(scores[left]), max(scores[left])
    relevance = {p: (scores[p] - low) / (high - low) if high > low else 1.0 for p in left}
    out = []
    lengths = np.linalg.norm(vectors, axis=1)
    towards_all = vectors / np.where(lengths > 0, lengths, 1)[:, None]
    while left and len(out) < n:

        def value(place):
            towards = [float(towards_all[items[place]] @ towards_all[items[other]]) for other, _ in out]
            return (1 - diversity) * relevance[place] - diversity * max([0.0, *towards])

        best = max(left, key=lambda place: (value(place), -place))
        out.append((best, value(best)))
        left.remove(best)
    return out


worlds = st.tuples(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(1, 12), st.integers(1, 8))


@given(world=worlds, diversity=st.sampled_from([0.1, 0.25, 0.5, 0.75, 1.0]), n=st.integers(1, 14))
def test_it_is_what_the_formula_says(world, diversity, n):
    seed, users, c, dimensions = world
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(30, dimensions)).astype(np.float32)
    vectors[0] = 0
    items = np.stack([rng.permutation(30)[:c] for _ in range(users)]).astype(np.int32)
    scores = -np.sort(-rng.normal(size=(users, c)).astype(np.float32), axis=1)
    ends = rng.integers(0, c + 1, users)
    items[np.arange(c) >= ends[:, None]], scores[np.arange(c) >= ends[:, None]] = NONE, -np.inf
    at, values = variety.places(items, scores, vectors, diversity, n)
    assert at.shape == values.shape == (users, n)
    for user in range(users):
        expected = slowly(items[user], scores[user], vectors, diversity, n)
        found = values[user][: len(expected)]
        assert found == pytest.approx([value for _, value in expected], abs=1e-4)
        assert (at[user][len(expected) :] == NONE).all()
        assert sorted(set(at[user][: len(expected)])) == sorted(at[user][: len(expected)])
    assert (np.diff(np.where(np.isneginf(values), -9, values), axis=1) <= 1e-6).all()
    shorter, _ = variety.places(items, scores, vectors, diversity, max(1, n // 2))
    assert np.array_equal(shorter, at[:, : max(1, n // 2)])
