"""Proxies: by whose word it is believed who asks, and whether by TLS.

A proxy before the storefront names its client in `X-Forwarded-For` and the client's scheme in `X-Forwarded-Proto`; so may
anybody. They are read where the connection comes from one of `TIDEMARK_SHOP_TRUSTED_PROXIES`, and from nobody else: the
address by which wrong passwords are counted is nobody's to choose. Of several proxies one behind another each adds whom it
serves, so the client stands as far from the end as there are proxies (`TIDEMARK_SHOP_PROXIES`); who could come round the
first of them would choose what stands there.
"""

from collections.abc import Callable, Iterable
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Any

from werkzeug.middleware.proxy_fix import ProxyFix

from tidemark.errors import SettingError
from tidemark.settings import Settings

Environ = dict[str, Any]
App = Callable[..., Iterable[bytes]]


def require(config: Settings) -> None:
    """That what is set can work together.

    Raises:
        SettingError: a proxy is to speak TLS, and none is trusted to say so: no form would be taken.
    """
    if config.shop_tls and not config.trusted_proxies:
        raise SettingError(
            "TIDEMARK_SHOP_TLS is set, and no proxy is believed: name in TIDEMARK_SHOP_TRUSTED_PROXIES the addresses or networks "
            "from which the proxy that speaks TLS connects to the storefront, and let TIDEMARK_SHOP_PROXIES be 1 or more"
        )


class Proxies:
    """A WSGI application that sees the client of a trusted proxy in place of the proxy.

    Args:
        app: whom it stands before.
        config: the settings, with at least one trusted proxy.
    """

    def __init__(self, app: App, config: Settings) -> None:
        # Each proxy names its own client last: what stands before the first one's is the client's own word. The scheme is
        # told, or handed on, by the last one alone.
        self._plain, self._told = app, ProxyFix(app, x_for=config.shop_proxies, x_proto=1)
        networks = config.trusted_proxies

        @lru_cache(maxsize=1_024)
        def is_trusted(peer: str) -> bool:
            try:
                address = ip_address(peer)
            except ValueError:
                return False
            if isinstance(address, IPv6Address) and address.ipv4_mapped:
                address = address.ipv4_mapped
            return any(address in network for network in networks)

        self._is_trusted = is_trusted

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """As WSGI has it."""
        app = self._told if self._is_trusted(environ.get("REMOTE_ADDR", "")) else self._plain
        return app(environ, start_response)
