"""The server's own record of what it was asked: MongoDB's profiler, which sees Spark's connector and pymongo alike."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from pymongo.database import Database

Document = dict[str, Any]

ROOM = 128 * 1024 * 1024
"""Bytes that the record may take; MongoDB's own default, 1 MB, forgets after a thousand writes."""


@contextmanager
def profiled(db: Database[Document]) -> Iterator[Callable[[str], list[Document]]]:
    """Record every command on `db`; gives a function: collection -> the updates and deletes on it, one document each.

    `command` in such a document holds the statement: `q`, what it looks for, and `u`, what it puts there.
    """
    db.command("profile", 0)
    db.drop_collection("system.profile")
    db.create_collection("system.profile", capped=True, size=ROOM)
    db.command("profile", 2)

    def written(name: str) -> list[Document]:
        return list(db["system.profile"].find({"ns": f"{db.name}.{name}", "op": {"$in": ["update", "remove"]}}))

    try:
        yield written
    finally:
        db.command("profile", 0)
