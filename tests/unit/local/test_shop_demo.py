"""The story as it is told: asked of a storefront of which only the answers are made up."""

import json
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from tidemark.errors import PlatformError
from tidemark.local import demo_accounts, shop_demo
from tidemark.local.demo_accounts import Demo
from tidemark.local.terminal import console

Answer = Callable[[httpx.Request], httpx.Response]

USER = "a user/with 100%"


class Storefront:
    """Answers with its list; who has bought gets another one after `after` questions."""

    def __init__(self, *, after: int = 2, refusals: int = 0) -> None:
        self.after, self.refusals = after, refusals
        self.asked: list[httpx.Request] = []
        self.bought: list[str] = []
        self.model_id = "one"

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        if self.refusals:
            self.refusals -= 1
            return httpx.Response(401)
        if request.method == "POST":
            self.bought += [event["item_id"] for event in json.loads(request.content)["interactions"]]
            return httpx.Response(202, json={"accepted": 1, "rejected": []})
        self.after -= bool(self.bought)
        gone = set(self.bought) if self.after < 0 else set()
        items = [{"item_id": name, "title": f"[/Title] of {name}"} for name in "abcdef" if name not in gone][:5]
        method = "fold_in" if gone else "stored"
        answer = {"model_id": self.model_id, "method": method, "items": items, "recommendation_id": "signed"}
        return httpx.Response(200, json=answer)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)


def shop(answer: Answer) -> shop_demo.Shop:
    return shop_demo.Shop("http://shop.example", "tm_0_secret", httpx.MockTransport(answer))


def test_a_list_is_asked_for_with_the_key_whatever_is_in_a_user_id() -> None:
    storefront = Storefront()
    assert len(shop(storefront).list_of(USER)["items"]) == 5
    (request,) = storefront.asked
    assert request.url.raw_path == b"/api/v1/users/a%20user%2Fwith%20100%25/recommendations?n=5"
    assert request.headers["Authorization"] == "Bearer tm_0_secret"


def test_a_key_that_a_worker_does_not_know_yet_is_tried_again() -> None:
    assert shop(Storefront(refusals=3)).list_of("u")["method"] == "stored"


def test_whoever_buys_has_another_list_soon() -> None:
    storefront = Storefront()
    with console.capture() as told:
        shop_demo.buy(shop(storefront), "u")
    sent = json.loads(next(request for request in storefront.asked if request.method == "POST").content)
    event = {"user_id": "u", "item_id": "a", "event_type": "purchase", "recommendation_id": "signed"}
    assert sent == {"interactions": [event]}
    assert "user u buys: [/Title] of a" in told.get()
    assert "[/Title] of f" in told.get(), "what has moved up"


def test_a_list_that_stays_as_it_was_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shop_demo, "PATIENCE", 0)
    with pytest.raises(PlatformError, match="list of user u did not change within 0 s"):
        shop_demo.buy(shop(Storefront(after=1_000_000)), "u")
    with pytest.raises(PlatformError, match="does not serve model two"):
        shop_demo.await_model(shop(Storefront()), "u", "two")


def test_a_storefront_that_refuses_or_is_away_is_told_in_a_sentence() -> None:
    with pytest.raises(PlatformError, match=r"GET /users/u/recommendations with 503: no model is mapped"):
        shop(lambda request: httpx.Response(503, text="no model is mapped")).list_of("u")

    def away(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    with pytest.raises(PlatformError, match=r"does not answer \(refused\): make status"):
        shop(away).list_of("u")


def test_people_without_a_history_are_shown_and_do_not_buy() -> None:
    people = [
        Demo("shopper", "shopper", "median", "usual"),
        Demo("heavy", "shopper", "most", "long"),
        Demo("new", "shopper", demo_accounts.NOBODY_YET, "none"),
        Demo("admin", "admin", None, "all"),
    ]
    storefront = Storefront()
    with console.capture() as told:
        assert shop_demo.three_people(shop(storefront), iter(people)) == "median"
        assert shop_demo.three_people(shop(storefront), iter(people[2:])) is None
    assert told.get().count("shopper@tidemark.example") == 1
    assert len(storefront.asked) == 4


def test_the_key_is_good_for_the_story_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: dict[str, Any] = {}

    class Keys:
        def __init__(self, db: Any) -> None: ...

        def add(self, name: str, scopes: tuple[str, ...], lasts: timedelta) -> tuple[str, SimpleNamespace]:
            kept["0"] = (scopes, lasts)
            return "tm_0_secret", SimpleNamespace(id="0")

        def revoke(self, key_id: str) -> None:
            del kept[key_id]

        def close(self) -> None: ...

    monkeypatch.setattr(shop_demo, "_keys", Keys)

    def tell() -> None:
        with shop_demo._own_key(None) as key:  # type: ignore[arg-type]
            assert key == "tm_0_secret"
            assert kept == {"0": (("read", "write"), shop_demo.KEY_LIFE)}
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tell()
    assert kept == {}
