"""Interactions that programs send: each by the contract, and none claimed that Kafka has not."""

import json

import pytest

from tests.support.shop_api import bearer

PATH = "/api/v1/interactions"
GOOD = {"user_id": "u", "item_id": "i"}


def send(client, *messages):
    return client.post(PATH, json={"interactions": list(messages)}, headers=bearer("tm_write"))


def test_what_is_as_the_contract_says_is_sent_and_the_rest_comes_back(client, shop):
    answer = send(
        client,
        GOOD | {"event_type": "purchase", "quantity": 2, "recommendation_id": "r"},
        {"user_id": "u"},
        "u:i",
        GOOD | {"event_type": "stolen"},
        GOOD | {"timestamp": "2126-01-01"},
        GOOD | {"rating": 6},
        GOOD | {"$where": 1},
        {"user_id": {"$ne": ""}, "item_id": "i"},
        GOOD | {"rating": 5},
    )
    told = answer.json
    assert (answer.status_code, told["accepted"]) == (202, 2)
    assert [one["index"] for one in told["rejected"]] == [1, 2, 3, 4, 5, 6, 7]
    assert all(one["reason"] for one in told["rejected"])
    assert [(key, json.loads(value)) for key, value in shop.interactions.messages] == [
        ("u", GOOD | {"event_type": "purchase", "quantity": 2, "recommendation_id": "r"}),
        ("u", GOOD | {"rating": 5}),
    ]


def test_nothing_is_claimed_where_kafka_is_away(client, shop):
    shop.interactions.away = True
    answer = send(client, GOOD)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert "accepted" not in answer.json


def test_all_rejected_asks_nothing_of_kafka(client, shop):
    shop.interactions.away = True
    answer = send(client, {})
    assert (answer.status_code, answer.json["accepted"], len(answer.json["rejected"])) == (202, 0, 1)


@pytest.mark.parametrize("count", [0, 1_001])
def test_one_to_a_thousand(client, shop, count):
    assert send(client, *[GOOD] * count).status_code == 422
    assert not shop.interactions.messages


def test_a_thousand(client, shop):
    assert send(client, *[GOOD] * 1_000).json["accepted"] == len(shop.interactions.messages) == 1_000


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 129, "ä"])
def test_an_idempotency_key_that_is_none_is_refused(client, key):
    answer = client.post(
        PATH,
        json={"interactions": [GOOD]},
        headers=[*bearer().items(), ("Idempotency-Key", key.encode().decode("latin-1"))],
    )
    assert answer.status_code == 422
