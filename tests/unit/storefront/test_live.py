"""Whose pages may read a stream."""

import pytest

from tidemark.settings import Settings
from tidemark.storefront.live import allowed_origins

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


def test_behind_tls_those_of_the_proxy_alone() -> None:
    config = CONFIG.model_copy(update={"shop_tls": True})
    assert allowed_origins(config, "shop.example", "http") == {"https://shop.example"}
