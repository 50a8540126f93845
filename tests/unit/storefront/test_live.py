"""Whose pages may read a stream."""

import pytest
from pydantic import SecretStr
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from tidemark.errors import SettingError
from tidemark.settings import Settings
from tidemark.storefront.live import allowed_origins, create_app

CONFIG = Settings(_env_file=None, shop_port=8090, shop_live_port=8091)


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("127.0.0.1:8091", {"http://127.0.0.1:8091", "http://127.0.0.1:8090"}),
        ("localhost", {"http://localhost", "http://localhost:8090"}),
        ("[::1]:8091", {"http://[::1]:8091", "http://[::1]:8090"}),
        ("", set()),
        ("a b", set()),
        ("h\r\nx: y", set()),
        ("user@host", set()),
        ("host/path", set()),
    ],
)
def test_those_of_the_same_host(host: str, allowed: set[str]) -> None:
    assert allowed_origins(CONFIG, host, "http") == allowed


def test_of_the_address_that_browsers_know_where_that_is_this_host() -> None:
    config = CONFIG.model_copy(update={"shop_url": "http://shop.example"})
    known = {"http://shop.example", "http://shop.example:8091", f"http://shop.example:{CONFIG.shop_port}"}
    assert allowed_origins(config, "shop.example:8091", "http") == known
    assert "http://shop.example" not in allowed_origins(config, "evil.example:8091", "http")


def scheme_seen(trusted: str) -> str:
    """The scheme that the live process sees of a request, whose sender says that it came by TLS."""
    more = {"shop_trusted_proxies": trusted, "mongo_password": SecretStr("of nobody who is asked")}
    app = create_app(CONFIG.model_copy(update=more), lambda _: None)
    app.router.routes.append(Route("/seen", lambda request: Response(request.url.scheme)))
    client = TestClient(app, client=("10.1.2.3", 1))
    return client.get("/seen", headers={"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9"}).text


def test_it_believes_the_proxies_that_are_named_and_nobody_else() -> None:
    assert [scheme_seen(trusted) for trusted in ("10.0.0.0/8", "10.1.2.4", "")] == ["https", "http", "http"]


def test_it_does_not_start_where_no_browser_could_open_it() -> None:
    with pytest.raises(SettingError, match="another port of"):
        create_app(CONFIG.model_copy(update={"shop_live_url": "https://live.example"}), lambda _: None)


def test_behind_tls_those_of_the_proxy_alone() -> None:
    config = CONFIG.model_copy(update={"shop_tls": True, "shop_trusted_proxies": "127.0.0.1"})
    assert allowed_origins(config, "shop.example", "http") == {"https://shop.example"}
