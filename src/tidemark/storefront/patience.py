"""How long a request waits for MongoDB: not long, for it holds one of a worker's few threads meanwhile."""

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

BREATH = 2.0
"""Seconds after MongoDB did not answer in which it is not asked again: each question would hold a thread for a second."""


@contextmanager
def brief(seconds: float = SECONDS) -> Iterator[None]:
    """Let MongoDB have `seconds` for what the block asks of it, finding a primary included.

    Raises:
        UnreachableError: it did not answer by then.
    """
    try:
        with pymongo.timeout(seconds):
            yield
    except PyMongoError as error:
        if error.timeout or isinstance(error, ConnectionFailure):
            raise UnreachableError(f"MongoDB does not answer ({type(error).__name__})") from None
        raise


class Breath:
    """Lets one question be asked of MongoDB at a time while that is away: whoever comes after one that was not answered is
    told so at once.

    Args:
        clock: seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._ask_again_at = float("-inf")

    @contextmanager
    def asking(self) -> Iterator[None]:
        """`brief`, around what is asked.

        Raises:
            UnreachableError: it was not answered, now or less than `BREATH` ago.
        """
        if self._clock() < self._ask_again_at:
            raise UnreachableError("MongoDB did not answer a moment ago")
        try:
            with brief():
                yield
        except UnreachableError:
            self._ask_again_at = self._clock() + BREATH
            raise


def ensure(db: Database[dict[str, Any]], name: str) -> None:
    """Make the collection `name`, which may take `ENSURING`; that MongoDB is away is known as soon as ever.

    Raises:
        UnreachableError: it does not answer.
    """
    with brief():
        db[name].find_one({}, {"_id": 1})
    with brief(ENSURING):
        mongo.ensure(db, name)
