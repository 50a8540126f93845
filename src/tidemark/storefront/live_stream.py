"""One stream as an HTTP answer: frames until the browser leaves, the session ends, or it is too slow."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.types import Receive, Scope, Send

from tidemark.storefront.live_frames import HEARTBEAT
from tidemark.storefront.live_hub import Client, Hub

HEARTBEAT_SECONDS = 15.0
"""Seconds without a frame after which a comment is sent; as often it is asked whether the session still holds."""
RETRY = b"retry: 2000\n\n"
"""Milliseconds after which a browser that lost the stream comes back."""

HEADERS = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-store",
    "x-accel-buffering": "no",
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}


class EventStream:
    """An ASGI application that answers with a stream.

    Args:
        hub: that `client` has joined.
        client: the stream.
        headers: besides `HEADERS`.
        holds: whether the session still holds; asked at each heartbeat.
        heartbeat: seconds.
    """

    def __init__(
        self,
        hub: Hub,
        client: Client,
        headers: Mapping[str, str],
        holds: Callable[[], Awaitable[bool]],
        heartbeat: float = HEARTBEAT_SECONDS,
    ) -> None:
        self._hub, self._client, self._holds, self._heartbeat = hub, client, holds, heartbeat
        self._headers = [(name.encode(), value.encode("latin-1")) for name, value in (HEADERS | dict(headers)).items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until one of the three ends."""
        tasks: list[asyncio.Task[Any]] = []
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self._headers})
            ways = self._write(send), _left(receive), self._client.over.wait(), self._ended()
            tasks = [asyncio.ensure_future(way) for way in ways]
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._hub.leave(self._client)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        # To whom is gone or does not read nothing can be sent: the server closes the connection.
        if tasks[1] not in done and not self._client.dropped:
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _write(self, send: Send) -> None:
        await send({"type": "http.response.body", "body": RETRY, "more_body": True})
        waiting = self._client.waiting
        while True:
            try:
                # Not `wait_for`: up to Python 3.11 it forgets a cancellation that comes together with a frame.
                async with asyncio.timeout(self._heartbeat):
                    text = await waiting.get()
            except TimeoutError:
                text = HEARTBEAT
            await send({"type": "http.response.body", "body": text, "more_body": True})

    async def _ended(self) -> None:
        while True:
            await asyncio.sleep(self._heartbeat)
            if not await self._holds():
                return


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
