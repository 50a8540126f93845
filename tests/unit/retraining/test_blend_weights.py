"""Weights are proven, and from the stored unions they are what whole lists would show."""

import numpy as np
import pytest

from tests.support import recommender_contract as contract
from tidemark.evaluation import evidence, ranking_metrics
from tidemark.models.als_implicit import AlsImplicit
from tidemark.models.blend import Blend
from tidemark.models.interface import recommend
from tidemark.models.item_knn import ItemKnn
from tidemark.models.popularity import Popularity
from tidemark.models.ranking import NONE
from tidemark.retraining import blend_weights
from tidemark.retraining.blend_weights import Unions

MEMBERS = (AlsImplicit(8, 1.0, 20.0), ItemKnn(), Popularity())


def unions(first, second, hit):
    """Of one item list each: the first member's and the second's z of two items, and which was taken."""
    z = np.array([first, second], np.float32)
    return Unions(np.tile(np.arange(2, dtype=np.int32), (len(hit), 1)), z, np.array(hit), np.ones(len(hit), int))


def test_the_simplex_in_steps_of_a_fifth_has_126_weightings_of_five_the_first_member_first():
    found = list(blend_weights.simplex(5))
    assert len(set(found)) == len(found) == 126
    assert found[0] == (1, 0, 0, 0, 0)
    assert all(sum(weights) == pytest.approx(1) for weights in found)
    assert list(blend_weights.simplex(2)) == [(1, 0), (0.8, 0.2), (0.6, 0.4), (0.4, 0.6), (0.2, 0.8), (0, 1)]
    assert list(blend_weights.simplex(1)) == [(1,)]


def test_the_bound_by_hand():
    # the item taken is the second of the first member and the first of the other: 1 / log2(3) against 1, but for every
    # fourth user, where it is the other way round
    n = 40
    hit = [[True, False] if user % 4 == 0 else [False, True] for user in range(n)]
    found = blend_weights.weigh([unions([[1, 0]] * n, [[0, 1]] * n, hit)], 2)
    gain = np.where(np.arange(n) % 4 == 0, -1, 1) * (1 - 1 / np.log2(3))
    expected = gain.mean() - 1.64 * gain.std(ddof=1) / n**0.5
    assert [w.bound for w in found] == pytest.approx([0, 0, 0, expected, expected, expected])
    assert [w.lead for w in found] == pytest.approx([0, 0, 0, gain.mean(), gain.mean(), gain.mean()])
    assert blend_weights.proven(found).weights == (0.4, 0.6)


def test_without_evidence_the_first_member_stays_alone():
    n = 60
    hit = [[bool(user % 2), not user % 2] for user in range(n)]  # either member is right as often as the other
    even = blend_weights.weigh([unions([[1, 0]] * n, [[0, 1]] * n, hit)], 2)
    assert blend_weights.proven(even).weights == (1, 0)
    few = evidence.LEAST - 1
    better = unions([[1, 0]] * few, [[0, 1]] * few, [[False, True]] * few)
    assert blend_weights.proven(blend_weights.weigh([better], 2)).weights == (1, 0)
    # twice as many, in two periods, are enough
    assert blend_weights.proven(blend_weights.weigh([better, better], 2)).weights == (0.4, 0.6)


def test_the_unions_show_what_whole_lists_would():
    train, held = contract.sides()
    users = ranking_metrics.measurable_users(train, held)
    fitted = tuple(member.fit(train) for member in MEMBERS)
    stored = blend_weights.unions(Blend(MEMBERS, (1.0, 1.0, 1.0)).fitted(fitted), users, train, held)
    assert not ranking_metrics.hits(stored.items, users, train.weights).any()
    assert (np.diff(np.where(stored.items == NONE, np.arange(-stored.items.shape[1], 0), stored.items)) > 0).all()
    for weights in [(1, 0, 0), (0, 1, 0), (0, 0, 1), (0.4, 0.4, 0.2)]:
        blend = Blend(MEMBERS, weights).fitted(fitted)
        lists, _ = recommend(blend, users, 10, train.weights, train.item_counts > 0)
        whole = ranking_metrics.ndcg(ranking_metrics.hits(lists, users, held.weights), held.user_counts[users], 10)
        # the sum is rounded in another order, which may swap neighbours in a list
        assert stored.ndcg(weights).mean() == pytest.approx(whole.mean(), abs=2e-3)
        assert (np.abs(stored.ndcg(weights) - whole) < 1e-9).mean() > 0.95
