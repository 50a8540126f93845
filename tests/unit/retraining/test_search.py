"""The search finds what is better, within its budget, on nothing but the pairs it is given."""

from dataclasses import replace

import pytest

from tests.support import tastes
from tidemark.models.recipes import Recipe
from tidemark.retraining import search

BUDGET = search.BUDGETS["implicit"]
GOOD, BAD = (
    Recipe("implicit", factors=8, regularization=1.0, alpha=20.0),
    Recipe("implicit", factors=8, regularization=1e6),
)


def test_the_better_settings_win_and_beat_popularity():
    found = search.search(tastes.tastes(), [BAD, GOOD], BUDGET)
    assert found.best.recipe == GOOD
    assert found.best.ndcg_at_10 > found.popularity
    assert [t["regularization"] for t in found.document()["trials"]] == [1e6, 1.0]


def test_of_equals_the_first_wins_and_again_the_same():
    pairs = tastes.tastes()
    assert search.search(pairs, [GOOD, replace(GOOD, seed=42)], BUDGET) == search.search(pairs, [GOOD, GOOD], BUDGET)


def test_small_data_tries_everything_with_all_iterations():
    recipes = search.grid("implicit", "implicit")
    assert search.plan(recipes, 10_000, 9_000, BUDGET) == recipes


@pytest.mark.parametrize("n", [650_000, 5_000_000, 20_000_000])
def test_the_work_of_a_search_is_bounded_whatever_the_size(n):
    n_trial = min(n, BUDGET.pairs)
    tried = search.plan(search.grid("implicit", "implicit"), n, n_trial, BUDGET)
    assert sum(n_trial * r.factors * r.iterations for r in tried) <= BUDGET.work
    assert all(n * r.factors * 15 <= BUDGET.fit for r in tried) or len(tried) == 1
    assert tried


def test_users_are_sampled_whole_and_by_hash():
    pairs = tastes.tastes()
    part = search.sample_users(pairs, 1_000)
    assert 500 < len(part) <= 1_000
    assert all(part.user_counts[u] == pairs.user_counts[u] for u in set(part.user_num.tolist()))
    assert search.sample_users(pairs, 10**6) is pairs
    assert len(search.sample_users(pairs, 1)) > 0


def test_given_settings_are_not_searched():
    given = {"factors": 4, "regularization": 2, "alpha": 3, "iterations": None}
    recipe, found, why = search.choose(tastes.checkerboard(), "implicit", "implicit", given, None)
    assert (recipe.factors, recipe.regularization, recipe.alpha, recipe.iterations) == (4, 2.0, 3.0, 15)
    assert found is None
    assert "given" in why


def test_a_given_setting_holds_in_every_trial():
    recipe, found, _ = search.choose(tastes.tastes(), "implicit", "implicit", {"factors": 4}, None)
    assert found is not None
    assert {t.recipe.factors for t in found.trials} == {4}
    assert recipe.factors == 4


def test_remembered_settings_are_taken_but_for_what_is_given():
    recipe, found, why = search.choose(tastes.tastes(), "implicit", "implicit", {"alpha": 9}, GOOD)
    assert recipe == replace(GOOD, alpha=9.0)
    assert found is None
    assert "remembered" in why


def test_where_nobody_can_be_measured_the_first_of_the_grid_is_taken():
    rows = [(f"u{n:02}", f"i{n % 3}") for n in range(30)]  # everybody comes once
    from tidemark.models.pairs import from_frame

    recipe, found, why = search.choose(from_frame(tastes.frame(rows)), "implicit", "implicit", {}, None)
    assert recipe == search.grid("implicit", "implicit")[0]
    assert found is None
    assert "too few" in why
