"""By whose word it is believed who asks: of proxies that are named, and of nobody else."""

import pytest
from flask import Flask, request
from pydantic import ValidationError

from tidemark.errors import SettingError
from tidemark.settings import Settings
from tidemark.storefront import proxies
from tidemark.storefront.proxies import Proxies

FORGED = {"X-Forwarded-For": "198.51.100.1, 203.0.113.9", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil"}


def seen(
    trusted: str, peer: str, headers: dict[str, str] | None = None, proxies_: int = 1
) -> tuple[str | None, str, str]:
    """The address, the scheme and the host that a route sees of a request."""
    app = Flask(__name__)
    app.add_url_rule("/", view_func=lambda: {"seen": [request.remote_addr, request.scheme, request.host]})
    app.wsgi_app = Proxies(app.wsgi_app, Settings(shop_trusted_proxies=trusted, shop_proxies=proxies_))  # type: ignore[method-assign]
    answer = app.test_client().get("/", headers=headers, environ_overrides={"REMOTE_ADDR": peer})
    return tuple(answer.json["seen"])


@pytest.mark.parametrize("peer", ["172.18.0.5", "::ffff:172.18.0.5", "fd00::7"])
def test_a_proxy_that_is_named_names_its_own_client_and_nothing_that_stands_before(peer):
    assert seen("172.16.0.0/12, fd00::/64", peer, FORGED) == ("203.0.113.9", "https", "localhost")
    assert seen("172.16.0.0/12, fd00::/64", peer) == (peer, "http", "localhost"), "it says nothing"


@pytest.mark.parametrize("peer", ["192.0.2.7", "172.32.0.1", "fd01::7", "::ffff:192.0.2.7", "no address", ""])
def test_what_anybody_else_says_changes_nothing(peer):
    assert seen("172.16.0.0/12,fd00::/64", peer, FORGED) == (peer, "http", "localhost")


@pytest.mark.parametrize(
    ("hops", "told", "client"),
    [
        (2, "203.0.113.9, 192.0.2.1", "203.0.113.9"),
        (2, "198.51.100.1, 10.0.0.9, 203.0.113.9, 192.0.2.1", "203.0.113.9"),  # the first two are the client's own word
        (2, "203.0.113.9", "10.0.0.5"),  # one of the proxies says nothing: nobody is believed
        (3, "198.51.100.1, 203.0.113.9, 192.0.2.1, 192.0.2.2", "203.0.113.9"),
        (1, "198.51.100.1, 203.0.113.9, 192.0.2.1", "192.0.2.1"),
        (0, "198.51.100.1, 203.0.113.9", "10.0.0.5"),
    ],
)
def test_the_client_stands_as_far_from_the_end_as_there_are_proxies(hops, told, client):
    forged = {"X-Forwarded-For": told, "X-Forwarded-Proto": "https"}
    assert seen("10.0.0.0/8", "10.0.0.5", forged, hops) == (client, "https" if hops else "http", "localhost")
    assert seen("10.0.0.0/8", "192.0.2.7", forged, hops) == ("192.0.2.7", "http", "localhost"), "it is not trusted"


def test_what_is_no_network_is_refused_at_the_start():
    for wrong in ("shop-proxy", "10.0.0.1/8", "*", "1"):
        with pytest.raises(ValidationError):
            Settings(shop_trusted_proxies=wrong)
    assert Settings().trusted_proxies == Settings(shop_trusted_proxies=" , ").trusted_proxies == ()


def test_tls_without_a_proxy_that_may_say_so_is_refused():
    with pytest.raises(SettingError, match="TIDEMARK_SHOP_TRUSTED_PROXIES"):
        proxies.require(Settings(shop_tls=True))
    with pytest.raises(SettingError, match="TIDEMARK_SHOP_PROXIES"):
        proxies.require(Settings(shop_tls=True, shop_trusted_proxies="10.0.0.0/8", shop_proxies=0))
    proxies.require(Settings(shop_tls=True, shop_trusted_proxies="10.0.0.0/8"))
    proxies.require(Settings())
