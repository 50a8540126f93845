"""The watch that every test's database is under notes each write that a router could not send to one shard, and no other."""

from collections.abc import Callable
from typing import Any

import pytest
from pymongo import ReplaceOne, UpdateOne
from pymongo.collection import Collection

from tests.support import profiling
from tidemark.settings import Settings
from tidemark.storage import mongo

Stored = Collection[dict[str, Any]]

CHANGE = {"$set": {"rating": 1.0}}
UNROUTABLE: dict[str, Callable[[Stored], object]] = {
    "update": lambda c: c.update_one({"_id": "a"}, CHANGE),
    "upsert": lambda c: c.bulk_write(
        [UpdateOne({"_id": "a"}, CHANGE), ReplaceOne({"_id": "a"}, {"item_id": "i"}, upsert=True)]
    ),
    "upsert of many": lambda c: c.update_many({"_id": "b"}, {"$setOnInsert": {"item_id": "i"}}, upsert=True),
    "a choice of shard keys": lambda c: c.delete_one({"_id": "a", "item_id": {"$in": ["i", "j"]}}),
    "deletion": lambda c: c.delete_one({"_id": "a"}),
    "find and update": lambda c: c.find_one_and_update({"_id": "a"}, CHANGE),
    "find and delete": lambda c: c.find_one_and_delete({"_id": "a"}),
}


@pytest.mark.parametrize("write", UNROUTABLE.values(), ids=UNROUTABLE.keys())
def test_a_write_without_the_shard_key_is_noted(mongo_db: Settings, write: Callable[[Stored], object]) -> None:
    db = mongo.connect()
    db["interactions"].insert_one({"_id": "a", "item_id": "i"})
    write(db["interactions"])
    with pytest.raises(pytest.fail.Exception, match=r"interactions by tidemark: .*'_id': '[ab]'"):
        profiling.require_routable(db)
    was = db.command("profile", 0)["was"]  # or this very test would fail by it
    db.drop_collection("system.profile")
    assert was == 1


def test_a_write_of_a_transaction_is_noted(mongo_db: Settings) -> None:
    db = mongo.connect()
    db["reviews"].insert_one({"_id": "a", "item_id": "i"})
    with db.client.start_session() as session:
        session.with_transaction(lambda inside: db["reviews"].update_one({"_id": "a"}, CHANGE, session=inside))
    with pytest.raises(pytest.fail.Exception, match="reviews by tidemark"):
        profiling.require_routable(db)
    db.command("profile", 0)
    db.drop_collection("system.profile")


def test_what_a_router_can_send_is_not_noted(mongo_db: Settings) -> None:
    db = mongo.connect()
    interactions = db["interactions"]
    interactions.bulk_write([ReplaceOne({"_id": "a", "item_id": "i"}, {"item_id": "i"}, upsert=True)])
    interactions.update_one({"_id": "a", "item_id": "i"}, CHANGE)
    interactions.find_one_and_update({"_id": "a", "item_id": "i"}, CHANGE)
    interactions.update_many({"_id": "a"}, CHANGE)
    interactions.delete_many({"_id": "a"})
    db["products"].update_one({"_id": "i"}, {"$set": {"title": "t"}}, upsert=True)
    db["accounts"].delete_one({"user_id": "u"})  # not sharded
    profiling.require_routable(db)
