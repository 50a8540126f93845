"""The search finds what is better, within its budget, on nothing but the pairs it is given; and where settings come from."""

from dataclasses import replace

import pytest

from tests.support import tastes
from tidemark.models.als_implicit import AlsImplicit
from tidemark.models.pairs import from_frame
from tidemark.retraining import grids, search
from tidemark.retraining.grids import Grid
from tidemark.retraining.search_memory import Remembered

BUDGET = grids.BUDGETS["implicit"]
GOOD, BAD = AlsImplicit(8, 1.0, 20.0), AlsImplicit(64, 1e6, 60.0)

MEMORY = Remembered(GOOD, "20260101T000000-00000000")


def test_the_better_settings_win_and_beat_popularity():
    done = search.search(tastes.tastes(), Grid((BAD, GOOD)), BUDGET)
    assert done.best.recommender == GOOD
    assert done.best.ndcg_at_10 > done.popularity
    assert [trial["regularization"] for trial in done.document()["trials"]] == [1e6, 1.0]


def test_again_the_same():
    grid = Grid((GOOD, replace(GOOD, regularization=2.0)))
    assert search.search(tastes.tastes(), grid, BUDGET) == search.search(tastes.tastes(), grid, BUDGET)


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
    assert choice.recommender == AlsImplicit(16, 100.0, 9.0)
    assert (choice.settings_from, choice.search, choice.search_of) == ("defaults", None, None)
    assert "remembered from" not in choice.why


@pytest.mark.parametrize(
    "rows",
    [[(f"u{n:02}", f"i{n % 3}") for n in range(30)], [("u", "i"), ("v", "j")], [("u", "i")]],
    ids=["everybody comes once", "two pairs", "one pair"],
)
def test_where_nobody_can_be_validated_the_first_of_the_grid_is_taken_and_said_why(rows):
    choice = search.choose(from_frame(tastes.frame(rows)), "implicit", "implicit", {}, None)
    assert choice.recommender == grids.grid("implicit", "implicit").first[0]
    assert (choice.settings_from, choice.search) == ("defaults", None)
    assert "too few users to validate on" in choice.why
