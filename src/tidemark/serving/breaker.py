"""A breaker: whoever does not answer is left alone for a while, so that not every thread waits for them in vain."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tidemark.errors import UnreachableError
from tidemark.storage import mongo


class Breaker:
    """Guards what is asked of MongoDB for one answer.

    Args:
        seconds: that one question may take.
        pause: seconds after a failure in which nothing is asked.
        clock: monotonic seconds.
    """

    def __init__(self, seconds: float = 1, pause: float = 5, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._pause, self._clock = seconds, pause, clock
        self._closed_until = float("-inf")

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Around a question.

        Raises:
            UnreachableError: it was not answered in time, or another one was not, less than `pause` ago.
        """
        if self._clock() < self._closed_until:
            raise UnreachableError(f"MongoDB did not answer less than {self._pause:g} s ago")
        try:
            with mongo.within(self._seconds):
                yield
        except UnreachableError:
            self._closed_until = self._clock() + self._pause
            raise
