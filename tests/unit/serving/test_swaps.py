"""Which model answers: the states and what moves between them, with a registry and a loader that do as they are told."""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tidemark.errors import NoChampionError, PackError, UnreachableError
from tidemark.serving.loading import HOST, MONGODB, REGISTRY, Live
from tidemark.serving.swaps import Swaps

A, B, C = "20260101T000000-0000000a", "20260102T000000-0000000b", "20260103T000000-0000000c"


class Tail:
    """In place of a tail: whether it was closed."""

    def __init__(self) -> None:
        self.closed = False

    def close(self) -> None:
        assert not self.closed
        self.closed = True


def live(model_id: str, pack_from: str = REGISTRY, **more: Any) -> Live:
    about = SimpleNamespace(dag="retrain_recommender", run_id=f"run of {model_id}")
    model = SimpleNamespace(
        model_id=model_id, pack=SimpleNamespace(about=about), made_at=datetime(2026, 1, 1, tzinfo=UTC)
    )
    return Live(cast("Any", model), cast("Any", "items"), cast("Any", Tail()), pack_from, 0, **more)


@dataclass
class World:
    """A registry and its packs, and a clock; what is wrong with them is set by the tests."""

    at: str | None = None
    away: bool = False
    now: float = 0.0

    def __post_init__(self) -> None:
        self.broken: dict[str, Exception] = {}
        self.host: list[str] = []
        self.kept = {A, B, C}
        self.asked: Counter[str] = Counter()
        self.made: list[Live] = []
        self.dropped: list[set[str]] = []
        self.changed = False
        self.swaps = Swaps(self, 2, clock=lambda: self.now)

    def _made(self, one: Live) -> Live:
        self.made.append(one)
        return one

    def pointer(self) -> str | None:
        if self.away:
            raise UnreachableError("MongoDB does not answer")
        return self.at

    def load(self, model_id: str, catching_up: float = 5) -> Live:
        self.asked[model_id] += 1
        if model_id not in self.kept:
            raise NoChampionError(f"{model_id} is not kept")
        if model_id in self.broken:
            raise self.broken[model_id]
        return self._made(live(model_id))

    def stand_in(self, model_id: str) -> Live:
        if self.away or model_id not in self.kept:
            raise UnreachableError("MongoDB does not answer")
        return self._made(live(model_id, MONGODB, final=False))

    def of_host(self) -> Live | None:
        return self._made(live(self.host[-1], HOST)) if self.host else None

    def with_changes(self, one: Live) -> Live:
        return replace(one, catalogue=cast("Any", "items, changed")) if self.changed else one

    def staying(self) -> set[str]:
        return self.kept

    def drop_packs(self, keep: set[str]) -> list[str]:
        self.dropped.append(keep)
        return []

    def answers(self) -> str | None:
        """Look, and give the model that then answers."""
        self.swaps.look()
        return self.swaps.live.model_id if self.swaps.live else None

    def open_tails(self) -> int:
        return sum(not cast("Any", one.tail).closed for one in self.made)


def test_it_follows_the_pointer_there_and_back():
    world = World(A)
    assert [world.answers(), world.answers()] == [A, A]
    assert world.asked[A] == 1
    world.at = B
    before = world.swaps.live
    assert world.answers() == B
    assert before.model_id == A  # who was at an answer still has it
    world.at = A
    assert world.answers() == A
    assert (world.swaps.swaps, world.swaps.failures, world.swaps.problem) == (2, 0, "")
    assert world.open_tails() == 1
    assert world.dropped[-1] == {A, B, C}


def test_what_answers_before_and_after_are_the_only_two_whose_packs_always_stay():
    world = World(A)
    world.answers()
    world.kept = {C}
    world.at = C
    world.answers()
    assert world.dropped[-1] == {A, C}


def test_where_there_is_no_champion_nothing_answers_and_that_is_known():
    world = World(None)
    assert not world.swaps.ready
    assert world.answers() is None
    assert world.swaps.ready
    world.at = A
    assert world.answers() == A
    world.at = None  # the registry was emptied
    assert world.answers() is None
    assert world.swaps.ready
    assert world.open_tails() == 0


@pytest.mark.parametrize(
    "error", [PackError("corrupt"), UnreachableError("away"), OSError(28, "no space"), ValueError()]
)
def test_a_pack_that_cannot_be_had_is_tried_again_later_and_later_while_the_old_one_answers(error):
    world = World(A)
    world.answers()
    world.at, world.broken[B] = B, error
    tries = []
    for second in range(0, 400):
        world.now = float(second)
        assert world.answers() == A
        if world.asked[B] > len(tries):
            tries.append(second)
    assert [b - a for a, b in pairwise(tries)] == [1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60]
    assert world.swaps.failures == len(tries)
    assert B in world.swaps.problem
    del world.broken[B]
    world.now += 60
    assert world.answers() == B
    assert world.swaps.problem == ""


