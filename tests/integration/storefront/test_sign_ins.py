"""Attempts to sign in, counted in MongoDB by workers that know nothing of each other."""

import subprocess
import sys
import threading
from datetime import timedelta
from typing import Any

import pytest
from pymongo.database import Database

from tests.support.signed_in import EMAIL, PASSWORD
from tidemark.errors import TooManyAttemptsError
from tidemark.settings import Settings
from tidemark.storage import mongo
from tidemark.storefront.accounts import Accounts
from tidemark.storefront.sign_ins import PER_ACCOUNT, PER_ADDRESS, WINDOW, SignIns


@pytest.fixture
def db(mongo_db: Settings) -> Database[dict[str, Any]]:
    return mongo.connect(mongo_db)


def allowed(sign_ins: SignIns, attempts: list[tuple[str, str]]) -> int:
    """How many of the attempts are looked at."""
    count = 0
    for email, address in attempts:
        try:
            sign_ins.attempt(email, address)
        except TooManyAttemptsError as refused:
            assert 1 <= refused.retry_after <= WINDOW
        else:
            count += 1
    return count


GUESSING = """
import sys
from tidemark.errors import TooManyAttemptsError
from tidemark.storage import mongo
from tidemark.storefront.accounts import Accounts
from tidemark.storefront.sign_ins import SignIns

db = mongo.connect()
accounts, sign_ins = Accounts(db), SignIns(db)
for n in range(500):
    try:
        sign_ins.attempt(f"person{n % 100}@tidemark.example", "192.0.2.1")
    except TooManyAttemptsError:
        continue
    assert accounts.check(f"person{n % 100}@tidemark.example", f"guess number {n}") is None
print(accounts.hashed)
"""


def test_of_a_thousand_wrong_passwords_over_two_processes_few_are_hashed(db):
    workers = [subprocess.Popen([sys.executable, "-c", GUESSING], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    hashed = [int(worker.communicate(timeout=120)[0]) for worker in workers]
    assert sum(hashed) == PER_ADDRESS <= 100


def test_one_account_from_many_addresses_is_guessed_at_seldom(db):
    attempts = [(EMAIL, f"192.0.2.{n}") for n in range(60)]
    assert allowed(SignIns(db), attempts[:30]) + allowed(SignIns(db), attempts[30:]) == PER_ACCOUNT
    assert allowed(SignIns(db), [("bea@tidemark.example", "192.0.2.7")]) == 1, "others are not kept out by it"


def test_an_address_that_tries_too_often_does_not_keep_others_out_of_their_accounts(db):
    flood = [(f"person{n}@tidemark.example", "192.0.2.1") for n in range(PER_ADDRESS)]
    assert allowed(SignIns(db), flood + [(EMAIL, "192.0.2.1")] * 100) == PER_ADDRESS
    assert allowed(SignIns(db), [(EMAIL, "192.0.2.2")]) == 1


def test_many_at_once_are_counted_each(db):
    counts: list[int] = []
    workers = [SignIns(db) for _ in range(8)]
    workers[0].attempt("bea@tidemark.example", "192.0.2.200")
    threads = [
        threading.Thread(target=lambda w=w, n=n: counts.append(allowed(w, [(EMAIL, f"192.0.2.{n}")] * 10)))
        for n, w in enumerate(workers)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(counts) == PER_ACCOUNT


def test_a_right_password_clears_the_account_and_is_not_counted_for_the_address(db):
    sign_ins = SignIns(db)
    for _ in range(PER_ADDRESS + 5):
        sign_ins.attempt(EMAIL, "192.0.2.1")
        sign_ins.succeeded(EMAIL, "192.0.2.1")
    assert allowed(sign_ins, [(EMAIL, "192.0.2.1")] * PER_ACCOUNT) == PER_ACCOUNT
    sign_ins.succeeded(EMAIL, "192.0.2.1")
    assert db["sign_ins"].count_documents({"_id": {"$regex": "^account:"}}) == 0
    assert allowed(sign_ins, [(EMAIL, "192.0.2.1")]) == 1


def test_what_was_not_looked_at_is_given_back(db):
    sign_ins = SignIns(db)
    for _ in range(PER_ACCOUNT + 5):
        sign_ins.attempt(EMAIL, "192.0.2.1")
        sign_ins.not_looked_at(EMAIL, "192.0.2.1")
    assert allowed(sign_ins, [(EMAIL, "192.0.2.1")] * 2 * PER_ACCOUNT) == PER_ACCOUNT


def test_the_window_ends_by_itself_and_refused_attempts_do_not_make_it_longer(db):
    sign_ins = SignIns(db)
    assert allowed(sign_ins, [(EMAIL, "192.0.2.1")]) == 1
    end = {d["_id"]: d["expires_at"] for d in db["sign_ins"].find()}
    allowed(sign_ins, [(EMAIL, "192.0.2.1")] * 2 * PER_ADDRESS)
    assert {d["_id"]: d["expires_at"] for d in db["sign_ins"].find()} == end
    for document in db["sign_ins"].find():  # as if the window had passed, and the server had removed nothing yet
        past = {"$set": {"expires_at": document["expires_at"] - timedelta(seconds=WINDOW + 1)}}
        db["sign_ins"].update_one({"_id": document["_id"]}, past)
    another = SignIns(db)  # one that turns nobody away who was refused a moment ago
    assert allowed(another, [(EMAIL, "192.0.2.1")] * 2 * PER_ACCOUNT) == PER_ACCOUNT


def test_the_counts_expire_and_name_nobody(db):
    SignIns(db).attempt(EMAIL, "192.0.2.1")
    indexes = db["sign_ins"].index_information().values()
    assert [i["expireAfterSeconds"] for i in indexes if i["key"] == [("expires_at", 1)]] == [0]
    assert "anna" not in str(list(db["sign_ins"].find()))
    assert PASSWORD not in str(list(db["sign_ins"].find()))


def test_an_account_of_the_test_is_let_in_after_others_have_guessed(db):
    accounts, sign_ins = Accounts(db), SignIns(db)
    accounts.add(EMAIL, PASSWORD)
    for n in range(PER_ACCOUNT - 1):
        sign_ins.attempt(EMAIL, f"192.0.2.{n}")
    sign_ins.attempt(EMAIL, "198.51.100.1")
    assert accounts.check(EMAIL, PASSWORD)
