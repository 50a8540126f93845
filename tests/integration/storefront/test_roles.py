"""Who may do what: every route of the storefront against a written table, by nobody, each role and a key of each scope.

A new route fails here until it is in the table.
"""

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.support.own_shop import PASSWORD, PEOPLE, WRONG_PASSWORD, Browser, OwnShop
from tests.support.secrets_in_logs import keep
from tests.support.waiting import eventually
from tidemark.storefront.app import create_app
from tidemark.storefront.shop import EXTENSION

WHO = ("nobody", "shopper", "presenter", "admin", "key: read", "key: write", "key: admin")
Statuses = tuple[int, int, int, int, int, int, int]

OPEN: Statuses = (200, 200, 200, 200, 200, 200, 200)
PAGE: Statuses = (303, 200, 200, 200, 401, 401, 401)
ACT: Statuses = (401, 303, 303, 303, 401, 401, 401)
PRESENTS: Statuses = (303, 403, 200, 403, 401, 401, 401)
PRESENTER_ACTS: Statuses = (401, 403, 303, 403, 401, 401, 401)
READS: Statuses = (401, 401, 401, 401, 200, 403, 200)
WRITES: Statuses = (401, 401, 401, 401, 403, 200, 200)
OF_NOTHING: Statuses = (401, 401, 401, 401, 404, 403, 404)
"""What reads about a thing that is not there."""


@dataclass(frozen=True)
class Row:
    """Who gets which status by the request `path`, with `form` or `body`."""

    path: str
    may: Statuses
    form: Mapping[str, str] = field(default_factory=dict)
    body: Any = None


ONE = {"user_id": "u20", "item_id": "i05", "event_type": "view"}
HIDDEN = {"title": "of the walk", "available": False}

