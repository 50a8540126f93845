"""What protects every answer and every change: headers, the size of requests, tokens and origins.

    protection.protect(app, config)

A change that a browser's cookie allows needs a token of its session (Flask-WTF) and must come from a page of this very
origin. One that bears a key (`Authorization`) needs neither: no browser sends that by itself, and no cookie is looked at
beside it. What bears neither has no rights to abuse: the API refuses it by itself, any other route asks for the token.
"""

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, abort, request
from flask_wtf.csrf import CSRFError, CSRFProtect

from tidemark.errors import SettingError
from tidemark.settings import Settings
from tidemark.storefront import proxies
from tidemark.storefront.session_cookie import cookie_names

LARGEST_BODY = 1024 * 1024
"""Bytes of a request to the API: the thousand interactions or items that one may bring are below it."""

LARGEST_FORM, MOST_FIELDS = 64 * 1024, 100
"""Bytes of a request to a page, and fields of a form: the largest one here sends a basket."""

API = "/api/"
"""What programs ask, by key."""

CHANGES = ("POST", "PUT", "PATCH", "DELETE")

YEAR = 365 * 24 * 3600

HOST = re.compile(r"([A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?")

Environ = dict[str, Any]
Headers = list[tuple[str, str]]


def protect(app: Flask, config: Settings) -> None:
    """Put all of it before `app`, which has its sessions already (`login.install`).

    Raises:
        SettingError: there is no secret to sign with, or what is set cannot work.
    """
    proxies.require(config)
    require_reachable(config)
    if not config.shop_secret.get_secret_value():
        raise SettingError("TIDEMARK_SHOP_SECRET is missing: forms and recommendations are signed with it")
    app.config.update(
        SECRET_KEY=config.shop_secret.get_secret_value(),
        MAX_CONTENT_LENGTH=LARGEST_BODY,
        MAX_FORM_MEMORY_SIZE=LARGEST_FORM,
        MAX_FORM_PARTS=MOST_FIELDS,
        WTF_CSRF_CHECK_DEFAULT=False,  # asked below, and answered by 403
        WTF_CSRF_SSL_STRICT=False,  # the origin is asked below, which the browsers that send no referrer send too
        WTF_CSRF_TIME_LIMIT=int(config.shop_session_hours * 3600),
    )
    tokens = CSRFProtect(app)
    session_cookie, _ = cookie_names(tls=config.shop_tls)

    @app.before_request
    def own_page() -> None:
        if not request.path.startswith(API):
            request.max_content_length = LARGEST_FORM  # Werkzeug reads a urlencoded form whole, whatever its own limits
        if request.endpoint is None or request.method not in CHANGES or "Authorization" in request.headers:
            return
        if request.path.startswith(API) and session_cookie not in request.cookies:
            return
        if not same_origin():
            abort(403, "This was not sent from a page of this shop")
        try:
            tokens.protect()
        except CSRFError as error:
            abort(403, f"{error.description} Load the page again, then try once more")

    # On the outside, so that no answer is without them: not what Flask makes of an error, nor of an error in that.
    app.wsgi_app = _Headers(app.wsgi_app, config)  # type: ignore[method-assign]
    if config.trusted_proxies:
        # The host that it was asked for a proxy hands on as `Host`.
        app.wsgi_app = proxies.Proxies(app.wsgi_app, config)  # type: ignore[method-assign]


def same_origin() -> bool:
    """Whether a page of this very origin sent the request: every port of a machine is the same site, so that `SameSite`
    says too little. Browsers say it by `Sec-Fetch-Site`; where they do not, being asked by plain HTTP, by `Origin`."""
    if site := request.headers.get("Sec-Fetch-Site"):
        return site == "same-origin"
    return request.headers.get("Origin") == f"{request.scheme}://{request.host}"


def require_reachable(config: Settings) -> None:
    """That browsers can open the live stream where it is said to be.

    Raises:
        SettingError: it is on another host, to which no browser sends the session's cookie.
    """
    live, own = urlsplit(config.shop_live_url).hostname, urlsplit(config.shop_address).hostname
    if live is not None and live != own:
        raise SettingError(
            f"TIDEMARK_SHOP_LIVE_URL is on {live}, the storefront on {own}: the cookie that says who is signed in goes to its own "
            f"host alone. Put the live stream on another port of {own}, or behind the same proxy (TIDEMARK_SHOP_LIVE_URL=/); if "
            f"browsers know the storefront as {live}, set TIDEMARK_SHOP_URL to that"
        )


def live_origin(config: Settings, host: str, scheme: str = "http") -> str:
    """Where the live stream is, for a page that was asked from `host`; empty: at the storefront's own origin.

    Args:
        config: the settings.
        host: as the request names it, with its port; anything.
        scheme: of the request.
    """
    if config.shop_live_url == "/":
        return ""
    if config.shop_live_url:
        parts = config.shop_live_url.split("/")
        return "/".join(parts[:3])
    known = HOST.fullmatch(host)
    if config.shop_tls or not known:
        return ""  # behind a proxy all is one origin
    return f"{scheme}://{known[1]}:{config.shop_live_port}"


@lru_cache(maxsize=64)
def policy(live: str, remote_images: bool) -> str:
    """The content security policy of every answer: what is our own, and nothing written into the page itself.

    Args:
        live: the origin of the live stream; empty: our own.
        remote_images: products' pictures come from other hosts.
    """
    return "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data:" + (" https:" if remote_images else ""),
            "connect-src 'self'" + (f" {live}" if live else ""),
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        ]
    )


def headers(config: Settings, host: str, scheme: str = "http") -> Headers:
    """The headers of every answer that does not set its own; arguments as those of `live_origin`."""
    always = [
        ("Content-Security-Policy", policy(live_origin(config, host, scheme), config.shop_images == "remote")),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "same-origin"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        ("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
        ("Cache-Control", "no-store"),
    ]
    by_tls = config.shop_tls and scheme == "https"
    return [*always, ("Strict-Transport-Security", f"max-age={YEAR}")] if by_tls else always


def read_whole(app: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    """`app`, which reads to their end the bodies that nobody wanted, as of what was refused by its headers. The server ends
    the connection behind an answer that comes before the body: the caller may see that end, and never the answer."""

    def answer(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        body = app(environ, start_response)
        length = environ.get("CONTENT_LENGTH") or ""
        if length.isdecimal() and 0 < int(length) <= LARGEST_BODY:
            environ["wsgi.input"].read(LARGEST_BODY)
        return body

    return answer


class _Headers:
    """Completes the headers of what `app` answers."""

    def __init__(self, app: Callable[..., Iterable[bytes]], config: Settings) -> None:
        self._app = app
        self._of = lru_cache(maxsize=64)(
            lambda *asked: [(name.lower(), (name, text)) for name, text in headers(config, *asked)]
        )

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        # Of any Host: what is none gives no origin, and a long one is not worth remembering.
        wanted = self._of(environ.get("HTTP_HOST", "")[:260], environ["wsgi.url_scheme"])

        def start(status: str, given: Headers, *exc_info: Any) -> Any:
            there = {name.lower() for name, _ in given}
            return start_response(status, given + [line for name, line in wanted if name not in there], *exc_info)

        return self._app(environ, start)
