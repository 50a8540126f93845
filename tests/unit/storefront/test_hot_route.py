"""The hot route's way round the framework: it answers what is plain, and nothing else than the application would."""

import re
from typing import Any
from urllib.parse import quote

import pytest

from tests.support.shop_api import HOSTILE_IDS, bearer, stand_in_app, stand_in_shop
from tidemark.errors import UnreachableError
from tidemark.storefront.experiments import Assignment
from tidemark.storefront.hot_route import HotRoute
from tidemark.storefront.protection import _Headers
from tidemark.storefront.shop_metrics import ShopMetrics

HOT = "/api/v1/users/u/recommendations"


class Both:
    """One application as it is, and one that lets the framework answer everything; `short` counts what the first answered
    by itself."""

    def __init__(self) -> None:
        self.short = 0
        self.clients = []
        for way_round in (True, False):
            app = stand_in_app(stand_in_shop())
            headers: Any = app.wsgi_app
            assert isinstance(headers, _Headers)
            hot = headers._app
            assert isinstance(hot, HotRoute)
            if way_round:
                hot._answer = self._counting(hot._answer)  # type: ignore[method-assign]
            else:
                headers._app = hot._rest
            self.clients.append(app.test_client())

    def _counting(self, answer: Any) -> Any:
        def counting(*args: Any) -> Any:
            found = answer(*args)
            self.short += found is not None
            return found

        return counting

    def ask(self, path: str, method: str = "GET", **how: Any) -> Any:
        """The answer, which is the same from both."""
        told = []
        for client in self.clients:
            answer = client.open(path, method=method, **how)
            body = re.sub(rb'"(age_seconds|request_id)":("\w+"|[\d.]+)', b"", answer.data)
            headers = {name: value for name, value in answer.headers.items() if name not in ("Content-Length",)}
            length = ("Content-Length" in answer.headers, len(answer.data) == answer.content_length)
            if "X-Request-ID" not in how.get("headers", {}):
                assert re.fullmatch("[0-9a-f]{16}", headers.pop("X-Request-ID"))
            told.append((answer.status_code, headers, body, length))
        assert told[0] == told[1]
        return answer


@pytest.fixture
def both() -> Both:
    return Both()


@pytest.mark.parametrize(
    "query",
    ["", "n=3", "n=2&placement=mail", "category=Things&price_min=6&exclude=item03", "seen=include", "explain=true"],
)
def test_what_is_plain_is_answered_by_itself_as_the_framework_would(both: Both, query: str) -> None:
    answer = both.ask(f"{HOT}?{query}", headers=bearer("tm_read"))
    assert (answer.status_code, both.short) == (200, 1)
    tag = answer.headers["ETag"]
    for known in (tag, tag[2:], f'"other", {tag}', "*"):
        assert both.ask(f"{HOT}?{query}", headers=bearer() | {"If-None-Match": known}).status_code == 304
    assert both.ask(f"{HOT}?{query}", headers=bearer() | {"If-None-Match": '"other"'}).status_code == 200
    assert both.short == 6


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer tm_nobody"}, 401),
        ({"Authorization": "Basic YTpi"}, 401),
        ({"Authorization": "tm_admin"}, 401),
        (bearer("tm_write"), 403),
    ],
)
def test_who_may_not_is_refused_by_the_application(both: Both, headers: dict[str, str], status: int) -> None:
    assert both.ask(HOT, headers=headers).status_code == status
    assert both.ask(HOT, headers=headers | {"If-None-Match": "*"}).status_code == status
    assert both.short == 0


@pytest.mark.parametrize(
    "query", ["n=0", "n=ten", "n=1&n=2", "wish=1", "n=5&price_min=NaN", "exclude=a b", "placement=%ff"]
)
def test_what_is_not_as_described_is_refused_by_the_application(both: Both, query: str) -> None:
    assert both.ask(f"{HOT}?{query}", headers=bearer()).status_code == 422
    assert both.short == 0


@pytest.mark.parametrize("user_id", [*HOSTILE_IDS, "a" * 128, "a" * 129, "a:b", "A2SUAM1J3GNN3B", "a@b.example"])
def test_ids_of_every_kind(both: Both, user_id: str) -> None:
    answer = both.ask(f"/api/v1/users/{quote(user_id, safe='')}/recommendations", headers=bearer())
    plain = re.fullmatch(r"[A-Za-z0-9@+.]{1,128}", user_id) is not None and not user_id.startswith(".")
    assert both.short == plain
    assert not plain or answer.json["user_id"] == user_id


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "OPTIONS"])
def test_other_methods(both: Both, method: str) -> None:
    both.ask(HOT, method, headers=bearer())
    assert both.short == 0


@pytest.mark.parametrize("host", ["shop.example:8090", "[::1]:80", "ä", "a b", "x" * 300, ""])
def test_hosts(both: Both, host: str) -> None:
    both.ask(HOT, headers=bearer() | {"Host": host})


def test_cookies_count_for_nothing_beside_a_key(both: Both) -> None:
    assert both.ask(HOT, headers=bearer() | {"Cookie": "tidemark_session=x; tidemark_form=y"}).status_code == 200
    assert both.short == 1


def test_the_callers_request_id_comes_back_where_it_can(both: Both) -> None:
    assert both.ask(HOT, headers=bearer() | {"X-Request-ID": "mine-1"}).headers["X-Request-ID"] == "mine-1"
    bad = both.clients[0].get(HOT, headers=bearer() | {"X-Request-ID": "not mine"})
    assert bad.headers["X-Request-ID"] != "not mine"


def test_a_body_makes_a_request_one_for_the_application(both: Both) -> None:
    both.ask(HOT, headers=bearer(), data=b"{}")
    assert both.short == 0


def test_too_many_are_refused_by_the_application(both: Both) -> None:
    for client in both.clients:
        client.application.extensions["tidemark"].keys.ahead = 3.0
    assert both.ask(HOT, headers=bearer()).status_code == 429
    assert both.short == 0


def test_the_arm_is_the_same(both: Both) -> None:
    for client in both.clients:
        client.application.extensions["tidemark"].experiments.assignment = Assignment("e/most", popularity=True)
    assert both.ask(HOT, headers=bearer()).json["arm"] == "e/most"
    assert both.short == 1


def test_what_goes_wrong_is_told_by_the_application(both: Both) -> None:
    def away(*_: Any) -> Any:
        raise UnreachableError("MongoDB at 10.0.0.1 does not answer")

    for client in both.clients:
        client.application.extensions["tidemark"].serving.recommend = away
    answer = both.ask(HOT, headers=bearer())
    assert answer.status_code == 503
    assert "10.0.0.1" not in answer.text


def test_it_is_measured_and_told_as_any_other(both: Both) -> None:
    both.ask(HOT, headers=bearer())
    for client in both.clients:
        text = client.get("/metrics", headers=bearer()).text
        assert 'tidemark_shop_request_seconds_count{route="recommendations.recommendations",status="200"} 1.0' in text
        assert isinstance(client.application.extensions[ShopMetrics.EXTENSION], ShopMetrics)
        (shown,) = client.application.extensions["tidemark"].exposures.lists
        assert shown["user_id"] == "u"
