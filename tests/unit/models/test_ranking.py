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
    n_users=st.integers(1, 40),
    n_items=st.integers(1, 60),
    n=st.integers(1, 25),
    levels=st.sampled_from([1, 3, 10**6]),
    density=st.sampled_from([0.0, 0.2, 0.9, 1.0]),
    seed=st.integers(0, 10**6),
)
def test_what_everybody_gets_equals_a_full_sort(n_users, n_items, n, levels, density, seed):
    generator = np.random.default_rng(seed)
    row = (generator.integers(-levels, levels + 1, n_items) / 3).astype(np.float32)
    row[generator.random(n_items) < 0.1] = -np.inf
    seen = csr_matrix(random_array((n_users, n_items), density=density, rng=generator))
    known = generator.random(n_items) < 0.9
    users = generator.permutation(n_users)[: max(1, n_users // 2)]
    shared = ranking.top_n_of_all(row, users, n, seen, known)
    scores = np.repeat(row[np.newaxis], n_users, axis=0)
    by_one = ranking.top_n(lambda some: scores[some], users, n, seen, known)
    assert np.array_equal(shared[0], by_one[0])
    assert np.array_equal(shared[1], by_one[1])


@given(
    scores=st.lists(st.sampled_from([-np.inf, np.nan, -1.0, 0.0, 0.5, 2.0]), max_size=12),
    n=st.integers(-1, 14),
)
def test_the_best_of_one_row(scores, n):
    row = np.array(scores, np.float32)
    able = [place for place, score in enumerate(scores) if score > -np.inf]  # of no number, not even that
    wanted = sorted(able, key=lambda place: (-scores[place], place))[: max(n, 0)]
    assert ranking.best(row, n).tolist() == wanted


@given(
    n_items=st.integers(1, 3_000),
    factors=st.integers(1, 12),
    tail=st.sampled_from([1, 4, 40]),
    share=st.sampled_from([0.0, 0.02, 0.5, 1.0]),
    n=st.integers(0, 30),
    seed=st.integers(0, 10**6),
)
def test_products_that_cannot_be_among_the_best_are_left_out_exactly(n_items, factors, tail, share, n, seed):
    """Whole numbers, whose products are exact whichever way they are added up: many are equal."""
    generator = np.random.default_rng(seed)
    vectors = generator.integers(-3, 4, (n_items, factors)) * np.minimum(generator.zipf(1.5, (n_items, 1)), tail)
    vectors, user = vectors.astype(np.float32), generator.integers(-3, 4, factors).astype(np.float32)
    allowed = generator.random(n_items) < share
    lengths = np.linalg.norm(vectors, axis=1)
    longest = np.argsort(-lengths)[: n_items // ranking.PROBED]
    numbers, products = ranking.best_products(vectors, user, allowed, n, lengths, longest)
    everything = np.where(allowed, vectors @ user, -np.inf)
    wanted = sorted(np.flatnonzero(allowed).tolist(), key=lambda item: (-everything[item], item))[:n]
    assert numbers.tolist() == wanted
    assert products.tolist() == everything[wanted].tolist()


def test_of_factors_with_a_long_tail_few_are_multiplied(monkeypatch):
    generator = np.random.default_rng(3)
    vectors = generator.normal(size=(64_000, 16)).astype(np.float32)
    long, user = (vectors * generator.lognormal(0, 0.8, (64_000, 1))).astype(np.float32), vectors[0]
    picked, pick = [], ranking._picked

    def counted(rows, numbers, user):
        picked.append(len(numbers))
        return pick(rows, numbers, user)

    monkeypatch.setattr(ranking, "_picked", counted)
    for factors in (long, vectors):
        lengths = np.linalg.norm(factors, axis=1)
        longest = np.argsort(-lengths)[: len(factors) // ranking.PROBED]
        numbers, _ = ranking.best_products(factors, user, np.ones(64_000, bool), 10, lengths, longest)
        assert numbers.tolist() == np.argsort(-(factors @ user))[:10].tolist()
    assert len(picked) == 3  # of vectors of like lengths, after the longest all were multiplied at once
    assert sum(picked) < 64_000 / 8


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
