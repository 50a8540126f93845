"""The script of the live page and of an open "For you", in Chromium, with the real live process on another port."""

import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jinja2
import pytest
from flask import Flask, render_template
from playwright.sync_api import Browser, ConsoleMessage, Page, expect
from werkzeug.serving import make_server

from tests.support.browser import browser
from tests.support.live_server import COOKIE, live_server
from tests.support.topic import own_topics
from tests.support.waiting import eventually
from tidemark import storefront
from tidemark.registry import champion
from tidemark.settings import Settings
from tidemark.storage import mongo
from tidemark.stream.exposures import Exposures
from tidemark.stream.sending import Sender

MODEL = "20260101T000000-0a0a0a0a"
SOON = 30_000
"""Milliseconds: a second or two, but for what else the machine does."""
HERE = Path(storefront.__file__).parent
BASE = (
    "<!doctype html><html lang=en><title>{% block title %}{% endblock %}</title>{% block scripts %}{% endblock %}"
    "<main id=main>{% block main %}{% endblock %}</main>"
)
FOR_YOU = (
    "<!doctype html><html lang=en><title>For you</title><script type=module src=/static/live.js></script>"
    "<div data-live=me data-url=/for-you/shelves data-stream={{ stream }}><p role=status data-live-note hidden></p></div>"
    "<div data-shelves>old <i data-delivery><a href='/shown?rid=rid-1'>where</a></i></div>"
)


@pytest.fixture
def config(mongo_db: Settings, kafka_env: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    return own_topics(monkeypatch)


@pytest.fixture
def shop(config: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[SimpleNamespace]:
    """A stand-in for the storefront, with its templates and static files, its policy, and the live process beside it."""
    app = Flask("shop", static_folder=str(HERE / "static"))
    loaders = [jinja2.DictLoader({"shop/base.html": BASE}), jinja2.FileSystemLoader(HERE / "templates")]
    app.jinja_loader = jinja2.ChoiceLoader(loaders)
    app.jinja_env.globals |= {
        "asset": lambda name: f"/static/{name}",
        "product_url": lambda item: f"/product?item={item}",
    }
    made = SimpleNamespace(looks=0, stream="")

    @app.get("/live", endpoint="live.live")
    def live() -> str:
        told: dict[str, Any] = {"tide": {"lag": None, "mark": config.retrain_mark}, "retrain": {"stage": "quiet"}}
        return render_template(
            "shop/live.html", **told, top=[], models=[], champion=None, live_stream=made.stream.__add__
        )

    @app.get("/for-you")
    def for_you() -> str:
        return render_template_text(app, FOR_YOU, stream=f"{made.stream}/live/me")

    @app.get("/for-you/shelves")
    def shelves() -> str:
        made.looks += 1
        return f"<div data-shelves>new {made.looks}</div>"

    @app.after_request
    def protect(answer: Any) -> Any:
        answer.headers["Content-Security-Policy"] = (
            f"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' {made.stream}"
        )
        return answer

    serving = make_server("127.0.0.1", 0, app, threaded=True)
    monkeypatch.setenv("TIDEMARK_SHOP_PORT", str(serving.port))
    thread = threading.Thread(target=serving.serve_forever)
    thread.start()
    with live_server(tmp_path) as server:
        made.stream, made.url, made.server = (
            f"http://127.0.0.1:{server.port}",
            f"http://127.0.0.1:{serving.port}",
            server,
        )
        yield made
    serving.shutdown()
    thread.join()


def render_template_text(app: Flask, text: str, **told: str) -> str:
    return app.jinja_env.from_string(text).render(**told)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as made:
        yield made


@pytest.fixture
def page(chromium: Browser, shop: SimpleNamespace) -> Iterator[Page]:
    context = chromium.new_context(reduced_motion="reduce")
    context.add_cookies([{"name": COOKIE, "value": "a.u1.shopper", "url": shop.url}])
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))

    def said(message: ConsoleMessage) -> None:
        if message.type == "error" and "favicon" not in str(message.location):
            wrong.append(message.text)

    page.on("console", said)
    yield page
    assert wrong == []
    context.close()


