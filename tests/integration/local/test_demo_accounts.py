"""Whom the demo accounts stand for, asked of a real MongoDB."""

from datetime import UTC, datetime, timedelta

import pytest

from tidemark.local import demo_accounts
from tidemark.settings import Settings
from tidemark.storage import mongo

FIRST = datetime(2026, 1, 1, tzinfo=UTC)


def interaction(user_id: str, number: int) -> dict[str, object]:
    return {
        "_id": f"{user_id}-{number}",
        "user_id": user_id,
        "item_id": f"i{number}",
        "weight": 1.0,
        "rating": None,
        "timestamp": FIRST + timedelta(minutes=number),
        "source": "stream",
    }


def test_users_are_told_with_the_length_of_their_history(mongo_db: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    db = mongo.connect()
    assert demo_accounts.histories(db) == []
    mongo.ensure(db, "interactions")
    lengths = {"few": 1, "some": 3, "also": 3, "many": 8, demo_accounts.NOBODY_YET: 9}
    db.interactions.insert_many([interaction(user, n) for user, length in lengths.items() for n in range(length)])
    assert demo_accounts.histories(db) == [("few", 1), ("also", 3), ("some", 3), ("many", 8)]
    monkeypatch.setattr(demo_accounts, "NEWEST", 5)  # those of the minutes 3 to 7
    assert demo_accounts.histories(db) == [("many", 5)]


def test_the_newest_are_found_by_an_index(mongo_db: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    db = mongo.connect()
    mongo.ensure(db, "interactions")
    db.interactions.insert_many([interaction("one", n) for n in range(200)])
    monkeypatch.setattr(demo_accounts, "NEWEST", 10)
    db.command("profile", 2)
    demo_accounts.histories(db)
    db.command("profile", 0)
    seen = db["system.profile"].find_one({"command.aggregate": "interactions"})
    assert seen is not None
    assert seen["docsExamined"] == 10
