"""The live process: server-sent events by Starlette, `uvicorn tidemark.storefront.live:app`.

| path | streams |
|---|---|
| `/live/events` | the live page: the tide, interactions a second, what is shown to whom, the top ten, models, the pointer |
| `/live/me` | one's own: the list has changed and why, and where Kafka has what was shown |

Both need the storefront's session cookie, which this process gets because browsers tell no two ports of a host apart. Pages
of the storefront's origin on the same host may read them, and no others. `/live/healthz` is for whoever watches over it.
"""

import asyncio
import contextlib
import re
import signal
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from tidemark.errors import UnreachableError
from tidemark.settings import Settings, settings
from tidemark.storage import mongo
from tidemark.storefront import protection, proxies
from tidemark.storefront.live_hub import TICK, Client, FullError, Hub, beating
from tidemark.storefront.live_sources import Sources
from tidemark.storefront.live_stream import HEARTBEAT_SECONDS, EventStream
from tidemark.storefront.session_cookie import cookie_names
from tidemark.storefront.sessions import Sessions

RETRY_AFTER = "5"
_HOST = re.compile(r"([A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
_QUIET = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


@dataclass(frozen=True)
class Viewer:
    """Who opens a stream: their account, the user whose shop they see, and whether they may see whole ids."""

    account: str
    user_id: str
    is_admin: bool


Find = Callable[[str], Viewer | None]
"""The cookie's value -> who that is; None: nobody. Raises UnreachableError where that cannot be looked up."""


def by_sessions(sessions: Sessions) -> Find:
    """`Find` by the storefront's sessions."""

    def find(cookie: str) -> Viewer | None:
        known = sessions.find(cookie)
        if known is None:
            return None
        acts = known.acting if known.role == "presenter" else None
        return Viewer(known.account, acts or known.user_id, known.role == "admin")

    return find


def allowed_origins(config: Settings, host: str, scheme: str) -> set[str]:
    """The origins whose pages may read a stream that was asked for at `host`: its own, and the storefront's there."""
    known = _HOST.fullmatch(host)
    if known is None:
        return set()
    named = {config.shop_address} if urlsplit(config.shop_url).hostname == known[1].strip("[]").lower() else set()
    if config.shop_tls:
        return named | {f"https://{host}"}  # one proxy for both
    return named | {f"{scheme}://{host}", f"{scheme}://{known[1]}:{config.shop_port}"}


class Live:
    """The routes.

    Args:
        config: the settings.
        hub: the streams.
        find: who a cookie is.
        heartbeat: seconds.
    """

    def __init__(self, config: Settings, hub: Hub, find: Find, heartbeat: float = HEARTBEAT_SECONDS) -> None:
        self._config, self.hub, self._find, self._heartbeat = config, hub, find, heartbeat
        self._cookie, _ = cookie_names(tls=config.shop_tls)

    async def events(self, request: Request) -> ASGIApp:
        """The live page's stream."""
        return await self._stream(request, own=False)

    async def me(self, request: Request) -> ASGIApp:
        """One's own stream."""
        return await self._stream(request, own=True)

    async def health(self, request: Request) -> Response:
        """That this process answers, how many streams it has, and whether it follows Kafka."""
        follows = request.app.state.sources.follower.begun.is_set()
        return JSONResponse(self.hub.state() | {"follows": follows}, headers=_QUIET)

    async def _stream(self, request: Request, *, own: bool) -> ASGIApp:
        headers = {"vary": "Origin, Cookie"}
        origin = request.headers.get("origin")
        if origin is not None:
            if origin not in allowed_origins(self._config, request.headers.get("host", ""), request.url.scheme):
                return _refused(403, "this is for the shop's own pages", headers)
            headers |= {"access-control-allow-origin": origin, "access-control-allow-credentials": "true"}
        cookie = request.cookies.get(self._cookie, "")
        try:
            viewer = await asyncio.to_thread(self._find, cookie) if cookie else None
        except UnreachableError:
            busy = headers | {"retry-after": RETRY_AFTER}
            return _refused(503, "who you are cannot be looked up just now", busy)
        if viewer is None:
            return _refused(401, "sign in to the shop first", headers)
        client = Client(viewer.account, admin=viewer.is_admin, user_id=viewer.user_id if own else None)
        try:
            self.hub.join(client, request.headers.get("last-event-id", ""))
        except FullError as error:
            busy = headers | {"retry-after": RETRY_AFTER}
            return _refused(429 if error.own else 503, "there are too many open streams", busy)
        return EventStream(self.hub, client, headers, self._still(cookie, viewer), self._heartbeat)

    def _still(self, cookie: str, viewer: Viewer) -> Callable[[], Awaitable[bool]]:
        async def holds() -> bool:
            try:
                return await asyncio.to_thread(self._find, cookie) == viewer
            except UnreachableError:
                return True  # who was known stays so for a while: `sessions.AWAY_FOR` ends it

        return holds


def _refused(status: int, why: str, headers: dict[str, str]) -> Response:
    return JSONResponse(
        {"status": status, "title": why}, status, headers | _QUIET, media_type="application/problem+json"
    )


@contextlib.contextmanager
def _ending_with_the_server(hub: Hub) -> Any:
    """A server that is told to end waits for its answers to be complete; streams never are, so they end with the signal."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop, before = asyncio.get_running_loop(), {n: signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)}

    def end(number: int, frame: Any) -> None:
        loop.call_soon_threadsafe(hub.close)
        known = before[signal.Signals(number)]
        if callable(known):
            known(number, frame)

    for number in before:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number, known in before.items():
            signal.signal(number, known)


def create_app(
    config: Settings | None = None,
    find: Find | None = None,
    *,
    tick: float = TICK,
    heartbeat: float = HEARTBEAT_SECONDS,
) -> Starlette:
    """The ASGI application.

    Args:
        config: the settings, where not those of the process.
        find: who a cookie is; None: by the storefront's sessions.
        tick, heartbeat: seconds.

    Raises:
        SettingError: what is set cannot work.
    """
    config = config or settings()
    proxies.require(config)
    protection.require_reachable(config)
    # Not waited for: this process serves what it knows while MongoDB is away.
    db, hub = mongo.unasked(config, patience=2), Hub(tick)
    live = Live(config, hub, find or by_sessions(Sessions(db, config.shop_session_hours)), heartbeat)

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        sources = Sources(config, db, hub.board, hub.own)
        app.state.hub, app.state.sources = hub, sources
        sources.start()
        with _ending_with_the_server(hub):
            async with beating(hub):
                yield
        await asyncio.to_thread(sources.close)
        db.client.close()

    routes = [
        Route("/live/events", _Endpoint(live.events), methods=["GET"]),
        Route("/live/me", _Endpoint(live.me), methods=["GET"]),
        Route("/live/healthz", live.health, methods=["GET"]),
    ]
    believed = [str(network) for network in config.trusted_proxies]
    behind = [Middleware(ProxyHeadersMiddleware, trusted_hosts=believed)] if believed else []
    return Starlette(routes=routes, lifespan=lifespan, middleware=behind)


class _Endpoint:
    """An ASGI application that answers by the application that `ask` gives."""

    def __init__(self, ask: Callable[[Request], Awaitable[ASGIApp]]) -> None:
        self._ask = ask

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        answer = await self._ask(Request(scope, receive))
        await answer(scope, receive, send)


def __getattr__(name: str) -> Starlette:
    """`app`, made when a server asks for it: importing this module reads no settings."""
    if name == "app":
        return create_app()
    raise AttributeError(name)
