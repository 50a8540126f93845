"""How long a request waits for MongoDB: not long, for it holds one of a worker's few threads meanwhile."""

from collections.abc import Iterator
from contextlib import contextmanager

import pymongo
from pymongo.errors import ConnectionFailure, PyMongoError

from tidemark.errors import UnreachableError

SECONDS = 1.0
"""Of all the commands of one block together. A find by `_id` takes half a millisecond; what takes a second will not come."""


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
