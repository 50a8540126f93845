"""Who is in which arm, what may be planned, and what happens while MongoDB is away."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo.errors import AutoReconnect

from tests.support.waiting import eventually
from tidemark.cli.experiments import arms_of
from tidemark.contracts import conformance
from tidemark.errors import BadInputError
from tidemark.storefront import experiments
from tidemark.storefront.experiments import Arm, Assignment, Experiment, Experiments

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
ARMS = (Arm("control", "champion", 0.5), Arm("old", "20260101T000000-0a0a0a0a", 0.25), Arm("most", "popularity", 0.25))


def experiment(**fields: Any) -> Experiment:
    given: dict[str, Any] = {
        "start": NOW,
        "end": NOW + timedelta(days=7),
        "users": 100,
        "salt": "s",
        "arms": ARMS,
        "name": "e",
    }
    given |= fields
    return experiments.planned(**given)


class Store:
    """As much of a database as `Experiments` asks."""

    def __init__(self, *there: Experiment) -> None:
        self.there, self.asked, self.away = list(there), 0, False

    def __getitem__(self, name: str) -> "Store":
        return self

    def find(self, _query: object) -> list[dict[str, Any]]:
        self.asked += 1
        if self.away:
            raise AutoReconnect
        return [each.document() for each in self.there]


def known(store: Store, clock: list[float]) -> Experiments:
    return Experiments(lambda: store, clock=lambda: clock[0])  # type: ignore[arg-type, return-value]


def test_an_arm_is_the_same_everywhere() -> None:
    """By hand: SHA-256 of `salt`, 0 and the user begins with 0.2943 of all for user1, with 0.9312 for user."""
    assert [experiment().arm_of(f"u{n}").name for n in range(6)] == [
        experiment(name="other").arm_of(f"u{n}").name for n in range(6)
    ]
    halves = [Arm("a", "champion", 0.5), Arm("b", "champion", 0.5)]
    assert [experiments.arm_of("salt", halves, user).name for user in ("user", "user1")] == ["b", "a"]
    split = [experiments.arm_of("t", ARMS, f"u{n}") != experiments.arm_of("s", ARMS, f"u{n}") for n in range(1_000)]
    assert 400 < sum(split) < 800  # another salt is another split


def test_whom_no_arm_has() -> None:
    small = experiment(arms=(Arm("a", "champion", 0.05), Arm("b", "popularity", 0.05)))
    inside = sum(small.arm_of(f"u{n}") is not None for n in range(10_000))
    assert 900 < inside < 1_100
    thirds = [Arm(name, "champion", 1 / 3) for name in "abc"]
    assert all(experiments.arm_of("s", thirds, f"u{n}") is not None for n in range(1_000))
    assert experiments.arm_of("s", [Arm("a", "champion", 1.0)], "\ud800") is not None


def test_assignments() -> None:
    store, clock = Store(experiment()), [0.0]
    running = known(store, clock)
    found = {running.assign(f"u{n}", now=NOW) for n in range(50)}
    assert found == {
        Assignment("e/control"),
        Assignment("e/old", ARMS[1].model),
        Assignment("e/most", popularity=True),
    }
    assert (store.asked, running.fallbacks) == (1, 0)
    user = next(f"u{n}" for n in range(50) if running.assign(f"u{n}", now=NOW).arm == "e/old")
    outside = Assignment("champion")
    assert running.assign(user, acting="presenter", now=NOW) == outside
    assert running.assign(None, now=NOW) == outside
    assert running.assign(user, now=NOW + timedelta(days=8)) == outside


def test_who_follows_lets_no_request_read() -> None:
    now = datetime.now(UTC)
    store, clock = Store(experiment(start=now - timedelta(days=1), end=now + timedelta(days=1))), [0.0]
    running = known(store, clock)
    running.follow()
    try:
        eventually(lambda: running.assign("u").arm != "champion", 10, "it is not read")
        asked, clock[0] = store.asked, 60.0
        assert running.assign("u").arm != "champion"
        assert store.asked == asked
    finally:
        running.close()


def test_a_stop_is_seen_and_an_outage_is_survived() -> None:
    store, clock = Store(experiment()), [0.0]
    running = known(store, clock)
    assert running.running(NOW) is not None
    store.away, clock[0] = True, 60.0
    assert running.running(NOW) is not None
    assert running.problem == "AutoReconnect"
    asked = store.asked
    assert running.running(NOW) is not None
    assert store.asked == asked  # not asked again at once
    store.away, clock[0] = False, 120.0
    store.there = []
    assert running.running(NOW) is None
    assert running.problem == ""


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"name": "E!"}, "pattern|match"),
        ({"arms": ARMS[:1]}, "too short|non-empty|fewer"),
        ({"arms": (ARMS[0], ARMS[0])}, "same name"),
        ({"arms": (Arm("a", "champion", 0.7), Arm("b", "champion", 0.7))}, "at most 1"),
        ({"arms": (Arm("a", "champion", 0.0), Arm("b", "champion", 0.7))}, "over 0"),
        ({"end": NOW}, "after it starts"),
        ({"end": NOW + timedelta(days=91)}, "90 days"),
        ({"users": 0}, "planned"),
    ],
)
def test_what_cannot_be_planned_is_refused_in_a_sentence(wrong: dict[str, Any], why: str) -> None:
    with pytest.raises(BadInputError, match=why):
        experiment(**wrong)


def test_an_experiment_goes_through_its_document() -> None:
    made = experiment()
    assert conformance.reasons("experiment", made.document()) == []
    assert Experiment.from_document(made.document()) == made
    assert len(experiment(salt="").salt) == 32


def test_arms_as_they_are_typed() -> None:
    assert arms_of(["a=champion:0.9", "b=popularity:0.1"]) == [Arm("a", "champion", 0.9), Arm("b", "popularity", 0.1)]
    assert [arm.share for arm in arms_of(["a=champion", "b=popularity"])] == [0.5, 0.5]
    for text in ("a", "a=", "=champion:1", "a=champion:many", "a=champion:2", "a=champion:nan"):
        with pytest.raises(Exception, match="give name=model:share"):
            arms_of([text])
