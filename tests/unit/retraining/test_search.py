"""The search finds what is better, within its budget, on nothing but the pairs it is given; and where settings come from."""

from dataclasses import replace

import pytest

from tests.support import tastes
from tidemark.models.als_implicit import AlsImplicit
from tidemark.models.als_spark import AlsSpark
from tidemark.models.pairs import from_frame
from tidemark.retraining import search
from tidemark.retraining.search_memory import Remembered

BUDGET = search.BUDGETS["implicit"]
GOOD, BAD = AlsImplicit(8, 1.0, 20.0), AlsImplicit(64, 1e6, 60.0)
KNOWN_TRIALS = [0.27188685436579324, 0.28632965737794674, 0.2814462073585711, 0.24135895399746682, 0.31126797261051664]
KNOWN_POPULARITY = 0.09872230973172787
"""NDCG@10 of the first five of the grid on the validation slice, as every recipe was one bag of ALS settings."""

MEMORY = Remembered(GOOD, "20260101T000000-00000000")


def test_the_better_settings_win_and_beat_popularity():
    done = search.search(tastes.tastes(), [BAD, GOOD], BUDGET)
    assert done.best.recommender == GOOD
    assert done.best.ndcg_at_10 > done.popularity
    assert [trial["regularization"] for trial in done.document()["trials"]] == [1e6, 1.0]


def test_the_search_finds_what_it_found_before_recommenders_had_settings_of_their_own():
    done = search.search(tastes.tastes(), search.grid("implicit", "implicit")[:5], BUDGET)
    # another processor rounds otherwise, which may swap neighbours in a few lists
    assert [trial.ndcg_at_10 for trial in done.trials] == pytest.approx(KNOWN_TRIALS, abs=0.005)
    assert done.popularity == pytest.approx(KNOWN_POPULARITY, abs=1e-9)
    assert done.best.recommender == AlsImplicit(32, 50.0, 20.0)


def test_the_grids_are_what_they_were():
    assert [
        (r.factors, r.regularization, r.alpha, r.iterations, r.seed) for r in search.grid("implicit", "implicit")
    ] == [
        (64, 10.0, 60.0, 15, 42),
        (16, 100.0, 20.0, 15, 42),
        (128, 10.0, 60.0, 15, 42),
        (32, 200.0, 60.0, 15, 42),
        (32, 50.0, 20.0, 15, 42),
        (16, 50.0, 20.0, 15, 42),
        (64, 100.0, 60.0, 15, 42),
        (128, 1.0, 100.0, 15, 42),
        (8, 100.0, 20.0, 15, 42),
        (64, 200.0, 60.0, 15, 42),
    ]
    assert search.grid("spark", "implicit")[0] == AlsSpark(16, 5.0, 10.0, 10, explicit=False, seed=42)
    assert search.grid("spark", "explicit")[1] == AlsSpark(16, 0.3, 1.0, 10, explicit=True, seed=42)
    assert [len(search.grid("spark", feedback)) for feedback in ("implicit", "explicit")] == [5, 4]


def test_of_equals_the_first_wins_and_again_the_same():
    pairs = tastes.tastes()
    assert search.search(pairs, [GOOD, replace(GOOD, seed=42)], BUDGET) == search.search(pairs, [GOOD, GOOD], BUDGET)


def test_small_data_tries_everything_with_all_iterations():
    recommenders = search.grid("implicit", "implicit")
    assert search.plan(recommenders, 10_000, 9_000, BUDGET) == [(r, r) for r in recommenders]


@pytest.mark.parametrize("n", [650_000, 5_000_000, 20_000_000])
def test_the_work_of_a_search_is_bounded_whatever_the_size(n):
    n_trial = min(n, BUDGET.pairs)
    planned = search.plan(search.grid("implicit", "implicit"), n, n_trial, BUDGET)
    assert sum(n_trial * tried.factors * tried.iterations for _, tried in planned) <= BUDGET.work
    assert all(n * r.factors * 15 <= BUDGET.fit for r, _ in planned) or len(planned) == 1
    assert planned
    assert all(replace(tried, iterations=15) == recommender for recommender, tried in planned)


def test_users_are_sampled_whole_and_by_hash():
    pairs = tastes.tastes()
    part = search.sample_users(pairs, 1_000)
    assert 500 < len(part) <= 1_000
    assert all(part.user_counts[u] == pairs.user_counts[u] for u in set(part.user_num.tolist()))
    assert search.sample_users(pairs, 10**6) is pairs
    assert len(search.sample_users(pairs, 1)) > 0


def test_given_settings_are_not_searched():
    given = {"factors": 4, "regularization": 2, "alpha": 3, "iterations": None}
    choice = search.choose(tastes.checkerboard(), "implicit", "implicit", given, MEMORY)
    assert choice.recommender == AlsImplicit(4, 2.0, 3.0, 15)
    assert (choice.settings_from, choice.search, choice.search_of) == ("given", None, None)
    assert "given" in choice.why


def test_a_given_setting_holds_in_every_trial():
    choice = search.choose(tastes.tastes(), "implicit", "implicit", {"factors": 4}, None)
    assert choice.search is not None
    assert {trial.recommender.factors for trial in choice.search.trials} == {4}
    assert choice.recommender == choice.search.best.recommender
    assert choice.settings_from == "searched"


def test_remembered_settings_are_taken_but_for_what_is_given():
    choice = search.choose(tastes.tastes(), "implicit", "implicit", {"alpha": 9}, MEMORY)
    assert choice.recommender == replace(GOOD, alpha=9.0)
    assert (choice.settings_from, choice.search, choice.search_of) == ("remembered", None, MEMORY.model_id)


def test_without_a_memory_and_a_search_the_first_of_the_grid_is_taken_and_called_so():
    choice = search.choose(tastes.tastes(), "implicit", "implicit", {"alpha": 9}, None, may_search=False)
    assert choice.recommender == AlsImplicit(64, 10.0, 9.0)
    assert (choice.settings_from, choice.search, choice.search_of) == ("defaults", None, None)
    assert "remembered from" not in choice.why


@pytest.mark.parametrize(
    "rows",
    [[(f"u{n:02}", f"i{n % 3}") for n in range(30)], [("u", "i"), ("v", "j")], [("u", "i")]],
    ids=["everybody comes once", "two pairs", "one pair"],
)
def test_where_nobody_can_be_validated_the_first_of_the_grid_is_taken_and_said_why(rows):
    choice = search.choose(from_frame(tastes.frame(rows)), "implicit", "implicit", {}, None)
    assert choice.recommender == search.grid("implicit", "implicit")[0]
    assert (choice.settings_from, choice.search) == ("defaults", None)
    assert "too few users to validate on" in choice.why
