import pytest
from pymongo.errors import ServerSelectionTimeoutError

from tidemark.errors import UnreachableError
from tidemark.serving.breaker import Breaker


def test_who_does_not_answer_is_not_asked_again_for_a_while():
    now, asked = 0.0, 0

    def ask(error: Exception | None = None) -> str:
        nonlocal asked
        with breaker.asking():
            asked += 1
            if error:
                raise error
            return "answered"

    breaker = Breaker(1, 5, clock=lambda: now)
    assert ask() == "answered"
    with pytest.raises(UnreachableError, match="within 1 s"):
        ask(ServerSelectionTimeoutError("no servers"))
    for now in (0.1, 4.9):  # noqa: B007 # the breaker reads it
        with pytest.raises(UnreachableError, match="less than 5 s ago"):
            ask()
    assert asked == 2
    now = 5.0
    assert ask() == "answered"
    with pytest.raises(ValueError, match="own"):  # not the server's fault
        ask(ValueError("own"))
    assert ask() == "answered"
