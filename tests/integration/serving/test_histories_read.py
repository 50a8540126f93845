"""Histories of a real MongoDB: with a tail that overlaps it, page by page, and while it is away."""

from typing import Any

import pytest
from pymongo import MongoClient

from tests.support.serving_worlds import MADE_AT, events
from tidemark.errors import UnreachableError
from tidemark.serving.events import Event
from tidemark.serving.histories import Histories
from tidemark.settings import Settings
from tidemark.storage import mongo


def documents(stored: list[Event]) -> list[dict[str, object]]:
    return [
        {
            "_id": e.id,
            "user_id": e.user_id,
            "item_id": e.item_id,
            "rating": e.rating,
            "weight": e.weight,
            "timestamp": e.timestamp,
            "source": e.source,
        }
        for e in stored
    ]


def test_a_history_with_the_tail_that_is_being_stored(mongo_db: Settings) -> None:
    db = mongo.connect()
    mongo.ensure(db, "interactions")
    review = Event("review:u:z:1", "u", "z", 1.0, 4.0, MADE_AT.replace(year=2025), None, "review")
    tail = events("u", ["a", "b", "c", "a"])
    db["interactions"].insert_many(documents([review, *tail[:2], *events("another", ["q"], start=100)]))
    histories = Histories(db)
    found = histories.of("u", tail, 4)
    assert found == [*tail[::-1], review]
    db["interactions"].insert_many(documents(tail[2:]))
    assert histories.of("u", tail, 5) == found  # the ingest has caught up: nothing twice, and the same times and types
    assert histories.of("nobody") == []
    # An operator is an id like any other.
    assert histories.of('{"$ne": null}') == []


def test_pages_join_without_gap_or_overlap(mongo_db: Settings) -> None:
    """Events of one second as well, by their keys; and one that comes in between moves no page."""
    db = mongo.connect()
    mongo.ensure(db, "interactions")
    stored = [
        Event(f"k{n:02}", "u", f"i{n}", 1.0, None, MADE_AT.replace(second=n // 4), None, "stream") for n in range(20)
    ]
    db["interactions"].insert_many(documents(stored))
    histories, seen, before = Histories(db), [], None
    while page := histories.page("u", 3, before):
        seen += page
        before = page[-1].timestamp, page[-1].id
        if len(seen) == 6:
            db["interactions"].insert_many(documents(events("u", ["new"], start=9)))
    assert seen == stored[::-1]


def test_a_server_that_is_away_is_not_waited_for(mongo_db: Settings) -> None:
    """With a client that by itself would wait for ten minutes."""
    uri = mongo_db.model_copy(update={"mongo_hosts": "127.0.0.1:1"}).mongo_uri
    client: MongoClient[dict[str, Any]] = MongoClient(uri, serverSelectionTimeoutMS=600_000, tz_aware=True)
    with client:
        histories = Histories(client["tidemark"])
        with pytest.raises(UnreachableError, match="did not answer"):
            histories.of("u")
        with pytest.raises(UnreachableError, match="s ago"):
            histories.page("u")
