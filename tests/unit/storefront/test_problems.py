"""Whatever goes wrong is a problem: of a kind that has a page, with the id by which the log has it, and with nothing else."""

import logging

import pytest
from pymongo.errors import NetworkTimeout, ServerSelectionTimeoutError

from tests.support.shop_api import bearer
from tidemark.errors import NoChampionError, UnreachableError
from tidemark.storefront.problems import KINDS

HOT = "/api/v1/users/u/recommendations"
FIELDS = {"type", "title", "status", "detail", "instance", "request_id"}


@pytest.mark.parametrize("name", KINDS)
def test_the_type_of_each_kind_is_a_page_that_exists(client, name):
    answer = client.get(f"/problems/{name}")
    assert (answer.status_code, answer.mimetype) == (200, "text/html")
    assert KINDS[name].title in answer.text


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/api/v1/nothing", {}, 404),
        ("GET", "/nothing", {}, 404),
        ("DELETE", "/api/v1/popular", {}, 405),
        ("GET", HOT, {}, 401),
        ("GET", f"{HOT}?n=x", bearer(), 422),
        ("POST", "/api/v1/items", bearer("tm_read"), 403),
        ("POST", "/api/v1/items", bearer(), 415),
        ("GET", "/api/v1/users/u/because/unknown", bearer(), 404),
    ],
)
def test_a_problem_says_what_it_is(client, method, path, headers, status):
    answer = client.open(path, method=method, headers=headers)
    told = answer.json
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
    assert told.keys() - {"errors"} == FIELDS
    assert told["status"] == status
    assert told["instance"] == path.partition("?")[0]
    assert told["request_id"] == answer.headers["X-Request-ID"]
    assert client.get(told["type"]).status_code == 200
    if status == 401:
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    if status == 405:
        assert "GET" in answer.headers["Allow"]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (UnreachableError("MongoDB does not answer at secret:27017"), 503),
        (ServerSelectionTimeoutError("mongodb://user:secret@host"), 503),
        (NetworkTimeout("mongodb://user:secret@host"), 503),
        (NoChampionError("there is no such model"), 404),
        (RuntimeError("secret"), 500),
    ],
)
def test_an_error_of_a_part_is_a_problem_that_tells_no_secret(client, shop, monkeypatch, error, status):
    def fails(*_args, **_kwargs):
        raise error

    monkeypatch.setattr(shop.serving, "recommend", fails)
    answer = client.get(HOT, headers=bearer())
    assert answer.status_code == status
    assert "secret" not in answer.text
    assert ("Retry-After" in answer.headers) == (status == 503)


def test_the_log_has_the_request_id_once_and_not_the_key(client, shop, monkeypatch, caplog):
    monkeypatch.setattr(shop.serving, "recommend", lambda ask: 1 / 0)
    with caplog.at_level(logging.INFO):
        answer = client.get(HOT, headers=bearer() | {"X-Request-ID": "mine-1"})
    (record,) = [record for record in caplog.records if record.name == "tidemark.storefront.problems"]
    assert answer.headers["X-Request-ID"] == answer.json["request_id"] == "mine-1"
    assert "mine-1" in record.getMessage()
    assert record.exc_info
    assert "tm_admin" not in caplog.text


@pytest.mark.parametrize("sent", ["a b", "x" * 65, "<script>", "a\tb"])
def test_a_request_id_that_could_harm_a_log_is_not_taken(client, sent):
    assert client.get("/healthz", headers={"X-Request-ID": sent}).headers["X-Request-ID"] != sent


def test_a_person_gets_a_page(client):
    answer = client.get("/nothing<script>", headers={"Accept": "text/html"})
    assert (answer.status_code, answer.mimetype) == (404, "text/html")
    assert "<script>" not in answer.text
    assert answer.headers["X-Request-ID"] in answer.text


def test_over_the_rate_says_how_long_to_wait(client, shop):
    shop.keys.ahead = 1.2
    answer = client.get(HOT, headers=bearer())
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "2")
