"""The server's own record of what it was asked: MongoDB's profiler, which sees Spark's connector and pymongo alike, and whatever
process they run in."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.database import Database

from tidemark.local.mongo import ROOT_USER
from tidemark.settings import Settings
from tidemark.storage.mongo import COLLECTIONS, SPARK_WRITER

Document = dict[str, Any]

ROOM = 128 * 1024 * 1024
"""Bytes that the record may take; MongoDB's own default, 1 MB, forgets after a thousand writes."""


def as_root(config: Settings) -> "MongoClient[Document]":
    """A client that may look at every database of the server."""
    root = {"mongo_user": ROOT_USER, "mongo_password": config.mongo_root_password}
    return MongoClient(config.model_copy(update=root).mongo_uri_of("tidemark-tests"))


def _unroutable(database: str) -> Document:
    """What the profiler notes of writes that a router could not send to one shard: of one document, or upserts, where the shard
    key is not given a value.

    Spark's upserts are left out: they bear the shard key where `mongo_sharded` is set alone, and all are one function's, which
    `tests/integration/storage/test_mongo.py` holds.
    """
    kinds: list[Document] = []
    for name, collection in COLLECTIONS.items():
        if collection.shard_key:
            of_one = [{"command.multi": False}, {"command.upsert": True}, {"command.limit": 1}]
            wanted = {"$not": {"$type": "string"}}
            of_it = {"ns": f"{database}.{name}", "appName": {"$ne": SPARK_WRITER}}
            kinds += [
                {
                    **of_it,
                    "op": {"$in": ["update", "remove"]},
                    "$or": of_one,
                    f"command.q.{collection.shard_key}": wanted,
                },
                {**of_it, "command.findAndModify": name, f"command.query.{collection.shard_key}": wanted},
            ]
    return {"$or": kinds}


def watch(db: Database[Document]) -> None:
    """From now on the server notes every write to `db` that a router could not send to one shard. It costs nothing that can
    be measured: what is not noted is only looked at."""
    db.command("profile", 1, filter=_unroutable(db.name))


def require_routable(db: Database[Document]) -> None:
    """Fail where a write was noted since `watch`."""
    if noted := list(db["system.profile"].find(_unroutable(db.name)).limit(5)):
        said = "\n".join(f"{one['ns']} by {one.get('appName')}: {one['command']}" for one in noted)
        pytest.fail(
            f"Writes without the shard key, which a sharded MongoDB refuses or asks every shard about:\n{said}\n"
            "Name its value in the query (`Collection.key` says which field), or remove or change many.",
            pytrace=False,
        )


def collections(db: Database[Document]) -> list[str]:
    """What was stored in `db`: its collections without the server's own, of which the record is one."""
    return db.list_collection_names(filter={"name": {"$not": {"$regex": r"^system\."}}})


@contextmanager
def profiled(db: Database[Document]) -> Iterator[Callable[[str], list[Document]]]:
    """Record every command on `db`; gives a function: collection -> the updates and deletes on it, one document each.

    `command` in such a document holds the statement: `q`, what it looks for, and `u`, what it puts there.
    """
    before = db.command("profile", 0)["was"]
    require_routable(db)
    db.drop_collection("system.profile")
    db.create_collection("system.profile", capped=True, size=ROOM)
    db.command("profile", 2)

    def written(name: str) -> list[Document]:
        return list(db["system.profile"].find({"ns": f"{db.name}.{name}", "op": {"$in": ["update", "remove"]}}))

    try:
        yield written
    finally:
        db.command("profile", before)
