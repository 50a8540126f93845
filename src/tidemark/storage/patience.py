"""How long MongoDB is waited for by whoever cannot wait: a request holds one of a worker's few threads meanwhile."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pymongo
from pymongo.database import Database
from pymongo.errors import ConnectionFailure, PyMongoError

from tidemark.errors import UnreachableError
from tidemark.storage import mongo

SECONDS = 1.0
"""Of all the commands of one block together. A find by `_id` takes half a millisecond; what takes a second will not come."""

ENSURING = 10.0
"""Seconds that a collection may take to be made, once in a worker's life."""


@contextmanager
def brief(seconds: float = SECONDS, *, or_refused: bool = False) -> Iterator[None]:
    """Let MongoDB have `seconds` for what the block asks of it, finding a primary included.

    Args:
        seconds: at most.
        or_refused: whether what MongoDB refuses counts as not answered too, for who has something to go on with. Else it is
            raised as it is: a refusal is wrong, and does not pass by waiting.

    Raises:
        UnreachableError: it did not answer by then.
    """
    try:
        with pymongo.timeout(seconds):
            yield
    except PyMongoError as error:
        if or_refused or error.timeout or isinstance(error, ConnectionFailure):
            raise UnreachableError(f"MongoDB did not answer within {seconds:g} s ({type(error).__name__})") from None
        raise


class Breaker:
    """Leaves MongoDB alone for a while after it did not answer: whoever comes meanwhile is told so at once, for each question
    would hold a thread for `seconds`. After the pause one alone asks; the others follow once that one was answered.

    Args:
        pause: seconds after one that was not answered in which nothing is asked.
        seconds, or_refused: see `brief`.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        pause: float,
        seconds: float = SECONDS,
        *,
        or_refused: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pause, self._seconds, self._or_refused, self._clock = pause, seconds, or_refused, clock
        self._lock = threading.Lock()
        self._paused_until = float("-inf")

    @contextmanager
    def asking(self) -> Iterator[None]:
        """`brief`, around what is asked.

        Raises:
            UnreachableError: it was not answered, now or less than `pause` ago.
        """
        self._pass()
        paused_until = float("-inf")
        try:
            with brief(self._seconds, or_refused=self._or_refused):
                yield
        except UnreachableError:
            paused_until = self._clock() + self._pause
            raise
        finally:
            with self._lock:
                self._paused_until = paused_until

    def _pass(self) -> None:
        """Let nobody by during the pause, and one alone after it."""
        with self._lock:
            now = self._clock()
            if now < self._paused_until:
                raise UnreachableError(f"MongoDB did not answer less than {self._pause:g} s ago")
            if self._paused_until > float("-inf"):
                self._paused_until = now + self._pause


def ensure(db: Database[dict[str, Any]], name: str) -> None:
    """Make the collection `name`, which may take `ENSURING`; that MongoDB is away is known as soon as ever.

    Raises:
        UnreachableError: it does not answer.
    """
    with brief():
        db[name].find_one({}, {"_id": 1})
    with brief(ENSURING):
        mongo.ensure(db, name)
