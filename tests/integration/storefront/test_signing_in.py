"""Signing in and out in a browser, over workers that share nothing but MongoDB."""

import json
import logging

import pytest

from tests.support import signed_in
from tests.support.signed_in import EMAIL, PASSWORD, Browser
from tidemark.settings import Settings
from tidemark.storage import mongo
from tidemark.storefront import audit, login
from tidemark.storefront.accounts import Accounts
from tidemark.storefront.sign_ins import PER_ACCOUNT


@pytest.fixture
def config(mongo_db: Settings) -> Settings:
    accounts = Accounts(mongo.connect(mongo_db))
    accounts.add(EMAIL, PASSWORD, "shopper", "u1")
    accounts.add("pia@tidemark.example", PASSWORD, "presenter", "u2")
    return mongo_db


@pytest.fixture
def away():
    return signed_in.Away()


def worker(config: Settings):
    return signed_in.on(mongo.connect(config), config)


def move(browser: Browser, app) -> None:
    """The browser's next request comes to another worker."""
    cookies = browser._client._cookies
    browser._client = app.test_client()
    browser._client._cookies = cookies


def test_one_signs_in_is_known_in_both_workers_and_signs_out(config):
    (one, *_), (two, *_) = worker(config), worker(config)
    browser = Browser(one)
    assert browser.get("/").json["account"] is None
    to_form = browser.get("/mine?a=b")
    assert (to_form.status_code, to_form.location) == (303, "/sign-in?next=/mine?a%3Db")
    answer = browser.sign_in("ANNA@tidemark.example", PASSWORD, next="/mine")
    assert (answer.status_code, answer.location) == (303, "/mine")
    for app in (one, two):
        move(browser, app)
        assert browser.get("/mine").text == "mine"
        assert browser.get("/").json["user_id"] == "u1"
    assert browser.get("/sign-in?next=/mine").location == "/mine"
    assert browser.post("/sign-out", {"csrf_token": browser.token()}).status_code == 303
    assert browser.cookie("tidemark_session") is None
    assert browser.get("/mine").status_code == 303


@pytest.mark.parametrize("wanted", ["//evil.example", "https://evil.example", "/\\evil.example"])
def test_nobody_is_led_to_another_site(config, wanted):
    app, *_ = worker(config)
    browser = Browser(app)
    assert browser.sign_in(next=wanted).location == "/"
    assert browser.get("/sign-in?next=" + wanted).location == "/"
    assert 'value="/"' in Browser(app).get("/sign-in?next=" + wanted).text


@pytest.mark.parametrize("tls", [False, True])
def test_cookies_are_for_this_host_and_no_script(config, tls):
    app, *_ = worker(config.model_copy(update={"shop_tls": tls, "shop_trusted_proxies": "127.0.0.1"}))
    browser = Browser(app, tls=tls)
    form = browser.get("/sign-in").headers.getlist("Set-Cookie")
    session = browser.sign_in().headers.getlist("Set-Cookie")
    prefix, secure = ("__Host-", {"Secure"}) if tls else ("", set())
    for (cookie,), name, same_site in ((form, "form", "Strict"), (session, "session", "Lax")):
        given, *attributes = cookie.split("; ")
        assert given.startswith(f"{prefix}tidemark_{name}=")
        assert set(attributes) == {"HttpOnly", "Path=/", f"SameSite={same_site}"} | secure
    assert browser.get("/mine").text == "mine"
    gone = browser.post("/sign-out", {"csrf_token": browser.token()}).headers.getlist("Set-Cookie")
    assert any("Max-Age=0" in cookie and f"{prefix}tidemark_session=;" in cookie for cookie in gone)


def test_no_cookie_is_set_but_these_and_none_where_nothing_changes(config):
    app, *_ = worker(config)
    browser = Browser(app)
    assert "Set-Cookie" not in browser.get("/").headers
    browser.sign_in()
    assert {cookie.key for cookie in browser._client._cookies.values()} == {"tidemark_form", "tidemark_session"}
    answer = browser.get("/")
    assert "Set-Cookie" not in answer.headers
    assert "Cookie" in answer.vary
    browser.has("remember_token", f"{EMAIL}|forged")
    assert browser.get("/").json["account"] == EMAIL


