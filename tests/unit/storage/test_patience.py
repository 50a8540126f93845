from contextlib import ExitStack

import pytest
from pymongo.errors import OperationFailure, ServerSelectionTimeoutError

from tidemark.errors import UnreachableError
from tidemark.storage.patience import Breaker


class World:
    """A breaker, the time it goes by, and how often it let somebody ask."""

    def __init__(self, **more: bool) -> None:
        self.now, self.asked = 0.0, 0
        self.breaker = Breaker(5, 1, clock=lambda: self.now, **more)

    def ask(self, error: Exception | None = None) -> str:
        with self.breaker.asking():
            self.asked += 1
            if error:
                raise error
        return "answered"

    def fail(self) -> None:
        with pytest.raises(UnreachableError, match="within 1 s"):
            self.ask(ServerSelectionTimeoutError("no servers"))


def test_who_does_not_answer_is_not_asked_again_for_a_while():
    world = World()
    assert world.ask() == "answered"
    world.fail()
    for world.now in (0.1, 4.9):
        with pytest.raises(UnreachableError, match="less than 5 s ago"):
            world.ask()
    assert world.asked == 2
    world.now = 5.0
    assert world.ask() == "answered"
    with pytest.raises(ValueError, match="own"):  # not the server's fault
        world.ask(ValueError("own"))
    assert world.ask() == "answered"


def test_after_the_pause_one_asks_alone_and_the_others_follow_once_it_was_answered():
    world = World()
    world.fail()
    world.now = 5.0
    with world.breaker.asking():
        for world.now in (5.0, 9.9):
            with pytest.raises(UnreachableError, match="less than 5 s ago"):
                world.ask()
    with ExitStack() as together:
        for _ in range(3):
            together.enter_context(world.breaker.asking())
    world.fail()
    world.now += 5
    world.fail()
    with pytest.raises(UnreachableError, match="less than 5 s ago"):
        world.ask()


def test_one_that_asks_alone_and_says_nothing_more_holds_the_others_for_a_pause_only():
    world = World()
    world.fail()
    world.now = 5.0
    with world.breaker.asking():
        world.now = 10.0
        assert world.ask() == "answered"


@pytest.mark.parametrize("or_refused", [False, True])
def test_a_refusal_is_an_answer_unless_it_is_not_to_be(or_refused):
    world = World(or_refused=or_refused)
    with pytest.raises(UnreachableError if or_refused else OperationFailure):
        world.ask(OperationFailure("not authorized"))
    if or_refused:
        with pytest.raises(UnreachableError, match="less than 5 s ago"):
            world.ask()
    else:
        assert world.ask() == "answered"
