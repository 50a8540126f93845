"""A user's history: in parts that are whole together, and as a file."""

import json
from dataclasses import replace
from datetime import UTC
from urllib.parse import quote

import hypothesis
import hypothesis.strategies as st
import pytest

from tests.support.shop_api import HOSTILE_IDS, bearer, history
from tidemark.storefront import person_routes
from tidemark.storefront.problems import Problem

PATH = "/api/v1/users/u/interactions"


def test_the_parts_are_the_whole_newest_first(client, shop):
    shop.serving.histories["u"] = history("u", 23)
    found, cursor = [], None
    while True:
        query = "?n=10" + (f"&cursor={cursor}" if cursor else "")
        told = client.get(PATH + query, headers=bearer()).json
        found += told["interactions"]
        cursor = told["next_cursor"]
        if cursor is None:
            break
    assert len(found) == 23
    times = [one["timestamp"] for one in found]
    assert times == sorted(times, reverse=True)
    assert found[0] == {
        "interaction_id": "interactions-0-0",
        "item_id": "item00",
        "timestamp": "2026-11-24T10:15:00Z",
        "weight": 1.0,
        "rating": None,
        "event_type": "view",
        "source": "stream",
    }


def test_the_last_part_that_is_full_has_no_cursor(client, shop):
    shop.serving.histories["u"] = history("u", 10)
    assert client.get(f"{PATH}?n=10", headers=bearer()).json["next_cursor"] is None


@pytest.mark.parametrize("cursor", ["x", "%00", "AAAA", "LTE6eA", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk6eA"])
def test_a_cursor_that_no_answer_gave_is_refused(client, cursor):
    answer = client.get(f"{PATH}?cursor={cursor}", headers=bearer())
    assert (answer.status_code == 422) == (cursor != "LTE6eA"), answer.text  # "-1:x": a place before 1970 is one


@hypothesis.given(st.text(max_size=40))
def test_any_text_as_a_cursor_is_a_place_or_refused(text):
    try:
        timestamp, event_id = person_routes.place(text)
    except Problem as problem:
        assert problem.code == 422
    else:
        assert person_routes.cursor(timestamp, event_id) == text


@hypothesis.given(st.datetimes(timezones=st.just(UTC)), st.text(min_size=1, max_size=40))
def test_a_cursor_is_the_place_it_was_made_of(timestamp, event_id):
    hypothesis.assume(event_id.encode("utf-8", "ignore").decode() == event_id)
    assert person_routes.place(person_routes.cursor(timestamp, event_id)) == (timestamp, event_id)


def test_an_export_is_all_of_it_a_line_each(client, shop, monkeypatch):
    monkeypatch.setattr(person_routes, "PART", 7)
    shop.serving.histories["u"] = history("u", 21)
    answer = client.get("/api/v1/users/u/export", headers=bearer())
    lines = answer.text.splitlines()
    assert answer.mimetype == "application/x-ndjson"
    assert len({json.loads(line)["timestamp"] for line in lines}) == len(lines) == 21


def test_an_export_of_nothing_is_empty(client):
    answer = client.get("/api/v1/users/nobody/export", headers=bearer())
    assert (answer.status_code, answer.data) == (200, b"")


@pytest.mark.parametrize("path", [PATH, "/api/v1/users/u/export", "/api/v1/users/u/because/item01"])
def test_a_history_that_cannot_be_read_is_503(client, shop, path):
    shop.serving.away = True
    answer = client.get(path, headers=bearer())
    assert (answer.status_code, answer.json["type"]) == (503, "/problems/away")


@pytest.mark.parametrize("key", ["interactions-0-3", "review:u:item:1", "replay:t-0-1:a/b", "t~1-0-2"])
def test_one_is_deleted_and_deleted_again_it_is_deleted(client, shop, key):
    shop.serving.histories["u"] = [*history("u", 3), replace(history("u", 1)[0], id=key)]
    told = client.get(PATH, headers=bearer()).json["interactions"]
    assert key in {one["interaction_id"] for one in told}
    for _ in range(2):
        answer = client.delete(f"{PATH}/{quote(key, safe='')}", headers=bearer())
        assert (answer.status_code, answer.data, answer.headers["Cache-Control"]) == (204, b"", "no-store")
    left = client.get(PATH, headers=bearer()).json["interactions"]
    assert [one["interaction_id"] for one in left] == [one.id for one in history("u", 3)]
    assert shop.erasures.users == [], "nobody is erased by it"


@pytest.mark.parametrize("user_id", HOSTILE_IDS)
def test_of_whomever_it_is_theirs_alone(client, shop, user_id):
    for user in (user_id, "another"):
        shop.serving.histories[user] = [replace(one, user_id=user) for one in history(user, 2)]
    answer = client.delete(f"/api/v1/users/{quote(user_id, safe='')}/interactions/interactions-0-1", headers=bearer())
    assert (answer.status_code, shop.erasures.users) == (204, [])
    assert [len(shop.serving.histories[user]) for user in (user_id, "another")] == [1, 2]


def test_what_is_not_there_is_404_what_is_no_key_422_and_mongodb_away_503(client, shop):
    shop.serving.histories["u"] = history("u", 2)
    assert client.delete(f"{PATH}/interactions-0-9", headers=bearer()).status_code == 404
    for wrong in ("a b", "x" * 401, "a\n"):
        assert client.delete(f"{PATH}/{quote(wrong, safe='')}", headers=bearer()).status_code == 422
    assert client.delete(f"{PATH}/interactions-0-1?force=1", headers=bearer()).status_code == 422
    shop.serving.away = True
    assert client.delete(f"{PATH}/interactions-0-1", headers=bearer()).status_code == 503
