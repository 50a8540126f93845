"""Deleting one interaction from a real MongoDB: it and what hangs on it goes, all at once, and nothing else does."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from pymongo.errors import OperationFailure

from tidemark.contracts import conformance
from tidemark.serving.deletions import Deletion
from tidemark.settings import Settings
from tidemark.storage import mongo, tombstones
from tidemark.storefront.deleting import Deleting

NOW = datetime(2026, 1, 1, tzinfo=UTC)
REVIEW = "käthe/7:i1:1400000000"
ALL = ("interactions", "interaction_details", "reviews", "deleted_interactions")


class Told:
    """Serving, as far as it is told; `just_came` are keys that Kafka has and MongoDB has not."""

    def __init__(self) -> None:
        self.just_came: list[str] = []
        self.deletions: list[Deletion] = []

    def newer(self, user_id: str) -> list[Any]:
        return [SimpleNamespace(id=key) for key in self.just_came] if user_id == "käthe/7" else []

    def deleted(self, deletion: Deletion) -> None:
        self.deletions.append(deletion)


def deleting_of(db: Any, told: Told) -> Deleting:
    return Deleting(db, told)  # type: ignore[arg-type]


@pytest.fixture
def db(mongo_db: Settings):
    db = mongo.connect(mongo_db)
    for name in ALL:
        mongo.ensure(db, name)
    event = {"user_id": "käthe/7", "item_id": "i1", "rating": None, "weight": 1.0, "timestamp": NOW}
    for key in ("interactions-0-1", "interactions-0-11"):
        db["interactions"].insert_one(event | {"_id": key, "source": "stream"})
        db["interaction_details"].insert_one({"_id": key, "event_type": "view", "extra": "{}"})
    db["interactions"].insert_one(event | {"_id": f"review:{REVIEW}", "source": "review"})
    texts = {"title": "", "text": "", "clean_text": "", "user_name": "", "helpful_votes": 0, "release": "2018"}
    db["reviews"].insert_one(
        {"_id": REVIEW, "user_id": "käthe/7", "item_id": "i1", "rating": 5.0, "timestamp": NOW} | texts
    )
    yield db
    db.client.close()


def keys(db: Any) -> dict[str, set[str]]:
    return {name: {each["_id"] for each in db[name].find()} for name in ALL}


def test_it_goes_with_its_details_and_stays_away_and_all_else_stays(db):
    told = Told()
    deleting, before = deleting_of(db, told), keys(db)
    assert deleting.delete("käthe/7", "interactions-0-1")
    after = keys(db)
    assert after["interactions"] == before["interactions"] - {"interactions-0-1"}
    assert after["interaction_details"] == {"interactions-0-11"}
    assert (after["reviews"], after["deleted_interactions"]) == (before["reviews"], {"interactions-0-1"})
    (document,) = db["deleted_interactions"].find()
    assert conformance.reasons("deleted_interaction", document) == []
    assert told.deletions == [Deletion("interactions-0-1", "käthe/7", document["deleted_at"])]
    assert tombstones.read(db).interactions == {"interactions-0-1"}
    assert deleting.delete("käthe/7", "interactions-0-1"), "again"
    assert list(db["deleted_interactions"].find()) == [document], "the first time stands"


def test_a_review_goes_with_its_interaction(db):
    assert deleting_of(db, Told()).delete("käthe/7", f"review:{REVIEW}")
    after = keys(db)
    assert (after["reviews"], after["deleted_interactions"]) == (set(), {f"review:{REVIEW}"})
    assert f"review:{REVIEW}" not in after["interactions"]


def test_what_only_kafka_has_yet_is_deleted_before_it_is_stored(db):
    told = Told()
    told.just_came = ["interactions-2-7"]
    assert deleting_of(db, told).delete("käthe/7", "interactions-2-7")
    assert "interactions-2-7" in tombstones.read(db).interactions


@pytest.mark.parametrize(
    ("user", "key"), [("käthe", "interactions-0-1"), ("käthe/7", "interactions-0-2"), ("käthe/7", ""), ("$ne", "$gt")]
)
def test_nobody_elses_and_nothing_that_is_not_there(db, user, key):
    told, before = Told(), keys(db)
    assert not deleting_of(db, told).delete(user, key)
    assert (keys(db), told.deletions) == (before, [])


def test_cut_off_half_way_nothing_has_happened(db, monkeypatch):
    told, before = Told(), keys(db)
    deleting = deleting_of(db, told)
    whole = deleting._delete

    def cut_off(*args: Any) -> Any:
        whole(*args)
        raise OperationFailure("the worker is killed")

    monkeypatch.setattr(deleting, "_delete", cut_off)
    with pytest.raises(OperationFailure):
        deleting.delete("käthe/7", f"review:{REVIEW}")
    assert (keys(db), told.deletions) == (before, [])
