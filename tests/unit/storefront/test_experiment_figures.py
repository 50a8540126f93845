"""What may be concluded from an experiment, and from one in which both arms are the same."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from tidemark.storefront import experiment_figures, experiments
from tidemark.storefront.experiments import Arm
from tidemark.stream.engagement_figures import Interval, Rate

START = datetime(2026, 11, 1, tzinfo=UTC)
ARMS = [Arm("a", "champion", 0.5), Arm("b", "popularity", 0.5)]
PLANNED = experiments.planned("e", ARMS, START, START + timedelta(days=7), 1_000, salt="s")


def verdicts(a: Rate, b: Rate) -> list[str]:
    return [arm.verdict for arm in experiment_figures.figures(PLANNED, {"a": a, "b": b}).arms]


def test_an_experiment_of_two_arms_that_are_the_same() -> None:
    """20,000 users, each clicks with a probability of their own; the arms differ by chance alone."""
    chance = np.random.default_rng(11)
    users: dict[str, list[bool]] = {"a": [], "b": []}
    for number, taste in enumerate(chance.beta(2, 20, 20_000)):
        users[PLANNED.arm_of(f"user-{number}").name].append(bool(chance.random() < taste))
    found = experiment_figures.figures(PLANNED, {arm: Rate(len(did), sum(did)) for arm, did in users.items()})
    assert found.split_is_planned
    first, second = (Interval(arm.users.low, arm.users.high) for arm in found.arms)
    assert first.meets(second)
    assert [arm.verdict for arm in found.arms] == ["compared with", "no difference shown"]


def test_nothing_is_concluded_before_the_planned_size() -> None:
    assert verdicts(Rate(999, 0), Rate(1_000, 900)) == ["no decision yet"] * 2
    assert verdicts(Rate(0, 0), Rate(0, 0)) == ["no decision yet"] * 2
    assert verdicts(Rate(1_000, 100), Rate(1_000, 200)) == ["compared with", "better"]
    assert verdicts(Rate(1_000, 200), Rate(1_000, 100)) == ["compared with", "worse"]
    assert verdicts(Rate(1_000, 100), Rate(1_000, 105)) == ["compared with", "no difference shown"]


def test_an_uneven_split_concludes_nothing() -> None:
    assert verdicts(Rate(6_000, 100), Rate(5_000, 900)) == [experiment_figures.UNEVEN] * 2


def test_the_ratio_check_by_hand() -> None:
    """Expected 60 and 60, found 50 and 70: chi-square 100/60 + 100/60 = 3.3333, of which one degree of freedom has 0.0679."""
    assert experiment_figures.split_p(PLANNED.arms, {"a": 50, "b": 70}) == pytest.approx(0.0679, abs=5e-5)
    thirds = (Arm("a", "champion", 0.2), Arm("b", "champion", 0.1))  # of all users; the rest is in no arm
    assert experiment_figures.split_p(thirds, {"a": 200, "b": 100}) == pytest.approx(1.0)


def test_as_json() -> None:
    told = experiment_figures.figures(PLANNED, {"a": Rate(10, 5, 1)}).document()
    assert told["arms"][0]["users"] == 10
    assert told["arms"][1]["beside_first"]["low"] < 0
    assert told["split"]["as_planned"] is False or told["split"]["p"] > 0