def buy(config: Settings, user: str, item: str, times: int = 1) -> None:
    sender = Sender(config)
    for _ in range(times):
        sender.send(user, json.dumps({"user_id": user, "item_id": item, "event_type": "purchase"}).encode())
    assert sender.flush()


def test_the_live_page_moves_and_pauses(page: Page, shop: SimpleNamespace, config: Settings) -> None:
    db, exposures = mongo.connect(config), Exposures(config)
    hostile = "<img src=x onerror=alert(1)>"
    db["products"].insert_one({"_id": "i1", "title": hostile})
    page.goto(f"{shop.url}/live")
    page.wait_for_selector("[data-connected=true]")
    expect(page.locator("[data-connection]")).to_have_text("Live.", timeout=SOON)
    buy(config, "u2", "i1", 800)
    expect(page.locator("[data-lag-value]")).to_have_text("800", timeout=SOON)
    assert page.get_attribute("[data-gauge] .water", "height") == "89.6"  # 800 of 1,000, the mark at four fifths
    expect(page.locator("[data-top]")).to_contain_text("800", timeout=SOON)
    expect(page.locator("[data-top] a")).to_have_text(hostile, timeout=SOON)
    assert page.locator("[data-top] img").count() == 0
    assert page.get_attribute("[data-spark]", "d").startswith("M0.0 ")
    exposures.shown("r1", "SHOPPER-1", ["i1"], MODEL, "champion", "for_you", "stored")
    page.wait_for_selector("[data-number]")
    assert "SH…1" in page.inner_text("[data-shown]")
    page.click("[data-pause]")
    assert page.get_attribute("[data-pause]", "aria-pressed") == "true"
    exposures.shown("r2", "SHOPPER-2", ["i1"], MODEL, "champion", "for_you", "stored")
    champion.move_pointer(db, MODEL, "a run")
    seen = shop.server.open("/live/events", "admin.x.admin")
    eventually(
        lambda: any((e.data.get("champion") or {}).get("model_id") == MODEL for e in seen.events), 30, "it was not told"
    )
    eventually(lambda: any(len(e.data.get("shown", [])) for e in seen.events), 30, "it was not told")
    seen.close()
    assert page.locator("[data-number]").count() == 1
    assert page.inner_text("[data-champion]") == "none yet"
    page.click("[data-pause]")
    expect(page.locator("[data-champion]")).to_have_text(MODEL, timeout=SOON)
    expect(page.locator("[data-number]")).to_have_count(2, timeout=SOON)
    assert MODEL in page.inner_text("[data-live-said]")
    assert exposures.close()
    db.client.close()


def test_an_open_for_you_changes_by_itself(page: Page, shop: SimpleNamespace, config: Settings) -> None:
    db, exposures = mongo.connect(config), Exposures(config)
    champion.move_pointer(db, MODEL, "a run")
    page.goto(f"{shop.url}/for-you")
    page.wait_for_selector("[data-connected=true]", state="attached")
    exposures.shown("rid-1", "u1", ["i1"], MODEL, "champion", "for_you", "stored")
    expect(page.locator("[data-delivery]")).to_have_text(re.compile(r"partition \d+, offset \d+"), timeout=SOON)
    assert shop.looks == 0  # that it was shown is no reason to show it again
    buy(config, "u2", "i1")
    buy(config, "u1", "i1")
    expect(page.locator("[data-shelves]")).to_contain_text("new 1", timeout=SOON)
    assert "take into account" in page.inner_text("[data-live-note]")
    champion.move_pointer(db, MODEL.replace("0101", "0102"), "another run")
    expect(page.locator("[data-shelves]")).to_contain_text("new 2", timeout=SOON)
    assert "newer model is live" in page.inner_text("[data-live-note]")
    assert shop.looks == 2
    assert exposures.close()
    db.client.close()
