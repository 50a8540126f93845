"""What a search tries depends on what was best so far, and is bounded whatever the size of the data."""

from dataclasses import replace

import pytest

from tidemark.models.als_implicit import AlsImplicit
from tidemark.models.als_spark import AlsSpark
from tidemark.retraining import grids
from tidemark.retraining.grids import Grid

Als = AlsImplicit | AlsSpark

BUDGET = grids.BUDGETS["implicit"]
GRID = grids.grid("implicit", "implicit")
SMALL, LARGE = GRID.first


def walked(n_all: int, n_trial: int, best: "Als | None", grid: Grid = GRID) -> "list[tuple[Als, Als]]":
    """What is tried where `best` reaches the most."""
    found: dict[Als, float] = {}
    out = []
    for recommender, tried in grids.trials(grid, n_all, n_trial, BUDGET, found):
        assert recommender not in found
        found[recommender] = float(recommender == best)
        out.append((recommender, tried))
    return out


def test_the_grids_are_what_they_were():
    small = [(16, 100.0, 20.0), (128, 10.0, 60.0)]
    assert [(r.factors, r.regularization, r.alpha) for r in GRID.first] == small
    later = {
        (r.factors, r.alpha): [(one.factors, one.regularization, one.alpha) for one in GRID.after[r]]
        for r in GRID.first
    }
    assert later == {
        (16, 20.0): [(64, 200.0, 60.0), (64, 100.0, 60.0), (32, 50.0, 20.0), (16, 30.0, 3.0), (64, 10.0, 60.0)],
        (128, 60.0): [(256, 10.0, 60.0), (64, 10.0, 60.0)],
    }
    assert {(r.iterations, r.seed) for r in GRID.first} == {(15, 42)}
    spark = grids.grid("spark", "implicit").first
    assert spark[0] == AlsSpark(16, 5.0, 10.0, 10, explicit=False, seed=42)
    assert grids.grid("spark", "explicit").first[1] == AlsSpark(16, 0.3, 1.0, 10, explicit=True, seed=42)
    assert [len(grids.grid("spark", feedback).first) for feedback in ("implicit", "explicit")] == [5, 4]


@pytest.mark.parametrize("best", GRID.first, ids=["small", "large"])
def test_what_follows_depends_on_what_was_best(best):
    tried = [recommender for recommender, _ in walked(10_000, 9_000, best)]
    assert tried == [*GRID.first, *GRID.after[best]]


def test_of_equals_the_first_leads_on():
    assert [recommender for recommender, _ in walked(10_000, 9_000, None)] == [*GRID.first, *GRID.after[SMALL]]


def test_small_data_is_tried_with_all_iterations():
    assert all(recommender == tried for recommender, tried in walked(10_000, 9_000, LARGE))


@pytest.mark.parametrize("best", GRID.first, ids=["small", "large"])
@pytest.mark.parametrize("n", [650_000, 1_000_000, 5_000_000, 20_000_000])
def test_the_work_of_a_search_is_bounded_whatever_the_size(n, best):
    n_trial = min(n, BUDGET.pairs)
    tried = walked(n, n_trial, best)
    assert tried
    assert sum(n_trial * trial.factors * trial.iterations for _, trial in tried) <= BUDGET.work
    assert all(n * recommender.factors * 15 <= BUDGET.fit for recommender, _ in tried) or len(tried) == 1
    assert all(replace(trial, iterations=15) == recommender for recommender, trial in tried)


def test_as_many_factors_as_can_be_afforded_are_tried():
    assert max(recommender.factors for recommender, _ in walked(652_514, 590_000, LARGE)) == 256
    assert max(recommender.factors for recommender, _ in walked(900_000, 750_000, LARGE)) == 128
    assert max(recommender.factors for recommender, _ in walked(2_000_000, 750_000, SMALL)) == 64
    assert [recommender for recommender, _ in walked(20_000_000, 750_000, SMALL)] == [SMALL]


def test_what_is_given_holds_everywhere_and_nothing_is_tried_twice():
    tried = [recommender for recommender, _ in walked(10_000, 9_000, None, GRID.with_given({"factors": 4}))]
    assert {recommender.factors for recommender in tried} == {4}
    assert len(tried) == len(set(tried)) == 6
    alone = GRID.with_given({"factors": 4, "regularization": 2.0, "alpha": 3.0})
    assert [recommender for recommender, _ in walked(10_000, 9_000, None, alone)] == [AlsImplicit(4, 2.0, 3.0)]
