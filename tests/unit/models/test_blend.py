"""The blend: what it standardises and sums, by hand; and what must hold of any weights."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import tastes
from tidemark.errors import SettingError
from tidemark.models import blend, brought, fallback, standard_scores, user_history
from tidemark.models.alignment import Places
from tidemark.models.als_implicit import AlsImplicit
from tidemark.models.blend import Blend
from tidemark.models.decayed import Decayed
from tidemark.models.decayed_popularity import DecayedPopularity
from tidemark.models.factors import Factors
from tidemark.models.interface import recommend
from tidemark.models.item_knn import ItemKnn
from tidemark.models.popularity import Popularity
from tidemark.models.ranking import NONE
from tidemark.models.transitions import Transitions

ALS = AlsImplicit(8, 1.0, 20.0)
MEMBERS = (ALS, Decayed(ALS, 0.5), ItemKnn(decay=0.5), Transitions(), DecayedPopularity(0.2))
PAIRS = tastes.tastes(n_users=60, n_items=40, n_pairs=900)
USERS = np.arange(60)
FITTED = tuple(member.fit(PAIRS) for member in MEMBERS)


def made(*weights):
    return Blend(MEMBERS, weights).fitted(FITTED)


def test_scores_are_standardised_by_hand():
    scores = np.array([[1, 2, 3, -np.inf], [5, 5, 5, 5], [7, 8, 9, 10]], np.float32)
    z, nothing = standard_scores.standardised(scores, np.array([True, True, False]))
    # the gap is 0: mean 1.5, deviation sqrt((.25 + .25 + 2.25 + 2.25) / 4)
    deviation = 1.25**0.5
    assert z[0] == pytest.approx(np.array([-0.5, 0.5, 1.5, -1.5]) / deviation)
    assert z[1:].tolist() == [[0] * 4] * 2
    assert nothing == pytest.approx([-1.5 / deviation, 0, 0])


def test_scores_of_factors_are_standardised_by_their_moments():
    users, items = np.random.default_rng(1).normal(size=(2, 30, 4)).astype(np.float32)
    users[3], users[4], items[:, 3] = (
        0,
        np.nan,
        1,
    )  # two users of whom nothing is known; and a direction in which all agree
    users[5] = [0, 0, 0, 2]
    fitted, everybody = Factors(users, items), np.arange(30)
    expected, of_nothing = standard_scores.standardised(
        np.nan_to_num(fitted.scores(everybody)), fitted.knows(everybody)
    )
    z, nothing = fitted.standardised_scores_of(everybody)
    assert z == pytest.approx(expected, abs=1e-5)
    assert nothing == pytest.approx(of_nothing, abs=1e-5)
    assert not z[3:6].any()
    tiny = Factors(users * np.float32(1e-25), items * np.float32(1e-15))  # products that float32 has no room for
    assert not tiny.standardised_scores_of(np.array([0, 1]))[0].any()
    broken = Factors(users, np.full_like(items, np.inf))
    assert not broken.standardised_scores_of(np.array([3]))[0].any()


def test_the_weighted_sum_by_hand():
    parts = [(np.array([[1, -1]], np.float32), np.array([2.0])), (np.array([[0, 4]], np.float32), np.array([1.0]))]
    total, nothing = blend.weighted(parts, (0.5, 0.25))
    assert (total.tolist(), nothing.tolist()) == ([[0.5, 0.5]], [1.25])


@pytest.mark.parametrize("corner", range(len(MEMBERS)), ids=[member.name for member in MEMBERS])
def test_weights_at_a_corner_give_that_members_ranking(corner):
    weights = [float(n == corner) for n in range(len(MEMBERS))]
    alone, _ = recommend(FITTED[corner], USERS, 5, PAIRS.weights)
    items, _ = recommend(made(*weights), USERS, 5, PAIRS.weights)
    full = (alone != NONE).all(axis=1)  # a model of neighbours leaves gaps, which others fill
    assert full.sum() > 40
    assert (items[full] == alone[full]).mean() > 0.99  # scores that differ by less than float32 can tell are equal


weights = st.lists(st.integers(0, 5), min_size=5, max_size=5).filter(any)


@settings(deadline=None, max_examples=30)
@given(weights=weights, scale=st.sampled_from([2.0, 0.25, 8.0]))
def test_only_the_ratios_of_weights_matter(weights, scale):
    one, other = made(*weights), made(*(weight * scale for weight in weights))
    assert np.array_equal(one.scores(USERS) * np.float32(scale), other.scores(USERS))
    by, of_other = (brought.recommend(blended, USERS, 5, PAIRS.weights)[2] for blended in (one, other))
    assert by is not None
    assert of_other is not None
    assert np.array_equal(by, of_other)


@settings(deadline=None, max_examples=30)
@given(weights=weights, users=st.lists(st.integers(0, 59), min_size=1, max_size=6))
def test_a_users_scores_do_not_depend_on_who_else_is_scored(weights, users):
    # BLAS multiplies a block of another size in another order: exact is what has no factors
    assert made(*weights).scores(np.array(users)) == pytest.approx(made(*weights).scores(USERS)[users], abs=1e-4)
    without = made(0, 0, *weights[2:]) if any(weights[2:]) else made(0, 0, 1, 1, 1)
    assert np.array_equal(without.scores(np.array(users)), without.scores(USERS)[users])


@settings(deadline=None, max_examples=20)
@given(weights=weights, user=st.integers(0, 59))
def test_a_history_is_blended_as_its_user_is(weights, user):
    history = user_history.of_user(PAIRS, user)
    without = made(0, 0, *weights[2:]) if any(weights[2:]) else made(0, 0, 1, 1, 1)
    assert np.array_equal(without.scores_of_history(history), without.scores(np.array([user]))[0])
    found, stored = made(*weights).scores_of_history(history), made(*weights).scores(np.array([user]))[0]
    assert (
        np.corrcoef(found, stored)[0, 1] > 0.97
    )  # ALS is folded in: one more step of a solver that was not at its end


def test_the_member_that_brought_an_item_has_the_greatest_share():
    weights = (0.2, 0.1, 0.3, 0.2, 0.2)
    fitted = made(*weights)
    items, _, by = brought.recommend(fitted, USERS, 40, PAIRS.weights)
    assert (by == brought.NOBODY).tolist() == (items == NONE).tolist()
    z = [part for part, _ in fitted.standardised_scores(USERS)]
    for user, place in ((0, 0), (7, 3), (59, 1)):
        shares = [weight * part[user, items[user, place]] for weight, part in zip(weights, z, strict=True)]
        assert by[user, place] == int(np.argmax(shares))
    assert fitted.member_names() == tuple(member.name for member in MEMBERS)
    assert len(set(by.ravel())) > 3


def test_what_was_brought_to_a_history_is_what_was_brought_to_its_user():
    fitted = Blend(MEMBERS[2:], (0.4, 0.3, 0.3)).fitted(FITTED[2:])
    items, _, by = brought.recommend(fitted, USERS[:5], 10, PAIRS.weights)
    for user in range(5):
        found = fitted.brought_to_history(user_history.of_user(PAIRS, user), items[user])
        assert found.tolist() == by[user].tolist()


def test_whom_only_the_popular_members_know_nobody_knows():
    some = PAIRS.take(PAIRS.user_num != 3)
    fitted = Blend((ItemKnn(), DecayedPopularity()), (0.5, 0.5)).fit(some)
    assert fitted.knows(np.array([2, 3, 4])).tolist() == [True, False, True]
    assert fitted.scores_of_history(user_history.of_user(some, 3)) is None
    whole = fallback.fit(Blend((ItemKnn(), DecayedPopularity()), (0.5, 0.5)), some)
    assert np.array_equal(whole.scores(np.array([3])), Popularity().fit(some).scores(np.array([3])))
    assert Blend((Popularity(),), (1.0,)).fit(some).knows(np.array([3])).tolist() == [True]


def test_an_item_that_came_later_scores_as_if_it_had_taken_part_in_nothing():
    fitted = made(0.2, 0.2, 0.2, 0.2, 0.2)
    items = np.append(PAIRS.items, "z")
    aligned = fitted.aligned(Places(PAIRS.users, PAIRS.users), Places(PAIRS.items, items))
    scores, nothing = fitted.scores_and_nothing(USERS)
    assert np.array_equal(aligned.scores(USERS), np.column_stack([scores, nothing]))
    history = user_history.of_user(PAIRS, 4)
    found, none = fitted.scores_and_nothing_of_history(history)
    assert np.array_equal(aligned.scores_of_history(history), np.append(found, none))


@pytest.mark.parametrize(
    ("members", "weights", "says"),
    [
        ((), (), "a blend of nobody"),
        ((ALS, ALS), (0.5, 0.5), "different names"),
        ((ALS, ItemKnn()), (1.0,), "a weight for each"),
        ((ALS, ItemKnn()), (1.0, -0.1), "0 or more"),
        ((ALS, ItemKnn()), (1.0, float("nan")), "0 or more"),
        ((ALS, ItemKnn()), (0.0, 0.0), "not all 0"),
    ],
)
def test_what_is_no_blend_is_refused(members, weights, says):
    with pytest.raises(SettingError, match=says):
        Blend(members, weights)


def test_given_settings_are_the_members():
    assert Blend((ALS, ItemKnn()), (1.0, 1.0)).with_given({"factors": 4, "k": 9}) == Blend(
        (AlsImplicit(4, 1.0, 20.0), ItemKnn(k=9)), (1.0, 1.0)
    )