def test_a_pointer_that_moves_on_is_followed_at_once():
    world = World(A)
    world.answers()
    world.at, world.broken[B] = B, PackError("missing")
    for _ in range(3):
        assert world.answers() == A
    assert world.asked[B] == 1
    world.at = C
    assert world.answers() == C
    assert world.swaps.problem == ""
    world.at = B  # back at the broken one: it is tried at once again, and from the first wait on
    world.answers()
    assert world.asked[B] == 2
    world.now += 1
    world.answers()
    assert world.asked[B] == 3


def test_a_roll_back_while_the_new_one_cannot_be_had_is_no_swap():
    world = World(A)
    world.answers()
    world.at, world.broken[B] = B, PackError("missing")
    world.answers()
    world.at = A
    assert world.answers() == A
    assert (world.swaps.swaps, world.swaps.problem) == (0, "")


def test_where_nothing_answers_yet_the_lists_in_mongodb_stand_in_until_the_pack_is_there():
    world = World(A)
    world.broken[A] = PackError("corrupt")
    assert world.answers() == A
    assert world.swaps.live.pack_from == MONGODB
    assert (world.swaps.without_pack, world.swaps.failures) == (1, 1)
    assert world.answers() == A
    assert world.asked[A] == 1
    del world.broken[A]
    world.now += 1
    world.answers()
    assert world.swaps.live.pack_from == REGISTRY
    assert world.open_tails() == 1


def test_mongodb_away_at_the_start_the_newest_pack_of_the_host_answers():
    world = World(B, away=True)
    assert world.answers() is None
    assert not world.swaps.ready
    world.host = [A]
    assert world.answers() == A
    assert world.swaps.live.pack_from == HOST
    assert world.swaps.ready
    assert world.swaps.pointer_seen_at is None
    world.away = False
    assert world.answers() == B
    assert world.swaps.pointer_seen_at is not None
    world.away = True
    assert world.answers() == B


def test_a_stand_in_of_the_host_is_what_is_wanted():
    world = World(A, away=True)
    world.host = [A]
    world.answers()
    world.away = False
    assert world.answers() == A
    assert world.asked[A] == 0


def test_kept_models_are_loaded_when_first_asked_for_and_so_many_are_held():
    world = World(A)
    world.answers()
    assert world.swaps.of(None) is world.swaps.live is world.swaps.of(A)
    first = world.swaps.of(B)
    assert world.swaps.of(B) is first
    assert world.asked[B] == 1
    assert world.swaps.made_by(B) == {"dag": "retrain_recommender", "run_id": f"run of {B}"}
    assert world.swaps.made_by(C) == {}
    world.kept |= {"d"}
    world.swaps.of(C)
    world.swaps.of("d")
    assert cast("Any", first.tail).closed
    assert world.open_tails() == 3
    world.swaps.close()
    assert world.open_tails() == 0


def test_a_kept_model_that_goes_live_is_not_loaded_twice():
    world = World(A)
    world.answers()
    named = world.swaps.of(B)
    world.at = B
    world.answers()
    assert world.swaps.live is named
    assert world.asked[B] == 1
    assert not cast("Any", named.tail).closed


def test_a_model_that_is_no_longer_kept_is_let_go():
    world = World(A)
    world.answers()
    named = world.swaps.of(B)
    world.kept = {A, C}
    world.at = C
    world.answers()
    assert cast("Any", named.tail).closed
    with pytest.raises(NoChampionError):
        world.swaps.of(B)


def test_a_model_that_nobody_knows_is_asked_for_once_in_a_while():
    world = World(A)
    world.answers()
    for _ in range(3):
        with pytest.raises(NoChampionError, match="not kept"):
            world.swaps.of("unheard")
    assert world.asked["unheard"] == 1
    world.now += 5
    with pytest.raises(NoChampionError):
        world.swaps.of("unheard")
    assert world.asked["unheard"] == 2


def test_changes_lie_over_what_answers_and_what_was_asked_for():
    world = World(A)
    world.answers()
    world.swaps.of(B)
    world.swaps.overlay()
    assert world.swaps.live.catalogue == "items"
    world.changed = True
    world.swaps.overlay()
    assert world.swaps.live.catalogue == world.swaps.of(B).catalogue == "items, changed"


def test_changes_of_what_was_swapped_meanwhile_do_not_bring_it_back(monkeypatch):
    world = World(A)
    world.answers()
    world.changed = True
    overlay = world.with_changes

    def swapped_meanwhile(one: Live) -> Live:
        changed = overlay(one)
        world.at = B
        world.answers()
        return changed

    monkeypatch.setattr(world, "with_changes", swapped_meanwhile)
    world.swaps.overlay()
    assert world.swaps.live.model_id == B


def test_a_named_model_that_cannot_be_had_is_not_asked_for_by_every_request():
    world = World(A)
    world.answers()
    world.broken[B] = PackError("torn")
    for _ in range(3):
        with pytest.raises(PackError, match="torn"):
            world.swaps.of(B)
    assert world.asked[B] == 1
    world.now += 6
    del world.broken[B]
    assert world.swaps.of(B).model_id == B
