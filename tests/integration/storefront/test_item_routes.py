"""What programs say of items, as MongoDB has it."""

from datetime import datetime, timedelta

import pytest
from pydantic import SecretStr

from tests.support.shop_api import bearer, stand_in_app, stand_in_shop
from tidemark.settings import Settings
from tidemark.storage import mongo
from tidemark.storefront import item_routes
from tidemark.storefront.shop import database

ITEM = {"title": "A thing", "category": "Things", "categories": ["All", "Things"], "price": 4.5, "available": False}


@pytest.fixture
def db(mongo_db: Settings):
    database_of_test = mongo.connect(mongo_db)
    mongo.ensure(database_of_test, "items")
    yield database_of_test
    database_of_test.client.close()


@pytest.fixture
def client(mongo_db: Settings, db):
    return stand_in_app(stand_in_shop(mongo_db, db)).test_client()


def test_what_is_said_takes_the_place_of_what_was(client, db):
    answer = client.put("/api/v1/items/a/b%25", json=ITEM, headers=bearer("tm_write"))
    (stored,) = db["items"].find()
    assert answer.status_code == 200
    times = {stored.pop(name) for name in ("told_at", "available_at")}
    assert times == {datetime.fromisoformat(answer.json["updated_at"])}
    assert timedelta(0) <= stored.pop("updated_at") - times.pop() < timedelta(minutes=1)
    assert stored == {"_id": "a/b%"} | ITEM
    client.put("/api/v1/items/a/b%25", json={"price": 5}, headers=bearer())
    (stored,) = db["items"].find({}, {"title": 1, "price": 1, "available": 1})
    assert stored == {"_id": "a/b%", "price": 5.0, "available": True}


def test_it_bears_the_time_of_the_server_whatever_this_host_takes_it_for(client, db, monkeypatch):
    class AnHourBehind(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) - timedelta(hours=1)

    monkeypatch.setattr(item_routes, "datetime", AnHourBehind)
    assert client.put("/api/v1/items/a", json=ITEM, headers=bearer()).status_code == 200
    (stored,) = db["items"].find()
    said = db.command("hello", codec_options=db.codec_options)["localTime"]
    assert abs(said - stored["updated_at"]) < timedelta(minutes=1)


def test_a_thousand_at_once_and_of_two_the_last(client, db):
    items = [{"item_id": f"i{number}", "price": number} for number in range(999)] + [{"item_id": "i7", "price": 1.5}]
    answer = client.post("/api/v1/items", json={"items": items}, headers=bearer())
    assert (answer.status_code, answer.json["stored"]) == (200, 999)
    assert db["items"].count_documents({}) == 999
    assert db["items"].find_one({"_id": "i7"})["price"] == 1.5


@pytest.mark.parametrize(
    "wrong",
    [
        {"price": -1},
        {"price": "4"},
        {"price": True},
        {"title": "\x00"},
        {"title": {"$ne": 1}},
        {"$set": {}},
        {"_id": "x"},
        {"available": "no"},
        {"categories": ["a"] * 21},
        {"image": "javascript:alert(1)"},
    ],
)
def test_what_no_item_has_is_refused_and_nothing_stored(client, db, wrong):
    assert client.put("/api/v1/items/i", json=wrong, headers=bearer()).status_code == 422
    both = {"items": [{"item_id": "good"}, {"item_id": "i"} | wrong]}
    assert client.post("/api/v1/items", json=both, headers=bearer()).status_code == 422
    assert db["items"].count_documents({}) == 0


def test_without_mongodb_it_is_503_soon():
    away = Settings.model_construct(
        mongo_hosts="127.0.0.1:1", mongo_password=SecretStr("x"), shop_secret=SecretStr("secret")
    )
    client = stand_in_app(stand_in_shop(away, database(away))).test_client()
    answer = client.put("/api/v1/items/i", json=ITEM, headers=bearer())
    assert (answer.status_code, answer.json["type"]) == (503, "/problems/away")
    assert answer.headers["Retry-After"]
