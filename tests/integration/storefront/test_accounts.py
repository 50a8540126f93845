"""Accounts in MongoDB: whoever is refused costs what who is let in costs, and one process hashes one password at a time."""

import threading
from typing import Any

import pytest
from argon2 import PasswordHasher
from pymongo.database import Database
from pymongo.errors import WriteError

from tests.support.signed_in import EMAIL, PASSWORD
from tests.support.waiting import eventually
from tidemark.errors import AccountError, BusyError
from tidemark.settings import Settings
from tidemark.storage import mongo
from tidemark.storefront import accounts as module
from tidemark.storefront.accounts import Accounts
from tidemark.storefront.sessions import Sessions


@pytest.fixture
def db(mongo_db: Settings) -> Database[dict[str, Any]]:
    return mongo.connect(mongo_db)


def test_an_account_is_made_found_listed_and_removed(db):
    accounts = Accounts(db)
    made = accounts.add(" Anna@Tidemark.example", PASSWORD, "presenter", "u1")
    assert (made.email, made.role, made.user_id) == (EMAIL, "presenter", "u1")
    assert accounts.add("bea@tidemark.example", PASSWORD).user_id.startswith("shopper-")
    assert [a.email for a in accounts.list()] == [EMAIL, "bea@tidemark.example"]
    with pytest.raises(AccountError, match="already"):
        accounts.add("ANNA@tidemark.example", "another password")
    assert accounts.get("anna@TIDEMARK.example").user_id == "u1"
    assert accounts.get("nobody at all") is None
    accounts.remove(EMAIL)
    assert accounts.get(EMAIL) is None
    for change in (accounts.remove, lambda email: accounts.change_password(email, PASSWORD)):
        with pytest.raises(AccountError, match="not there"):
            change(EMAIL)


def test_what_is_stored_is_no_password_and_satisfies_the_contract(db):
    Accounts(db).add(EMAIL, PASSWORD)
    (document,) = db["accounts"].find()
    assert PASSWORD not in str(document)
    assert document["password"].startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    with pytest.raises(WriteError):
        db["accounts"].update_one({}, {"$set": {"password": PASSWORD}})
    with pytest.raises(WriteError):
        db["accounts"].update_one({}, {"$set": {"role": "owner"}})


def test_known_and_unknown_take_the_same_number_of_hashes(db):
    accounts = Accounts(db)
    accounts.add(EMAIL, PASSWORD)
    hashes = {}
    for email, password in [
        (EMAIL, PASSWORD),
        (EMAIL, "wrong password"),
        ("nobody@tidemark.example", PASSWORD),
        ("no email at all", PASSWORD),
        ({"$ne": ""}.__repr__(), PASSWORD),
        (EMAIL, ""),
        (EMAIL, "x" * 100_000),
        (EMAIL, "\ud800" * 20),
        ("nobody@tidemark.example", ""),
    ]:
        before = accounts.hashed
        found = accounts.check(email, password)
        assert (found is not None) == (password == PASSWORD and email == EMAIL)
        hashes[email, password[:20]] = accounts.hashed - before
    assert set(hashes.values()) == {1}


def test_another_password_ends_the_sessions_and_the_old_one_is_none(db):
    accounts, sessions = Accounts(db), Sessions(db)
    accounts.add(EMAIL, PASSWORD)
    cookies = [sessions.begin(EMAIL, "shopper", "u1")[0] for _ in range(2)]
    other, _ = sessions.begin("bea@tidemark.example", "shopper", "u2")
    assert accounts.change_password(EMAIL, "a new password") == 2
    assert accounts.check(EMAIL, PASSWORD) is None
    assert accounts.check(EMAIL, "a new password").email == EMAIL
    elsewhere = Sessions(db)
    assert [elsewhere.find(cookie) for cookie in cookies] == [None, None]
    assert elsewhere.find(other)


def test_a_hash_of_older_settings_is_made_anew_when_its_password_is_right(db, monkeypatch):
    accounts = Accounts(db)
    monkeypatch.setattr(module, "HASHER", PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1))
    accounts.add(EMAIL, PASSWORD)
    monkeypatch.undo()
    old = db["accounts"].find_one()["password"]
    assert accounts.check(EMAIL, "wrong password") is None
    assert db["accounts"].find_one()["password"] == old
    assert accounts.check(EMAIL, PASSWORD)
    new = db["accounts"].find_one()["password"]
    assert new.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert accounts.check(EMAIL, PASSWORD)
    assert db["accounts"].find_one()["password"] == new


def test_one_process_hashes_one_at_a_time_and_who_waits_too_long_is_told(db, monkeypatch):
    accounts = Accounts(db, patience=0.01)
    accounts.add(EMAIL, PASSWORD)
    at_work, go_on = threading.Event(), threading.Event()

    class Slow:
        @staticmethod
        def hash(password: bytes) -> str:
            at_work.set()
            assert go_on.wait(30)
            return ""

    monkeypatch.setattr(module, "HASHER", Slow)
    first = threading.Thread(target=accounts.check, args=("nobody@tidemark.example", PASSWORD))
    first.start()
    eventually(at_work.is_set, 30, "nobody hashes")
    before = accounts.hashed
    with pytest.raises(BusyError):
        accounts.check("somebody@tidemark.example", PASSWORD)
    assert accounts.hashed == before
    go_on.set()
    first.join()
    assert accounts.check("somebody@tidemark.example", PASSWORD) is None, "the turn was given back"
