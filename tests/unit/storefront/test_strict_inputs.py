"""What comes in is read one way or refused; never is it a failure of ours."""

import json
from urllib.parse import urlencode

import hypothesis
import hypothesis.strategies as st
import pytest
from flask import Flask, request

from tests.support.shop_api import bearer
from tidemark.storefront import strict_inputs
from tidemark.storefront.api_models import BatchWish, RecommendationWish
from tidemark.storefront.problems import Problem

HOT = "/api/v1/users/u/recommendations"
SESSION = "/api/v1/recommendations/session"


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ("n=0", "query.n"),
        ("n=-1", "query.n"),
        ("n=1000000000", "query.n"),
        ("n=101", "query.n"),
        ("n=ten", "query.n"),
        ("n=NaN", "query.n"),
        ("n=1_0", "query.n"),
        ("n=%201", "query.n"),
        ("n=1.0", "query.n"),
        ("n=", "query.n"),
        ("n=%D9%A3", "query.n"),
        ("n[$ne]=1", "query.n[$ne]"),
        ("n=1&n=1", "n"),
        ("N=1", "query.N"),
        ("price_min=NaN", "query.price_min"),
        ("price_min=inf", "query.price_min"),
        ("price_min=1e999", "query.price_min"),
        ("price_max=-1", "query.price_max"),
        ("category=", "query.category"),
        ("category=a%00b", "query.category"),
        ("category=%FF", "query"),
        ("category=%ED%A0%80", "query"),
        ("exclude=a%20b", "query.exclude.0"),
        ("exclude=a:b", "query.exclude.0"),
        ("exclude=" + "x" * 129, "query.exclude.0"),
        ("seen=maybe", "query.seen"),
        ("explain=yes", "query.explain"),
        ("explain=1", "query.explain"),
        ("placement=Home Page", "query.placement"),
        ("&".join(f"exclude=i{number}" for number in range(201)), "query.exclude"),
        ("&".join(f"exclude=i{number}" for number in range(301)), "query"),
    ],
)
def test_a_query_that_is_not_described_is_refused_by_name(client, query, where):
    answer = client.get(f"{HOT}?{query}", headers=bearer())
    assert answer.status_code == 422, answer.text
    assert answer.json["errors"][0]["where"] == where


@pytest.mark.parametrize("text", ["0.00011243409410517598", "1e-320", f"{5e-324:.340f}", "1E2", "12"])
def test_any_number_of_another_language_is_a_price(client, shop, text):
    assert client.get(f"{HOT}?price_min={text}", headers=bearer()).status_code == 200
    assert shop.serving.asked[0].filter.price_min == float(text)


def test_several_excluded_items_are_one_wish(client, shop):
    assert client.get(f"{HOT}?exclude=item00&exclude=a/b&n=3", headers=bearer()).status_code == 200
    assert shop.serving.asked[0].filter.exclude == {"item00", "a/b"}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b'{"items": ["a"], "n": NaN}', "not JSON"),
        (b'{"items": ["a"], "n": 1e999}', "not JSON"),
        (b'{"items": ["\\ud800"]}', "not JSON"),
        (b'{"items": ["\xff"]}', "not JSON"),
        (b'{"items": ["a\\u0000"]}', "items"),
        (b'{"items": ["a"], "items": ["b"]}', "comes twice"),
        (b'{"items": ["a"], "n": {"$ne": 1}}', "n"),
        (b'{"items": ["a"], "n": true}', "n"),
        (b'{"items": ["a"], "$where": 1}', "$where"),
        (b'{"items": []}', "items"),
        (b'{"items": "a"}', "items"),
        (b'["items"]', "body"),
        (b"null", "body"),
        (b'{"items": ' + b"[" * 40 + b"]" * 40 + b"}", "deeper"),
        (b"[" * 100_000, "not JSON"),
        (b'{"items": [' + b'{"a":' * 900 + b"1" + b"}" * 900 + b"]}", "deeper"),
    ],
)
def test_a_body_that_can_be_read_two_ways_or_none_is_refused(client, body, said):
    answer = client.post(SESSION, data=body, headers=bearer(), content_type="application/json")
    assert answer.status_code == 422, answer.text
    assert said in answer.json["detail"]


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", None])
def test_another_content_type_is_refused(client, kind):
    answer = client.post(SESSION, data=b'{"items": ["a"]}', headers=bearer(), content_type=kind)
    assert answer.status_code == 415


def test_a_large_body_is_refused_with_and_without_a_length(client):
    large = b'{"items": ["' + b"x" * (2 << 20) + b'"]}'
    for more in ({}, {"CONTENT_LENGTH": "", "wsgi.input_terminated": True}):
        answer = client.post(
            SESSION, data=large, headers=bearer(), content_type="application/json", environ_overrides=more
        )
        assert answer.status_code == 413
        assert answer.json["type"] == "/problems/too-large"


def test_a_field_twice_among_very_many_is_found_soon(client):
    fields = ",".join(f'"f{number}": 1' for number in range(60_000))
    body = f'{{{fields}, "f7": 2}}'
    answer = client.post(SESSION, data=body, headers=bearer(), content_type="application/json")
    assert answer.json["detail"] == "body.f7: the field comes twice"


def test_of_many_errors_some_are_named(client):
    answer = client.post(SESSION, json={f"x{number}": 1 for number in range(1_000)}, headers=bearer())
    assert answer.status_code == 422
    assert len(answer.json["errors"]) == strict_inputs.MOST_ERRORS
    assert len(answer.data) < 5_000


@hypothesis.given(st.binary(max_size=200))
def test_any_bytes_as_a_query_are_a_wish_or_refused(text):
    try:
        read = strict_inputs._read_query(RecommendationWish, text)
    except Problem as problem:
        assert problem.code == 422
    else:
        assert isinstance(read, RecommendationWish)


@hypothesis.given(st.binary(max_size=200) | st.text(max_size=60).map(lambda text: json.dumps(text).encode()))
def test_any_bytes_as_a_body_are_read_or_refused(body):
    app = Flask(__name__)
    with app.test_request_context("/", data=body, content_type="application/json"):
        try:
            read = strict_inputs.read_json(request)
        except Problem as problem:
            assert problem.code == 422
        else:
            assert read == json.loads(body)


numbers = st.floats(0, 1e6, allow_nan=False).map(lambda number: round(number, 2))
wishes = st.fixed_dictionaries(
    {},
    optional={
        "n": st.integers(-5, 120),
        "price_min": numbers,
        "price_max": numbers,
        "category": st.text(max_size=10),
        "exclude": st.lists(st.text("ab/%+ é", max_size=4), max_size=3),
        "seen": st.sampled_from(["exclude", "include", "x"]),
        "explain": st.booleans(),
    },
)


@hypothesis.given(wishes)
def test_a_query_and_a_body_of_the_same_wish_are_read_alike(wish):
    """By the one model, and what is kept of a query is what it says."""
    told = {name: str(value).lower() if isinstance(value, bool) else value for name, value in wish.items()}
    query = urlencode(told, doseq=True).encode()

    def read(what):
        try:
            return what().model_dump(exclude={"users"})
        except Problem as problem:
            return problem.code

    by_body = read(lambda: strict_inputs._validated(BatchWish, wish | {"users": ["u"]}, "body"))
    assert read(lambda: strict_inputs._read_query(RecommendationWish, query)) == by_body
    assert read(lambda: strict_inputs._read_kept_query(RecommendationWish, query)) == by_body
