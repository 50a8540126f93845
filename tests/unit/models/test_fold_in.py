"""Fold-in equals the solver's own user step, and a case worked by hand."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from tidemark.models import fold_in
from tidemark.models.fold_in import FoldIn


def test_one_factor_by_hand() -> None:
    # Y = [1, 2], r = 1, one item (number 1) of weight 3, alpha 2: c = 7.
    # Y'Y = 5; left = 5 + (7 - 1) * 4 + 1 = 30; right = 7 * 2 = 14.
    fold = FoldIn(np.array([[1.0], [2.0]], dtype=np.float32), regularization=1.0, alpha=2.0)
    assert fold.user_factor(np.array([1]), np.array([3.0], dtype=np.float32)) == pytest.approx([14 / 30])


def test_regularisation_by_the_number_of_items_by_hand() -> None:
    # As above, with both items of weight 0.5: c = 2; left = 5 + 1 * (1 + 4) + 2 * 1 = 12; right = 2 * (1 + 2) = 6.
    fold = FoldIn(np.array([[1.0], [2.0]], dtype=np.float32), regularization=1.0, alpha=2.0, scaled=True)
    assert fold.user_factor(np.array([0, 1]), np.full(2, 0.5, dtype=np.float32)) == pytest.approx([0.5])


def test_checkerboard() -> None:
    """Users like either the even or the odd items: a new user with a few even ones is given the other even ones."""
    from implicit.cpu.als import AlternatingLeastSquares

    board = np.zeros((40, 20), dtype=np.float32)
    board[::2, ::2] = board[1::2, 1::2] = 1
    np.fill_diagonal(board[:20], 0)
    model = AlternatingLeastSquares(factors=2, regularization=0.1, alpha=10.0, random_state=0)
    model.fit(csr_matrix(board), show_progress=False)
    items, scores = FoldIn(model.item_factors, 0.1, 10.0).recommend(np.array([0, 4, 8]), np.ones(3, np.float32), 7)
    assert sorted(items) == [2, 6, 10, 12, 14, 16, 18]
    assert (np.diff(scores) <= 0).all()


def float32_tolerance(lefts: np.ndarray, terms: int) -> np.ndarray:
    """How far a float32 solution of `left @ x = right` may be from the true one, relative to its norm, whoever computes it.

    Golub and Van Loan, Matrix Computations (4th ed.), 2.6.2: the relative error of x is at most the condition of `left`
    times the relative error of the system. Higham, Accuracy and Stability (2nd ed.), 3.1 and 10.1: sums of n float32
    terms, and a Cholesky factorisation, make that error n times the unit roundoff, in whatever order a kernel adds. That
    is the worst case; where roundings do not conspire it is sqrt(n) times (Higham and Mary 2019), here allowed thrice.

    Args:
        lefts: `(n_users, n_factors, n_factors)`, float64.
        terms: of the longest sum.

    Returns:
        `(n_users,)`.
    """
    unit_roundoff = float(np.finfo(np.float32).eps) / 2
    return np.asarray(3 * np.sqrt(terms) * unit_roundoff * np.linalg.cond(lefts))


@pytest.mark.parametrize("factors", [1, 8, 64])
def test_equals_the_solvers_own_user_step(factors: int) -> None:
    from implicit.cpu.als import AlternatingLeastSquares

    rng = np.random.default_rng(7)
    interactions = csr_matrix((rng.random((120, 300)) < 0.08) * rng.integers(1, 6, (120, 300)), dtype=np.float32)
    confidence = interactions.copy()
    confidence.data = 1 + 20 * confidence.data
    model = AlternatingLeastSquares(factors=factors, regularization=3.0, alpha=1.0, iterations=8, random_state=1)
    histories = [(row.indices.astype(np.int64), row.data) for row in interactions]
    with threadpool_limits(1, "blas"):  # the yardstick: implicit has threads of its own
        model.fit(confidence, show_progress=False)
        y = model.item_factors.astype(np.float64)
        system = y.T @ y + 3.0 * np.eye(factors)
        lefts = np.stack([system + y[items].T @ (y[items] * 20 * weights[:, None]) for items, weights in histories])
        tolerances = float32_tolerance(lefts, terms=len(y) + max(len(items) for items, _ in histories))
    fold, wrong = FoldIn(y, 3.0, 20.0), [FoldIn(y, 3.0 * 1.02, 20.0), FoldIn(y, 3.0, 20.0 * 1.02)]
    for user, (items, weights) in enumerate(histories):
        own = model.recalculate_user(user, confidence[user])
        within = tolerances[user] * np.linalg.norm(own)
        assert np.linalg.norm(fold.user_factor(items, weights) - own) <= within
        # The tolerance hides nothing: a setting that is 2 % off is seen.
        assert all(np.linalg.norm(other.user_factor(items, weights) - own) > within for other in wrong)


def test_nothing_had_and_everything_had() -> None:
    fold = FoldIn(np.eye(3, dtype=np.float32), 0.1)
    none = np.empty(0, dtype=np.int64)
    assert fold.user_factor(none, none.astype(np.float32)).tolist() == [0, 0, 0]
    assert fold.recommend(none, none.astype(np.float32), 2)[0].tolist() == [0, 1]
    assert fold.recommend(np.arange(3), np.ones(3, np.float32), 5)[0].tolist() == []
    with pytest.raises(IndexError, match=r"0\.\.2"):
        fold.user_factor(np.array([3]), np.ones(1, np.float32))


def test_contributions_by_hand() -> None:
    # As in the first test, and item 0 of weight 1: c = 3 and 7; left = 5 + 2 * 1 + 6 * 4 + 1 = 32. Item 1's score is
    # 2 * (3 * 1 + 7 * 2) / 32, of which item 0 brings 6 / 32 and item 1 28 / 32.
    fold = FoldIn(np.array([[1.0], [2.0]], dtype=np.float32), regularization=1.0, alpha=2.0)
    found = fold.contributions(np.array([0, 1]), np.array([1.0, 3.0], np.float32), np.array([1, 0]))
    assert found == pytest.approx(np.array([[6 / 32, 28 / 32], [3 / 32, 14 / 32]]))


@pytest.mark.parametrize("scaled", [False, True])
def test_contributions_add_up_to_the_score(scaled: bool) -> None:
    rng = np.random.default_rng(5)
    factors = rng.normal(size=(80, 12)).astype(np.float32)
    fold = FoldIn(factors, 0.5, 4.0, scaled=scaled)
    items, weights = np.array([3, 17, 40, 79]), np.array([1, 5, 2, 0], np.float32)
    found = fold.contributions(items, weights, np.arange(80))
    assert found.sum(axis=1) == pytest.approx(factors @ fold.user_factor(items, weights), rel=1e-4, abs=1e-5)
    assert fold.contributions(items[:0], weights[:0], np.array([1])).shape == (1, 0)
    with pytest.raises(IndexError, match=r"0\.\.79"):
        fold.contributions(np.array([80]), np.ones(1, np.float32), np.array([0]))


def test_item_factors_of_many_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    factors = np.random.default_rng(5).normal(size=(80, 4)).astype(np.float32)
    items, weights = np.array([3, 17]), np.ones(2, np.float32)
    whole = FoldIn(factors, 0.5).user_factor(items, weights)
    monkeypatch.setattr(fold_in, "BLOCK", 7)
    assert FoldIn(factors, 0.5).user_factor(items, weights) == pytest.approx(whole, rel=1e-5)


def test_factors_that_are_no_numbers_are_told() -> None:
    factors = np.ones((3, 2), np.float32)
    assert FoldIn(factors, 0.5).finite
    factors[1, 0] = np.nan
    assert not FoldIn(factors, 0.5).finite


def test_of_equal_scores_the_first_items_are_taken() -> None:
    fold = FoldIn(np.ones((50, 1), np.float32), 0.1)
    assert fold.recommend(np.array([2]), np.ones(1, np.float32), 4)[0].tolist() == [0, 1, 3, 4]
