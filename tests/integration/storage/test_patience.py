"""A MongoDB that does not answer is told from one that refuses, and soon."""

import time

import pytest
from pymongo import MongoClient
from pymongo.errors import DuplicateKeyError

from tidemark.errors import UnreachableError
from tidemark.settings import Settings
from tidemark.storage import mongo, patience
from tidemark.storage.patience import brief


def test_no_server_is_waited_for_as_long_as_is_said_and_not_as_the_client_would():
    with MongoClient("127.0.0.1", 1, serverSelectionTimeoutMS=600_000) as client:
        started = time.monotonic()
        with pytest.raises(UnreachableError, match=r"did not answer within 0\.2 s"), brief(0.2):
            client["nowhere"]["nothing"].find_one()
        assert time.monotonic() - started < 300


def test_a_server_that_is_too_slow_does_not_answer(mongo_db: Settings):
    db = mongo.connect(mongo_db)
    db["slow"].insert_one({})
    with pytest.raises(UnreachableError), brief(0.2):
        list(db["slow"].find({"$where": "sleep(60000) || true"}))


def test_what_a_server_refuses_is_no_outage(mongo_db: Settings):
    db = mongo.connect(mongo_db)
    db["once"].insert_one({"_id": 1})
    with pytest.raises(DuplicateKeyError), brief():
        db["once"].insert_one({"_id": 1})
    with pytest.raises(UnreachableError, match="DuplicateKeyError"), brief(or_refused=True):
        db["once"].insert_one({"_id": 1})


def test_a_collection_is_made_and_no_server_is_waited_for_as_long_as_the_making_may_take(mongo_db: Settings):
    db = mongo.connect(mongo_db)
    patience.ensure(db, "sessions")
    assert "expires_at_1" in db["sessions"].index_information()
    with MongoClient("127.0.0.1", 1, serverSelectionTimeoutMS=600_000) as client:
        started = time.monotonic()
        with pytest.raises(UnreachableError):
            patience.ensure(client["nowhere"], "sessions")
        assert time.monotonic() - started < 300
