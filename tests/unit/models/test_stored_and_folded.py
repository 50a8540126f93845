"""What is stored for a user, and what serving makes of the same history: the same lists, of a thousand users."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from tests.support import tastes
from tidemark.models import ranking, user_history
from tidemark.models.als_implicit import AlsImplicit
from tidemark.models.blend import Blend
from tidemark.models.decayed import Decayed
from tidemark.models.decayed_popularity import DecayedPopularity
from tidemark.models.fold_in import FoldIn
from tidemark.models.item_knn import ItemKnn
from tidemark.models.transitions import Transitions

PAIRS = tastes.tastes(n_users=1_000, n_items=400, n_pairs=20_000)
ALS = AlsImplicit(16, 10.0, 20.0)
ALL = Blend(
    (ALS, Decayed(ALS, 0.5), ItemKnn(decay=0.5), Transitions(), DecayedPopularity(0.2)), (0.3, 0.2, 0.2, 0.2, 0.1)
)


@pytest.mark.parametrize("recommender", [*ALL.members, ALL], ids=lambda recommender: recommender.name)
def test_a_thousand_users_get_the_same_of_their_history_as_of_their_number(recommender):
    fitted, users = recommender.fit(PAIRS), np.flatnonzero(PAIRS.user_counts > 0)
    assert len(users) > 990
    stored, values = ranking.top_n(fitted.scores, users, 10, PAIRS.weights)
    different = 0
    for row, user in enumerate(users.tolist()):
        history = user_history.of_user(PAIRS, user)
        scores = fitted.scores_of_history(history)
        scores[history.items] = -np.inf
        folded = ranking.best(scores, 10)
        listed = stored[row][stored[row] != ranking.NONE]
        there = values[row][: len(listed)]
        assert np.allclose(scores[listed], there, rtol=2e-4, atol=2e-5)
        if folded.tolist() != listed.tolist():  # what float32 cannot tell apart may stand either way round
            close = np.abs(scores[folded] - scores[listed])
            assert close.max() <= 2e-5 * max(1.0, np.abs(there).max())
            different += 1
    assert different <= 10


@given(
    n_items=st.integers(1, 12),
    n_factors=st.integers(1, 5),
    scaled=st.booleans(),
    seed=st.integers(0, 2**16),
    regularization=st.sampled_from([0.1, 10.0, 100.0]),
)
def test_many_users_are_placed_as_each_alone(n_items, n_factors, scaled, seed, regularization):
    rng = np.random.default_rng(seed)
    fold = FoldIn(rng.normal(size=(n_items, n_factors)).astype(np.float32), regularization, 3.0, scaled=scaled)
    had = rng.random((9, n_items)) < rng.random((9, 1))
    histories = csr_matrix(np.where(had, rng.integers(1, 6, had.shape), 0).astype(np.float32))
    together = fold.user_factors(histories)
    for user in range(9):
        items = np.flatnonzero(had[user])
        alone = fold.user_factor(items, histories[user].toarray()[0][items])
        assert np.allclose(together[user], alone, rtol=1e-4, atol=1e-6)
