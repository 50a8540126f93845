"""Requests that may be repeated, with a real MongoDB: done once, whoever asks again, however many at once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from pydantic import SecretStr

from tests.support.shop_api import bearer, stand_in_app, stand_in_shop
from tidemark.settings import Settings
from tidemark.storage import mongo
from tidemark.storefront.idempotency import ABANDONED, COLLECTION, KEPT, Repeatable
from tidemark.storefront.problems import Problem
from tidemark.storefront.shop import database

NOW = datetime(2026, 11, 26, tzinfo=UTC)


class Clock:
    now = NOW

    def __call__(self) -> datetime:
        return self.now


class Work:
    """Counts how often it is done."""

    done = 0

    def __call__(self) -> tuple[int, bytes]:
        self.done += 1
        return 202, b'{"done": %d}' % self.done


@pytest.fixture
def db(mongo_db: Settings):
    database_of_test = mongo.connect(mongo_db)
    yield database_of_test
    database_of_test.client.close()


def test_the_first_answer_is_given_again_for_a_day(db):
    clock, work = Clock(), Work()
    repeatable = Repeatable(db, clock)
    assert repeatable.once("key", "k", b"body", work) == (202, b'{"done": 1}', False)
    clock.now += KEPT - timedelta(seconds=1)
    assert repeatable.once("key", "k", b"body", work) == (202, b'{"done": 1}', True)
    clock.now += timedelta(seconds=1)
    assert repeatable.once("key", "k", b"body", work) == (202, b'{"done": 2}', False)


def test_another_body_or_key_or_caller_is_another_request(db):
    work = Work()
    repeatable = Repeatable(db, Clock())
    repeatable.once("caller", "k", b"body", work)
    with pytest.raises(Problem, match="another body") as refused:
        repeatable.once("caller", "k", b"other", work)
    assert refused.value.code == 409
    repeatable.once("caller", "k2", b"body", work)
    repeatable.once("someone", "k", b"body", work)
    assert work.done == 3


def test_work_that_fails_leaves_the_key_free(db):
    work, repeatable = Work(), Repeatable(db, Clock())

    def fails():
        raise RuntimeError("of the work")

    with pytest.raises(RuntimeError, match="of the work"):
        repeatable.once("caller", "k", b"body", fails)
    assert repeatable.once("caller", "k", b"body", work)[2] is False


def test_of_many_at_once_one_does_it(db):
    work, together = Work(), Barrier(8)

    def slowly():
        return work()

    def ask(_number):
        together.wait()
        try:
            return Repeatable(db, Clock()).once("caller", "k", b"body", slowly)[1]
        except Problem as problem:
            return problem.code, problem.more_headers["Retry-After"]

    Repeatable(db, Clock()).once("caller", "first", b"", Work())  # the collection is there
    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(ask, range(8)))
    assert work.done == 1
    assert answers <= {b'{"done": 1}', (409, "2")}


def test_the_key_of_a_worker_that_died_is_free_after_a_while(db):
    clock, work = Clock(), Work()
    repeatable = Repeatable(db, clock)
    repeatable.once("caller", "k", b"body", work)
    db[COLLECTION].update_one({}, {"$set": {"status": None, "answer": None}})  # as the worker left it
    with pytest.raises(Problem, match="still being worked on"):
        repeatable.once("caller", "k", b"body", work)
    clock.now += ABANDONED
    assert repeatable.once("caller", "k", b"body", work)[1] == b'{"done": 2}'


def test_a_program_that_sends_again_sends_once(mongo_db, db):
    shop = stand_in_shop(mongo_db, db)
    client = stand_in_app(shop).test_client()

    def send(user_id, key="k1", scope="write"):
        return client.post(
            "/api/v1/interactions",
            json={"interactions": [{"user_id": user_id, "item_id": "i"}, {}]},
            headers=bearer(f"tm_{scope}") | {"Idempotency-Key": key},
        )

    first, again, other, admin = send("u"), send("u"), send("u2"), send("u", scope="admin")
    assert (first.status_code, again.status_code, other.status_code, admin.status_code) == (202, 202, 409, 202)
    assert first.data == again.data
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    assert len(shop.interactions.messages) == 2
    shop.interactions.away = True
    assert send("u", "k2").status_code == 503
    shop.interactions.away = False
    assert send("u", "k2").status_code == 202


def test_without_mongodb_a_key_is_refused_and_nothing_is_done():
    away = Settings.model_construct(
        mongo_hosts="127.0.0.1:1", mongo_password=SecretStr("x"), shop_secret=SecretStr("signed with this")
    )
    shop = stand_in_shop(away, database(away))
    client = stand_in_app(shop).test_client()
    body = {"interactions": [{"user_id": "u", "item_id": "i"}]}
    headers = bearer() | {"Idempotency-Key": "k"}
    assert client.post("/api/v1/interactions", json=body, headers=headers).status_code == 503
    assert not shop.interactions.messages
    assert client.post("/api/v1/interactions", json=body, headers=bearer()).status_code == 202
