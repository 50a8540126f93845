"""API keys, of which workers hold all: good through an outage, and refused everywhere soon after they were revoked."""

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo.database import Database
from pymongo.errors import WriteError

from tests.support.signed_in import Away
from tests.support.waiting import eventually
from tidemark.errors import AccountError, UnreachableError
from tidemark.settings import Settings
from tidemark.storage import mongo, patience
from tidemark.storefront import api_keys as module
from tidemark.storefront import audit
from tidemark.storefront.api_keys import ApiKeys


@pytest.fixture
def db(mongo_db: Settings) -> Database[dict[str, Any]]:
    return mongo.connect(mongo_db)


@pytest.fixture
def workers(db):
    """Two workers that read often."""
    made = [ApiKeys(db, rate=600, read_every=0.1) for _ in range(2)]
    yield made
    for keys in made:
        keys.close()


def test_a_key_is_good_at_once_in_every_worker_and_its_secret_is_stored_nowhere(db, workers):
    here, there = workers
    assert there.check("tm_" + "0" * 12 + "_" + "a" * 43) is None
    text, made = here.add("the newsletter", ["write", "read", "read"])
    assert here.check(text).id == made.id
    assert (made.scopes, made.rate) == ({"read", "write"}, 600)
    assert (made.may("read"), made.may("admin")) == (True, False)
    # Made up ones have it read once a second at most, so a worker that has just been asked for one may need that second.
    assert eventually(lambda: there.check(text), 30, "the key is not known elsewhere").id == made.id
    (document,) = db["api_keys"].find()
    assert text.split("_", 2)[2] not in str(document)
    assert document["scopes"] == ["read", "write"]
    with pytest.raises(WriteError):
        db["api_keys"].update_one({}, {"$set": {"scopes": ["root"]}})


def test_another_secret_of_the_same_key_is_refused(workers):
    here, _ = workers
    text, _ = here.add("a", ["admin"])
    assert here.check(text).may("write")
    for other in (text[:-1] + ("a" if text[-1] != "a" else "b"), text[:16] + "a" * 43):
        assert here.check(other) is None


def test_a_revoked_key_is_refused_here_at_once_and_elsewhere_soon(workers, caplog):
    caplog.set_level(logging.INFO, audit.LOGGER)
    here, there = workers
    text, made = here.add("a", ["read"])
    assert here.check(text)
    eventually(lambda: there.check(text), 30, "the key is not known elsewhere")
    here.revoke(made.id)
    assert here.check(text) is None
    eventually(lambda: there.check(text) is None, 30, "the key is good elsewhere")
    for _ in range(100):
        here.check(text)
    lines = [record.getMessage() for record in caplog.records if record.name == audit.LOGGER]
    assert len(lines) == 2, "one of each worker, and not one for each request"
    assert all(made.id in line and "revoked" in line and text not in line for line in lines)
    for key_id in (made.id, "nothing"):
        with pytest.raises(AccountError):
            here.revoke(key_id)
    assert [key.revoked_at is not None for key in here.list()] == [True]


def test_ten_seconds_are_enough_for_a_revoked_key():
    assert module.READ_EVERY + patience.SECONDS < 10


def test_a_key_ends_when_it_was_to(db, workers, caplog):
    caplog.set_level(logging.INFO, audit.LOGGER)
    here, _ = workers
    text, made = here.add("a", ["read"], lasts=timedelta(days=1))
    assert here.check(text)
    db["api_keys"].update_one({"_id": made.id}, {"$set": {"expires_at": datetime.now(UTC)}})
    eventually(lambda: here.check(text) is None, 30, "the key is good for ever")
    assert "expired" in caplog.text
    assert text not in caplog.text


def test_all_keys_hold_while_mongodb_is_away_and_none_where_none_was_ever_read(db, workers):
    here, there = workers
    text, _ = here.add("a", ["read"])
    assert here.check(text)
    here._db = there._db = Away()
    here._read()
    assert here.check(text)
    with pytest.raises(UnreachableError):
        there.check(text)
    there._db = db
    eventually(lambda: there._held, 30, "the keys are not read when it is back")
    assert there.check(text)


def test_made_up_keys_do_not_have_mongodb_asked_each_time(workers, monkeypatch):
    here, _ = workers
    here.check("tm_" + "0" * 12 + "_" + "a" * 43)
    here.close()
    read: list[int] = []
    monkeypatch.setattr(here, "_read", lambda: read.append(1))
    at = here._tried_at = module.time.monotonic()
    monkeypatch.setattr(module.time, "monotonic", lambda: at)
    for n in range(1_000):
        assert here.check(f"tm_{n:012x}_" + "a" * 43) is None
    assert not read


def test_the_last_use_is_written_down_by_the_minute_and_not_by_the_request(db, workers):
    here, there = workers
    text, made = here.add("a", ["read"])
    here.check(text)
    first = eventually(lambda: db["api_keys"].find_one()["used_at"], 30, "no use is written down")
    for keys in workers:
        keys.check(text)
        keys._read()
        keys._write_uses()
    assert db["api_keys"].find_one()["used_at"] == first
    db["api_keys"].update_one({}, {"$set": {"used_at": first - timedelta(minutes=2)}})
    there.check(text)
    there._read()
    there._write_uses()
    assert db["api_keys"].find_one()["used_at"] >= first - timedelta(seconds=1)
    assert here.list()[0].id == made.id


def test_a_key_may_have_a_rate_of_its_own(workers):
    here, _ = workers
    text, _ = here.add("slow", ["read"], rate=1)
    key = here.check(text)
    assert here.wait(key) == 0
    assert 0 < here.wait(key) <= 60


@pytest.mark.parametrize(
    ("name", "scopes", "more"),
    [
        ("a", [], {}),
        ("a", ["root"], {}),
        ("", ["read"], {}),
        ("a" * 101, ["read"], {}),
        ("a\nb", ["read"], {}),
        ("a", ["read"], {"lasts": timedelta(0)}),
        ("a", ["read"], {"rate": 0}),
    ],
)
def test_what_cannot_be_is_refused(name, scopes, more):
    with pytest.raises(AccountError):
        ApiKeys(db=None).add(name, scopes, **more)  # type: ignore[arg-type]
