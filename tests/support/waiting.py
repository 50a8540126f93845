"""Waiting for what must come about, and no longer than it takes."""

import time
from collections.abc import Callable
from typing import TypeVar

Answer = TypeVar("Answer")


def eventually(
    what: Callable[[], Answer], timeout: float, message: Callable[[], str] | str, every: float = 0.05
) -> Answer:
    """Wait until `what()` holds, and give what it gave; after `timeout` seconds the test fails with `message`.

    `every` so many seconds it is asked: seldom, where the answer costs a server work that the test waits for.
    """
    deadline = time.monotonic() + timeout
    while not (answer := what()):
        if time.monotonic() > deadline:
            raise AssertionError(message if isinstance(message, str) else message())
        time.sleep(every)
    return answer
