"""What a person gets, as programs get it; and what is told of it to those who count."""

import pytest

from tests.support.shop_api import MODEL, bearer
from tidemark.storefront import conditional

HOT = "/api/v1/users/u/recommendations"
FIELDS = {
    *("user_id", "model_id", "method", "made_at", "age_seconds", "fresh", "stale", "arm"),
    *("recommendation_id", "short", "items"),
}


def test_the_answer_has_what_the_issue_says(client):
    told = client.get(f"{HOT}?n=2", headers=bearer("tm_read")).json
    assert told.keys() == FIELDS
    assert (told["user_id"], told["model_id"], told["arm"]) == ("u", MODEL, "champion")
    assert told["made_at"] == "2026-11-24T10:15:00Z"
    assert told["age_seconds"] >= 0
    assert told["items"][0].keys() == {"item_id", "position", "score", "method", "title", "price"}
    assert [item["position"] for item in told["items"]] == [1, 2]
    assert not told["short"]


def test_the_reasons_come_where_they_are_asked_for(client):
    (item,) = client.get(f"{HOT}?n=1&explain=true", headers=bearer()).json["items"]
    assert item["because"] == [{"item_id": "item00", "share": 1.0}]


def test_wishes_reach_serving(client, shop):
    query = "n=7&category=Things&price_min=6&price_max=9.5&exclude=item03&seen=include&explain=true"
    told = client.get(f"{HOT}?{query}", headers=bearer()).json
    (ask,) = shop.serving.asked
    assert (ask.user_id, ask.n, ask.include_seen, ask.explain) == ("u", 7, True, True)
    assert (ask.filter.category, ask.filter.price_min, ask.filter.price_max) == ("Things", 6, 9.5)
    assert ask.filter.exclude == {"item03"}
    assert told["short"]
    assert {item["item_id"] for item in told["items"]} == {"item01", "item02", "item04"}


def test_what_was_shown_is_told_once_with_the_id_of_the_answer(client, shop):
    told = client.get(f"{HOT}?n=2&placement=mail", headers=bearer()).json
    assert shop.exposures.lists == [
        {
            "recommendation_id": told["recommendation_id"],
            "user_id": "u",
            "item_ids": ["item00", "item01"],
            "model_id": MODEL,
            "arm": "champion",
            "placement": "mail",
            "method": "stored",
            "acting": None,
        }
    ]


def test_nothing_shown_is_nothing_told(client, shop):
    told = client.get(f"{HOT}?category=None", headers=bearer()).json
    assert (told["items"], told["short"], told["recommendation_id"]) == ([], True, None)
    assert not shop.exposures.lists


def test_who_has_the_answer_gets_304_and_nothing_is_made_for_it(client, shop):
    first = client.get(HOT, headers=bearer())
    assert first.headers["ETag"].startswith('W/"')
    assert first.headers["Cache-Control"] == "private, no-cache"
    asked = len(shop.serving.asked)
    for known in (first.headers["ETag"], first.headers["ETag"][2:], f'"other", {first.headers["ETag"]}', "*"):
        again = client.get(HOT, headers=bearer() | {"If-None-Match": known})
        assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", first.headers["ETag"])
    assert len(shop.serving.asked) == asked
    assert len(shop.exposures.lists) == 1


def test_what_changed_is_no_longer_what_they_have(client, shop):
    first = client.get(HOT, headers=bearer()).headers["ETag"]
    shop.serving.changed = 1
    again = client.get(HOT, headers=bearer() | {"If-None-Match": first})
    assert again.status_code == 200
    assert again.headers["ETag"] != first


def test_a_304_asks_for_a_key_too(client):
    tag = client.get(HOT, headers=bearer()).headers["ETag"]
    assert client.get(HOT, headers={"If-None-Match": tag}).status_code == 401
    assert client.get(f"{HOT}?n=x", headers=bearer() | {"If-None-Match": tag}).status_code == 422


def test_an_etag_changes_with_model_arm_and_day():
    day = conditional.DAY
    tags = {
        conditional.etag(version, arm, now)
        for version, arm, now in [("a", "b", 0), ("a", "b", day - 1), ("c", "b", 0), ("a", "d", 0), ("a", "b", day)]
    }
    assert len(tags) == 4


def test_many_users_get_one_answer_each_in_order(client, shop):
    body = {"users": ["u1", "u2", "a/b"], "n": 2, "seen": "include", "placement": "mail"}
    answers = client.post("/api/v1/recommendations/batch", json=body, headers=bearer()).json["answers"]
    assert [answer["user_id"] for answer in answers] == ["u1", "u2", "a/b"]
    assert all(ask.include_seen and ask.n == 2 for ask in shop.serving.asked)
    assert len(shop.exposures.lists) == 3


@pytest.mark.parametrize("users", [[], ["u"] * 101, ["a b"], [1], "u"])
def test_too_many_users_or_none_are_refused(client, users):
    assert client.post("/api/v1/recommendations/batch", json={"users": users}, headers=bearer()).status_code == 422


def test_somebody_unknown_gets_an_answer_that_nothing_is_kept_of(client, shop):
    told = client.post("/api/v1/recommendations/session", json={"items": ["item03", "no"]}, headers=bearer()).json
    assert (told["user_id"], told["recommendation_id"]) == (None, None)
    assert shop.serving.asked[0].session == ("item03", "no")
    assert not shop.exposures.lists


def test_why(client):
    told = client.get("/api/v1/users/u/because/item05", headers=bearer()).json
    assert told == {
        "user_id": "u",
        "item_id": "item05",
        "because": [{"item_id": "item00", "share": 0.75}, {"item_id": "item01", "share": 0.25}],
    }
    assert client.get("/api/v1/users/u/because/item05?n=1", headers=bearer()).status_code == 422
