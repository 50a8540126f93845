"""What the gate would have decided, and whether the future proved it right."""

import pytest

from tests.support import tastes
from tidemark.backtest import gate_trials, measuring
from tidemark.backtest.measuring import Past
from tidemark.backtest.origins import plan
from tidemark.models.als_implicit import AlsImplicit
from tidemark.models.popularity import Popularity

PAIRS = tastes.tastes(n_users=400, n_pairs=9_000)
PLAN = plan(len(PAIRS), 300, 1)
PAST = Past(PAIRS, PLAN)
GOOD = AlsImplicit(8, 1.0, 20.0)


@pytest.fixture(scope="module")
def found():
    """A good champion, against itself, and against popularity, which is worse where there are tastes."""
    origin = PLAN.origins[0]
    then = measuring.train(GOOD, PAST.part(0, origin))
    return gate_trials.trials(PAST, origin, GOOD, then, [GOOD, Popularity()])


def test_each_recipe_is_weighed_once(found):
    assert [one.candidate.split(":")[0] for one in found] == ["als_implicit", "popularity"]
    assert {one.lead.users for one in found} == {len(PAST.moment(PLAN.origins[0], 1).users)}


def test_the_worse_model_is_kept_out_and_the_future_agrees(found):
    worse = found[1]
    assert not worse.published
    assert worse.lead.mean < 0
    assert worse.verdict == "right"


def test_the_same_recipe_trained_anew_is_not_thrown_away(found):
    assert found[0].published
    assert found[0].verdict in ("right", "open")


def test_where_nobody_can_be_measured_there_is_no_trial():
    rows = tastes.frame([(f"u{n:03}", f"i{n % 7}") for n in range(400)])
    pairs = tastes.from_frame(rows)
    made = plan(len(pairs), 10, 1)
    past = Past(pairs, made)
    then = measuring.train(Popularity(), past.part(0, made.origins[0]))
    assert gate_trials.trials(past, made.origins[0], Popularity(), then, [GOOD]) == []
