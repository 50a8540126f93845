"""The headers of every answer, exactly; and what of a request is refused before any route sees it."""

import io

import pytest
from flask import Flask

from tests.support import signed_in
from tidemark.errors import SettingError
from tidemark.settings import Settings
from tidemark.storefront import protection
from tidemark.storefront.protection import live_origin

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self' http://localhost:8091; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
EXACT = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cache-Control": "no-store",
}


class NotAsked:
    """Sessions and accounts that nobody may ask."""

    def __getattr__(self, name: str) -> object:
        raise AssertionError(f"{name} was asked for")


def small(**settings: object) -> Flask:
    return signed_in.application(Settings(**settings), NotAsked(), NotAsked(), NotAsked())  # type: ignore[arg-type]


@pytest.mark.parametrize("path", ["/", "/nowhere", "/mine", "/broken", "/sign-in", "/static/none.css"])
def test_every_answer_has_them_an_error_and_a_failure_too(path):
    answer = signed_in.Browser(small()).get(path)
    given = {name: answer.headers.getlist(name) for name in EXACT}
    assert given == {name: [value] for name, value in EXACT.items()}
    assert "Strict-Transport-Security" not in answer.headers


def test_an_answer_keeps_what_it_sets_itself():
    app = small()
    app.add_url_rule("/own", view_func=lambda: ("", {"cache-control": "private, no-cache"}))
    assert signed_in.Browser(app).get("/own").headers.getlist("Cache-Control") == ["private, no-cache"]


def test_without_a_secret_to_sign_with_nothing_is_served():
    with pytest.raises(SettingError, match="TIDEMARK_SHOP_SECRET"):
        protection.protect(Flask(__name__), Settings())


def test_nothing_unsafe_is_allowed_whatever_is_set():
    for images in ("drawn", "remote"):
        text = protection.policy("", images == "remote")
        assert "unsafe" not in text
        assert "*" not in text
        assert ("https:" in text) == (images == "remote")


def test_behind_tls_browsers_are_to_come_by_tls_alone():
    answer = signed_in.Browser(small(shop_tls=True, shop_trusted_proxies="127.0.0.1"), tls=True).get("/")
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert "connect-src 'self';" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize(("trusted", "proto"), [("192.0.2.1", "https"), ("127.0.0.1", "http")])
def test_who_is_no_proxy_makes_nobody_come_by_tls_alone_and_no_cookie_less_secure(trusted, proto):
    client = small(shop_tls=True, shop_trusted_proxies=trusted).test_client()
    answer = client.get("/sign-in", headers={"X-Forwarded-Proto": proto})
    assert "Strict-Transport-Security" not in answer.headers
    (cookie,) = answer.headers.getlist("Set-Cookie")
    assert cookie.startswith("__Host-tidemark_form=")
    assert "Secure" in cookie.split("; ")
    plain = small().test_client().get("/sign-in", headers={"X-Forwarded-Proto": "https"})
    assert "Strict-Transport-Security" not in plain.headers
    assert "Secure" not in plain.headers["Set-Cookie"]


@pytest.mark.parametrize(
    ("settings", "host", "origin"),
    [
        ({}, "127.0.0.1:8090", "http://127.0.0.1:8091"),
        ({}, "[::1]:8090", "http://[::1]:8091"),
        ({"shop_live_port": 9}, "shop", "http://shop:9"),
        ({"shop_live_url": "https://shop:8443/"}, "shop", "https://shop:8443"),
        ({"shop_tls": True}, "shop.example", ""),
        ({}, "x; script-src *", ""),
        ({}, "x\r\nSet-Cookie: a=b", ""),
        ({}, "", ""),
    ],
)
def test_where_the_live_stream_is(settings, host, origin):
    assert live_origin(Settings(**settings), host) == origin


