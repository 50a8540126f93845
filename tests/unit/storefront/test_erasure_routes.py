"""Erasing by the API: what is asked, for whom, and where its state is."""

import pytest

from tests.support.shop_api import HOSTILE_IDS, bearer
from tidemark.storefront.interaction_routes import ERASED


@pytest.mark.parametrize("user_id", ["u", "a/recommendations", *HOSTILE_IDS])
def test_a_user_is_erased_and_the_state_is_where_it_says(client, shop, user_id):
    path = "".join(f"%{byte:02X}" for byte in user_id.encode())
    answer = client.delete(f"/api/v1/users/{path}", headers=bearer())
    assert (answer.status_code, shop.erasures.users) == (202, [user_id])
    assert (answer.json["state"], answer.json["finished_at"], answer.json["removed"]) == ("pending", None, {})
    assert any("Kafka" in text for text in answer.json["kept"])
    assert user_id not in answer.location or len(user_id) < 3
    state = client.get(answer.location, headers=bearer())
    assert (state.status_code, state.json["state"], state.json["removed"]) == (200, "done", {"interactions": 3})
    assert state.json["finished_at"] == "2026-11-24T10:15:00Z"


@pytest.mark.parametrize("user_id", ["u", "a/interactions/b", "a/because/b", *HOSTILE_IDS])
def test_a_user_whom_no_path_can_name_is_named_in_the_body(client, shop, user_id):
    answer = client.post("/api/v1/erasures", headers=bearer(), json={"user_id": user_id})
    assert (answer.status_code, shop.erasures.users) == (202, [user_id])
    assert client.get(answer.location, headers=bearer()).json["state"] == "done"


@pytest.mark.parametrize("body", [{}, {"user_id": ""}, {"user_id": "a b"}, {"user_id": 7}, {"user_id": "u", "more": 1}])
def test_who_is_nobody_is_refused(client, shop, body):
    answer = client.post("/api/v1/erasures", headers=bearer(), json=body)
    assert (answer.status_code, answer.json["type"], shop.erasures.users) == (422, "/problems/invalid", [])


@pytest.mark.parametrize(
    ("method", "path"), [("DELETE", "/api/v1/users/u"), ("POST", "/api/v1/erasures"), ("GET", "/api/v1/erasures/e")]
)
@pytest.mark.parametrize("key", ["tm_read", "tm_write"])
def test_only_an_operator_may(client, shop, method, path, key):
    body = {"json": {"user_id": "u"}} if method == "POST" else {}
    assert client.open(path, method=method, headers=bearer(key), **body).status_code == 403
    assert shop.erasures.users == []


def test_an_erasure_that_nobody_asked_for_is_none(client):
    answer = client.get("/api/v1/erasures/e", headers=bearer())
    assert (answer.status_code, answer.json["type"]) == (404, "/problems/not-found")


def test_nothing_is_taken_of_an_erased_user(client, shop):
    shop.serving.gone = {"u"}
    sent = [{"user_id": user, "item_id": "item01"} for user in ("u", "v")]
    told = client.post("/api/v1/interactions", headers=bearer(), json={"interactions": sent}).json
    assert told == {"accepted": 1, "rejected": [{"index": 0, "reason": ERASED}]}
    assert [key for key, _ in shop.interactions.messages] == ["v"]