# In this order: whoever acts stops then, and signing out is last.
TABLE: dict[tuple[str, str], Row] = {
    ("GET", "/"): Row("/", PAGE),
    ("GET", "/for-you/shelves"): Row("/for-you/shelves", PAGE),
    ("GET", "/product"): Row("/product?item=i01", PAGE),
    ("GET", "/search"): Row("/search?q=title", PAGE),
    ("GET", "/popular"): Row("/popular", PAGE),
    ("GET", "/shown"): Row("/shown?rid={rid}", PAGE),
    ("GET", "/history"): Row("/history", PAGE),
    ("GET", "/history/export"): Row("/history/export", PAGE),
    ("POST", "/history/delete"): Row("/history/delete", (401, 404, 404, 404, 401, 401, 401), {"event": "none"}),
    ("GET", "/basket"): Row("/basket", PAGE),
    ("GET", "/live"): Row("/live", PAGE),
    ("POST", "/acts"): Row("/acts", ACT, {"act": "put", "item": "i01"}),
    ("POST", "/basket/buy"): Row("/basket/buy", ACT),
    ("GET", "/erase"): Row("/erase", PAGE),
    ("POST", "/erase"): Row("/erase", (401, 422, 422, 422, 401, 401, 401)),  # the box is not ticked
    ("GET", "/erased"): Row("/erased", OPEN),
    ("GET", "/people"): Row("/people", PRESENTS),
    ("GET", "/people/side-by-side"): Row("/people/side-by-side?left={offer}&right={offer}", PRESENTS),
    ("POST", "/people/act"): Row("/people/act", PRESENTER_ACTS, {"offer": "{offer}"}),
    ("POST", "/people/stop"): Row("/people/stop", PRESENTER_ACTS),
    ("GET", "/api/v1"): Row("/api/v1", OPEN),
    ("GET", "/api/v1/openapi.json"): Row("/api/v1/openapi.json", OPEN),
    ("GET", "/api/v1/models"): Row("/api/v1/models", READS),
    ("GET", "/api/v1/popular"): Row("/api/v1/popular", READS),
    ("GET", "/api/v1/items/<id:item_id>/similar"): Row("/api/v1/items/i01/similar", READS),
    ("GET", "/api/v1/users/<id:user_id>/recommendations"): Row("/api/v1/users/u02/recommendations", READS),
    ("GET", "/api/v1/users/<id:user_id>/because/<id:item_id>"): Row("/api/v1/users/u02/because/i01", READS),
    ("GET", "/api/v1/users/<id:user_id>/interactions"): Row("/api/v1/users/u02/interactions", READS),
    ("DELETE", "/api/v1/users/<id:user_id>/interactions/<key:interaction_id>"): Row(
        "/api/v1/users/u02/interactions/none", (401, 401, 401, 401, 403, 403, 404)
    ),
    ("GET", "/api/v1/users/<id:user_id>/export"): Row("/api/v1/users/u02/export", READS),
    ("POST", "/api/v1/recommendations/batch"): Row("/api/v1/recommendations/batch", READS, body={"users": ["u02"]}),
    ("POST", "/api/v1/recommendations/session"): Row("/api/v1/recommendations/session", READS, body={"items": ["i01"]}),
    ("POST", "/api/v1/interactions"): Row(
        "/api/v1/interactions", (401, 401, 401, 401, 403, 202, 202), body={"interactions": [ONE]}
    ),
    ("PUT", "/api/v1/items/<id:item_id>"): Row("/api/v1/items/walked", WRITES, body=HIDDEN),
    ("POST", "/api/v1/items"): Row("/api/v1/items", WRITES, body={"items": [{"item_id": "walked"} | HIDDEN]}),
    ("GET", "/api/v1/experiments/<name>"): Row("/api/v1/experiments/none", OF_NOTHING),
    ("DELETE", "/api/v1/users/<id:user_id>"): Row("/api/v1/users/of-the-walk", (401, 401, 401, 401, 403, 403, 202)),
    ("POST", "/api/v1/erasures"): Row(
        "/api/v1/erasures", (401, 401, 401, 401, 403, 403, 202), body={"user_id": "of-the-walk/interactions/1"}
    ),
    ("GET", "/api/v1/erasures/<id:erasure_id>"): Row("/api/v1/erasures/none", (401, 401, 401, 401, 403, 403, 404)),
    ("GET", "/healthz"): Row("/healthz", OPEN),
    ("GET", "/readyz"): Row("/readyz", OPEN),
    ("GET", "/metrics"): Row("/metrics", READS),
    ("GET", "/problems/<name>"): Row("/problems/away", OPEN),
    ("GET", "/static/<path:filename>"): Row("/static/shop.svg", OPEN),
    ("GET", "/sign-in"): Row("/sign-in", (200, 303, 303, 303, 200, 200, 200)),
    ("POST", "/sign-in"): Row(
        "/sign-in",
        (403, 403, 403, 403, 422, 422, 422),
        {"email": "nobody@tidemark.example", "password": WRONG_PASSWORD},
    ),
    ("POST", "/sign-out"): Row("/sign-out", (303, 303, 303, 303, 303, 303, 303)),
}

HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self' {live}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
"""Of every answer, whatever it is."""
OTHERS = {
    *("content-type", "content-length", "transfer-encoding", "date", "server", "x-request-id", "cache-control", "vary"),
    *("location", "set-cookie", "etag", "last-modified", "content-disposition", "allow", "retry-after"),
    *("www-authenticate", "accept-ranges", "expires", "connection"),
}
"""That an answer may have besides."""
CACHED = {"no-store", "private, no-cache", "public, max-age=31536000"}


class Walker:
    """Makes the requests of one of `WHO`."""

    def __init__(self, shop: OwnShop, who: str) -> None:
        self.shop, self.who = shop, who
        kind, _, scope = who.partition(": ")
        self.client: httpx.Client = shop.client(scope) if scope else shop.browser(None if kind == "nobody" else kind)
        self.known = {"rid": "none", "offer": "none"}
        if kind in PEOPLE:
            told = shop.ask(f"/api/v1/users/{PEOPLE[kind]}/recommendations").json()
            self.known["rid"] = told["recommendation_id"]
        if kind == "presenter":
            found = re.search(r'name="offer"[^>]* value="([^"]+)"', self.client.get("/people").text)
            assert found
            self.known["offer"] = found[1]

    def ask(self, method: str, row: Row, token: str | None = None, **headers: str) -> httpx.Response:
        """The request of a row; a change through a browser has the token of its page, unless `token` says another."""
        path = row.path.format(**self.known)
        if method == "GET":
            return self.client.get(path, headers=headers)
        own = {"Origin": self.shop.url} | headers
        if isinstance(self.client, Browser):
            page = "/sign-in" if self.who == "nobody" else "/basket"
            token = self.client.token(page) if token is None else token
        if row.body is not None:
            return self.client.request(method, path, json=row.body, headers=own | {"X-CSRFToken": token or ""})
        form = {name: text.format(**self.known) for name, text in row.form.items()}
        return self.client.request(method, path, data={"csrf_token": token or ""} | form, headers=own)