def test_a_body_or_a_form_that_is_too_large_is_refused():
    app = small()
    browser = signed_in.Browser(app)
    assert browser.post("/sign-in", {"email": "a" * protection.LARGEST_FORM}).status_code == 413
    assert browser.post("/sign-in", {f"f{n}": "" for n in range(20_000)}).status_code == 413
    many = {f"f{n}": (io.BytesIO(b""), "") for n in range(protection.MOST_FIELDS + 1)}
    answer = app.test_client().post("/sign-in", data=many, headers={"Origin": "http://localhost"})
    assert answer.status_code == 413

    def sent(length: int) -> int:
        """The status of a body that does not say its length."""
        unsaid = {"wsgi.input_terminated": True}
        body = io.BytesIO(b"a" * length)
        return app.test_client().post("/api/v1/read", input_stream=body, environ_overrides=unsaid).status_code

    assert sent(protection.LARGEST_BODY) == 200
    assert sent(protection.LARGEST_BODY + 1) == 413


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:8091"},
        {"Origin": "https://localhost"},
        {"Origin": ""},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "none"},
    ],
)
def test_a_form_that_another_page_sends_is_refused_with_the_right_token_too(headers):
    browser = signed_in.Browser(small())
    answer = browser.post("/sign-in", {"csrf_token": browser.token(), "email": "a@b.example"}, **headers)
    assert answer.status_code == 403
    assert "not sent from a page of this shop" in answer.text


def test_a_form_needs_the_token_of_its_own_browser():
    app = small()
    browser, other = signed_in.Browser(app), signed_in.Browser(app)
    foreign = other.token()
    assert browser.post("/sign-in", {"csrf_token": browser.token()}).status_code == 422, "it has its fields to fill in"
    assert (
        browser.post("/sign-in", {"csrf_token": browser.token()}, **{"Sec-Fetch-Site": "same-origin"}).status_code
        == 422
    )
    for token in (None, "", "x", foreign, browser.token() + "x"):
        assert browser.post("/sign-in", {"csrf_token": token} if token is not None else {}).status_code == 403


def test_a_request_with_a_key_needs_no_token_and_is_nobodys_whatever_cookie_it_bears():
    app = small()
    browser = signed_in.Browser(app)
    browser.has("tidemark_session", "a" * 43 + ".0")
    answer = browser.post("/api/v1/things", Authorization="Bearer tm_x", Origin="http://evil.example")
    assert answer.json == {"account": None}
    assert "Set-Cookie" not in answer.headers
    assert browser.get("/mine", Authorization="Bearer tm_x").status_code == 303


def test_the_api_without_a_key_is_the_apis_own_to_refuse_and_by_a_cookie_it_needs_the_token():
    app = small()
    assert app.test_client().post("/api/v1/things").status_code == 200, "with nobody's rights"
    browser = signed_in.Browser(app)
    browser.has("tidemark_session", "a" * 43 + ".0")
    assert browser.post("/api/v1/things", Origin="http://evil.example").status_code == 403


def test_a_route_that_is_not_there_is_not_there():
    browser = signed_in.Browser(small())
    assert browser.post("/nowhere", Origin="http://evil.example").status_code == 404
    assert browser.post("/mine", Origin="http://evil.example").status_code == 405


@pytest.mark.parametrize(
    ("settings", "works"),
    [
        ({}, True),
        ({"shop_live_url": "/"}, True),
        ({"shop_live_url": "http://127.0.0.1:9000"}, True),
        ({"shop_live_url": "http://127.0.0.2:9000"}, False),
        ({"shop_url": "https://shop.example", "shop_live_url": "https://shop.example:8443"}, True),
        ({"shop_url": "https://Shop.example", "shop_live_url": "https://shop.EXAMPLE:8443/"}, True),
        ({"shop_url": "https://shop.example", "shop_live_url": "https://live.shop.example"}, False),
        ({"shop_host": "0.0.0.0", "shop_live_url": "http://shop.example:9000"}, False),  # noqa: S104
    ],
)
def test_a_live_stream_on_another_host_is_refused_for_no_cookie_goes_there(settings, works):
    if works:
        small(**settings)
        return
    with pytest.raises(SettingError, match=r"another port of .*TIDEMARK_SHOP_LIVE_URL=/.*TIDEMARK_SHOP_URL"):
        small(**settings)


def test_no_address_is_believed_but_a_trusted_proxys():
    for trusted, seen in (("", "127.0.0.1"), ("192.0.2.1", "127.0.0.1"), ("127.0.0.1", "203.0.113.9")):
        app = small(shop_trusted_proxies=trusted)
        app.add_url_rule("/address", view_func=lambda: __import__("flask").request.remote_addr)
        forged = {"X-Forwarded-For": "198.51.100.1, 203.0.113.9"}
        assert app.test_client().get("/address", headers=forged).text == seen