def test_the_session_of_before_is_of_no_use_after_signing_in_again(config):
    app, _, sessions = worker(config)
    browser, thief = Browser(app), Browser(app)
    browser.sign_in()
    stolen = browser.cookie("tidemark_session") or ""
    thief.has("tidemark_session", stolen)
    assert thief.get("/mine").text == "mine"
    browser.sign_in()
    assert browser.cookie("tidemark_session") != stolen
    assert browser.get("/mine").text == "mine"
    assert thief.get("/mine").status_code == 303
    sessions.revoke_all(EMAIL)
    assert browser.get("/mine").status_code == 303


def test_a_cookie_that_an_attacker_put_there_is_not_what_one_signs_in_by(config):
    app, *_ = worker(config)
    browser = Browser(app)
    browser.has("tidemark_session", "a" * 43 + ".0")
    assert browser.sign_in().status_code == 303
    assert not browser.cookie("tidemark_session").startswith("a" * 43)


def test_who_is_refused_reads_the_same_whether_the_account_is_there(config):
    app, *_ = worker(config)
    browser = Browser(app)
    texts = set()
    for email in (EMAIL, "nobody@tidemark.example"):
        answer = browser.sign_in(email, "wrong password")
        assert answer.status_code == 403
        assert "wrong password" not in answer.text
        texts.add(answer.text.replace(email, "EMAIL").replace(browser.token(), "TOKEN"))
    assert "do not belong together" in texts.pop()
    assert not browser.cookie("tidemark_session")
    assert browser.sign_in("", "").status_code == 422
    assert "<script>" not in browser.sign_in('"><script>alert(1)</script>', "wrong password").text


def test_too_many_wrong_ones_are_not_looked_at_in_either_worker_and_say_when_to_come_back(config):
    (one, accounts_one, _), (two, accounts_two, _) = worker(config), worker(config)
    for n in range(PER_ACCOUNT + 4):
        Browser((one, two)[n % 2], address=f"192.0.2.{n}").sign_in(password="wrong password")
    assert accounts_one.hashed + accounts_two.hashed == PER_ACCOUNT
    answer = Browser(two, address="198.51.100.1").sign_in()
    assert answer.status_code == 429, "the right one neither: nobody learns by it that it is right"
    assert 0 < int(answer.headers["Retry-After"]) <= 900
    assert "Try again in 15 minutes" in answer.text


def test_who_comes_while_others_are_hashed_is_asked_to_wait(config):
    app, accounts, _ = worker(config)
    accounts._patience = 0.01
    with accounts._turn:
        answer = Browser(app).sign_in()
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    for _ in range(PER_ACCOUNT + 2):
        with accounts._turn:
            Browser(app).sign_in()
    assert Browser(app).sign_in().status_code == 303, "what was not looked at is not counted"


def test_while_mongodb_is_away_who_is_known_goes_on_and_signing_in_waits(config, away):
    app, accounts, sessions = worker(config)
    known, unknown = Browser(app), Browser(worker(config)[0])
    known.sign_in()
    unknown.sign_in()
    move(unknown, app)
    held = {key: (session, at - 60) for key, (session, at) in sessions._held.items()}  # read a minute ago
    sessions._held.update(held)
    parts = app.extensions[login.EXTENSION]
    for part in (accounts, sessions, parts.sign_ins):
        part._db = away
    assert known.get("/mine").text == "mine"
    answer = unknown.get("/mine")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert unknown.cookie("tidemark_session"), "they are signed in again when it is back"
    answer = Browser(app).sign_in()
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert known.post("/sign-out", {"csrf_token": known.token()}).status_code == 503


def test_a_change_needs_the_token_of_its_own_session(config):
    app, *_ = worker(config)
    browser, other = Browser(app), Browser(app)
    before = browser.token()
    browser.sign_in()
    other.sign_in("pia@tidemark.example")
    for token in ("", before, other.token()):
        assert browser.post("/basket", {"csrf_token": token}).status_code == 403
    assert browser.post("/basket", {"csrf_token": browser.token()}, Origin="http://evil.example").status_code == 403
    assert browser.get("/").json["basket"] == []
    assert browser.post("/basket", {"csrf_token": browser.token()}).text == "in"
    assert browser.post("/basket", {}, **{"X-CSRFToken": browser.token()}).text == "in", "as scripts send it"


