"""The blocked selection gives what a full sort would."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix, random_array

from tidemark.models import ranking


def sorted_fully(scores, seen, n, known=None):
    """Items by falling score, ties by number, without seen and unknown ones; -1 where there are no more."""
    out = np.full((len(scores), n), -1)
    for u, row in enumerate(scores):
        have = set(seen.indices[seen.indptr[u] : seen.indptr[u + 1]].tolist())
        able = [i for i in range(len(row)) if i not in have and (known is None or known[i]) and row[i] > -np.inf]
        best = sorted(able, key=lambda i: (-row[i], i))[:n]
        out[u, : len(best)] = best
    return out


@given(
    n_users=st.integers(1, 6),
    n_items=st.integers(1, 1_500),
    n=st.integers(1, 25),
    levels=st.sampled_from([1, 3, 10**6]),
    seed=st.integers(0, 10**6),
)
def test_equals_a_full_sort(n_users, n_items, n, levels, seed):
    generator = np.random.default_rng(seed)
    scores = (generator.integers(-levels, levels + 1, (n_users, n_items)) / 3).astype(np.float32)
    scores[generator.random(scores.shape) < 0.1] = -np.inf
    seen = csr_matrix(random_array((n_users, n_items), density=0.2, rng=generator))
    known = generator.random(n_items) < 0.9
    items, values = ranking.top_n(lambda users: scores[users], np.arange(n_users), n, seen, known)
    assert np.array_equal(items, sorted_fully(scores, seen, n, known))
    there = items != ranking.NONE
    assert np.array_equal(values[there], np.take_along_axis(scores, np.maximum(items, 0), 1)[there])
    assert (values[~there] == -np.inf).all()


@given(
    scores=st.lists(st.sampled_from([-np.inf, np.nan, -1.0, 0.0, 0.5, 2.0]), max_size=12),
    n=st.integers(-1, 14),
)
def test_the_best_of_one_row(scores, n):
    row = np.array(scores, np.float32)
    able = [place for place, score in enumerate(scores) if score > -np.inf]  # of no number, not even that
    wanted = sorted(able, key=lambda place: (-scores[place], place))[: max(n, 0)]
    assert ranking.best(row, n).tolist() == wanted


@pytest.mark.parametrize("threads", [1, 3])
def test_blocks_and_threads_change_nothing(threads, monkeypatch):
    generator = np.random.default_rng(1)
    scores = generator.normal(size=(97, 700)).astype(np.float32)
    seen = csr_matrix(random_array((97, 700), density=0.05, rng=generator))
    whole = ranking.top_n(lambda users: scores[users], np.arange(97), 20, seen)
    monkeypatch.setattr(ranking, "BLOCK_BYTES", 4 * 700 * 10)
    parts = ranking.top_n(lambda users: scores[users], np.arange(97), 20, seen, threads=threads)
    assert np.array_equal(whole[0], parts[0])
    assert np.array_equal(whole[1], parts[1])