@pytest.fixture(scope="module")
def rules(real_shop: OwnShop) -> Iterator[set[tuple[str, str]]]:
    """Method and rule of every route that the application has."""
    app = create_app(real_shop.config)
    yield {
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    app.extensions[EXTENSION].close()


def wrong_headers(answer: httpx.Response, live: str) -> list[str]:
    """What an answer has of headers that it should not have, and has not that it should."""
    wanted = {name: text.format(live=live) for name, text in HEADERS.items()}
    found = [
        f"{name}: {answer.headers.get_list(name)}"
        for name, text in wanted.items()
        if answer.headers.get_list(name) != [text]
    ]
    found += sorted(set(answer.headers) - set(wanted) - OTHERS)
    if answer.headers.get("cache-control") not in CACHED:
        found.append(f"cache-control: {answer.headers.get('cache-control')}")
    for cookie in answer.headers.get_list("set-cookie"):
        name, attributes = cookie.partition("=")[0], set(cookie.split("; ")[1:])
        same_site = {"tidemark_session": "SameSite=Lax", "tidemark_form": "SameSite=Strict"}.get(name)
        if not {"HttpOnly", "Path=/", same_site} <= attributes:
            found.append(f"cookie: {name}, {attributes}")
    return found


def test_every_route_is_in_the_table(rules: set[tuple[str, str]]) -> None:
    assert rules == set(TABLE)


@pytest.mark.parametrize("who", WHO)
def test_each_gets_what_the_table_says_with_every_header(real_shop: OwnShop, who: str) -> None:
    walker, live = Walker(real_shop, who), f"http://127.0.0.1:{real_shop.config.shop_live_port}"
    answers = {route: walker.ask(route[0], row) for route, row in TABLE.items()}
    wanted = {route: row.may[WHO.index(who)] for route, row in TABLE.items()}
    assert {route: answer.status_code for route, answer in answers.items()} == wanted
    # Errors that no route makes: no such page, no such method, a body that is too long, a Host that is none.
    client = walker.client
    answers["GET", "?"] = client.get("/no/such/page")
    answers["DELETE", "/"] = client.delete("/")
    answers["OPTIONS", "/"] = client.options("/")
    answers["HEAD", "/"] = client.head("/sign-in")
    answers["POST", "large"] = client.post("/sign-in", content=b"x" * 200_000)
    assert {route: wrong for route, answer in answers.items() if (wrong := wrong_headers(answer, live))} == {}
    for answer in answers.values():
        assert answer.status_code < 500
        assert answer.headers["x-request-id"]


def test_no_change_goes_through_without_its_token_and_its_origin(real_shop: OwnShop) -> None:
    walkers = {who: Walker(real_shop, who) for who in ("nobody", "presenter")}
    foreign = walkers["nobody"].client.token()  # type: ignore[attr-defined]
    refused = {}
    for (method, rule), row in TABLE.items():
        if method == "GET":
            continue
        for who, walker in walkers.items():
            for why, tried in {
                "no token": walker.ask(method, row, ""),
                "a made up token": walker.ask(method, row, "made.up.token"),
                "another's token": walker.ask(method, row, foreign if who == "presenter" else "x"),
                "another origin": walker.ask(method, row, Origin="http://127.0.0.1:1"),
                "no origin": walker.ask(method, row, Origin=""),
                "another port of this host": walker.ask(method, row, **{"Sec-Fetch-Site": "same-site"}),
            }.items():
                # Without a cookie the API needs no token: without a key nothing is done.
                wanted = 401 if who == "nobody" and rule.startswith("/api/") else 403
                if tried.status_code != wanted:
                    refused[method, rule, who, why] = tried.status_code
    assert refused == {}
    assert walkers["presenter"].client.get("/people").status_code == 200, "nobody signed them out"


@pytest.mark.parametrize("path", ["/api/v1/interactions", "/sign-in", "/no-such-page"])
def test_a_refusal_that_comes_before_the_body_leaves_the_connection_open(real_shop: OwnShop, path: str) -> None:
    """Bodies often come in a packet of their own; the next request would meet the end of the connection."""
    shop, body = HTTPConnection(urlsplit(real_shop.url).netloc, timeout=30), b"csrf_token=made-up"
    shop.putrequest("POST", path)
    shop.putheader("Content-Type", "application/x-www-form-urlencoded")
    shop.putheader("Content-Length", str(len(body)))
    shop.endheaders()
    time.sleep(0.2)  # the answer, if one is given without the body
    shop.send(body)
    assert shop.getresponse().read()
    connection = shop.sock
    for _ in range(20):
        shop.request("GET", "/healthz")
        assert shop.getresponse().read()
        assert shop.sock is connection, "it was ended"
    shop.close()


def test_a_person_is_who_signed_in_whatever_the_address_says(real_shop: OwnShop) -> None:
    shop = real_shop
    acted = [
        {"user_id": user, "item_id": item, "event_type": "purchase"} for user, item in (("u01", "i30"), ("u02", "i31"))
    ]
    answer = shop.ask("/api/v1/interactions", "write", method="POST", json={"interactions": acted})
    assert answer.status_code == 202
    browser, wanted = shop.browser("shopper"), "?user_id=u02&user=u02&acting=u02"

    def histories(query: str) -> tuple[str, str]:
        return browser.get(f"/history{query}").text, browser.get(f"/history/export{query}").text

    eventually(lambda: "i30" in histories("")[1], 20, "the tail did not bring it")
    page, export = histories(wanted)
    assert "i31" not in page
    assert [line for line in export.splitlines() if '"user_id":"u01"' not in line] == []
    assert {line.partition('"item_id":"')[2][:3] for line in export.splitlines()} >= {"i30"}
    answer = browser.submit("/acts", {"act": "buy", "item": "i33", "user_id": "u02", "acting": "u02"})
    assert answer.status_code == 303
    eventually(lambda: "i33" in histories("")[1], 20, "bought for nobody")
    of_another = shop.ask("/api/v1/users/u02/interactions").json()["interactions"]
    assert "i33" not in {event["item_id"] for event in of_another}
    # What was shown to another, and what was offered to another, is nobody else's.
    rid = shop.ask("/api/v1/users/u02/recommendations").json()["recommendation_id"]
    assert browser.get("/shown", params={"rid": rid}).status_code == 404
    offer = Walker(shop, "presenter").known["offer"]
    assert browser.submit("/people/act", {"offer": offer}).status_code == 403
    # Nor does a cookie stand in for a key, a key for a cookie, or one header for both.
    assert browser.get("/api/v1/users/u01/interactions").status_code == 401
    assert browser.get("/history", headers=shop.bearer("admin")).status_code == 303
    assert shop.ask("/history", "admin").status_code == 401


def test_behind_tls_cookies_are_secure_and_bound_to_the_host(real_shop: OwnShop) -> None:
    config = real_shop.config.model_copy(update={"shop_tls": True, "shop_trusted_proxies": "127.0.0.1"})
    app = create_app(config)
    try:
        client = app.test_client()
        asked: dict[str, Any] = {
            "headers": {"X-Forwarded-Proto": "https", "Accept": "text/html"},
            "base_url": "http://shop.example",
        }
        page = client.get("/sign-in", **asked)
        token = re.search(r'name="csrf_token"[^>]* value="([^"]+)"', page.text)
        assert token
        asked["headers"]["Origin"] = "https://shop.example"
        asked["headers"]["Cookie"] = page.headers["Set-Cookie"].partition(";")[0]
        form = {"csrf_token": token[1], "email": "shopper@tidemark.example", "password": PASSWORD}
        signed_in = client.post("/sign-in", data=form, **asked)
        assert signed_in.status_code == 303
        for answer, name, same_site in (
            (page, "__Host-tidemark_form", "Strict"),
            (signed_in, "__Host-tidemark_session", "Lax"),
        ):
            (cookie,) = answer.headers.getlist("Set-Cookie")
            assert cookie.startswith(f"{name}=")
            assert set(cookie.split("; ")[1:]) == {"Secure", "HttpOnly", "Path=/", f"SameSite={same_site}"}
            assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
        keep(cookie.partition("=")[2].partition(".")[0])
    finally:
        app.extensions[EXTENSION].close()