def test_what_a_session_holds_is_seen_by_the_next_request_in_another_worker(config):
    (one, *_), (two, *_) = worker(config), worker(config)
    browser = Browser(one)
    browser.sign_in()
    move(browser, two)
    assert browser.get("/").json["basket"] == []
    move(browser, one)
    browser.post("/basket", {"csrf_token": browser.token()})
    move(browser, two)
    assert browser.get("/").json["basket"] == ["item-1"]


def test_a_presenter_shops_as_another_and_others_do_not(config, caplog):
    caplog.set_level(logging.INFO, audit.LOGGER)
    app, *_ = worker(config)
    presenter, shopper = Browser(app), Browser(app)
    presenter.sign_in("pia@tidemark.example")
    shopper.sign_in()
    assert shopper.post("/act-as/u9", {"csrf_token": shopper.token()}).status_code == 403
    assert Browser(app).post("/act-as/u9", {"csrf_token": Browser(app).token()}).status_code == 403
    assert presenter.post("/act-as/u9", {"csrf_token": presenter.token()}).text == "u9"
    seen = presenter.get("/").json
    assert (seen["user_id"], seen["acting"], seen["own_user_id"]) == ("u9", "u9", "u2")
    acts = [json.loads(r.getMessage()) for r in caplog.records if r.name == audit.LOGGER and "act_as" in r.getMessage()]
    assert [(act["account"], act["user"]) for act in acts] == [("p***@tidemark.example", "u9")]


def test_each_role_has_its_routes(config):
    app, accounts, _ = worker(config)
    accounts.add("ada@tidemark.example", PASSWORD, "admin")
    admin, shopper, nobody = Browser(app), Browser(app), Browser(app)
    admin.sign_in("ada@tidemark.example")
    shopper.sign_in()
    assert [b.get("/rules").status_code for b in (admin, shopper, nobody)] == [200, 403, 303]
    assert nobody.get("/rules", Accept="application/json").status_code == 401
    assert nobody.post("/basket", {"csrf_token": nobody.token()}).status_code == 401


def test_nothing_secret_is_logged_and_every_sign_in_is(config, caplog):
    caplog.set_level(logging.DEBUG)
    app, *_ = worker(config)
    browser = Browser(app)
    browser.sign_in(password="a wrong password")
    browser.sign_in()
    browser.post("/basket", {"csrf_token": "a forged token"})
    token = browser.token()
    browser.post("/sign-out", {"csrf_token": token})
    said = [json.loads(r.getMessage())["audit"] for r in caplog.records if r.name == audit.LOGGER]
    assert said == ["sign_in_refused", "sign_in", "sign_out"]
    # What the driver logs at DEBUG holds what is stored; what is not stored must be nowhere at all.
    whole = "\n".join(record.getMessage() for record in caplog.records)
    for secret in (PASSWORD, "a wrong password", token):
        assert secret not in whole
    ours = "\n".join(r.getMessage() for r in caplog.records if not r.name.startswith("pymongo"))
    assert EMAIL not in ours
    assert "$argon2id" not in ours


@pytest.mark.parametrize(("trusted", "counted"), [("10.0.0.0/8", 2), ("", 1), ("192.0.2.0/24", 1)])
def test_wrong_passwords_count_for_the_client_of_a_trusted_proxy_and_not_for_whom_anybody_names(
    config, trusted, counted
):
    app, *_ = worker(config.model_copy(update={"shop_trusted_proxies": trusted}))
    for client in ("198.51.100.1", "198.51.100.2"):
        browser = Browser(app, "10.0.0.7")
        browser._headers["X-Forwarded-For"] = f"203.0.113.99, {client}"
        assert browser.sign_in(EMAIL, "another password").status_code == 403
    addresses = mongo.connect(config)["sign_ins"].find({"_id": {"$regex": "^address:"}})
    seen = {each["_id"]: each["attempts"] for each in addresses}
    theirs = {f"address:198.51.100.{n}": 1 for n in (1, 2)}
    assert seen == (theirs if counted == 2 else {"address:10.0.0.7": 2})
