"""One stream: however its browser leaves, its task ends with it."""

import asyncio
from typing import Any

import pytest

from tidemark.storefront.live_hub import Client, Hub
from tidemark.storefront.live_stream import EventStream


async def _holds() -> bool:
    return True


@pytest.mark.parametrize("turns", range(-6, 7))
def test_a_browser_that_leaves_as_a_frame_comes_leaves_no_task_behind(turns: int) -> None:
    """The frame comes as many turns of the event loop after the browser left as `turns` says, or before it."""

    async def scenario() -> list[Any]:
        hub, client, left = Hub(), Client("a"), asyncio.Event()
        hub.join(client)
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        async def receive() -> Any:
            await left.wait()
            return {"type": "http.disconnect"}

        stream = asyncio.ensure_future(EventStream(hub, client, {}, _holds, heartbeat=60)({}, receive, send))
        while len(sent) < 3:  # head, retry, what there was to tell
            await asyncio.sleep(0)
        first, then = (left.set, lambda: client.put(b"news")) if turns >= 0 else (lambda: client.put(b"news"), left.set)
        first()
        for _ in range(abs(turns)):
            await asyncio.sleep(0)
        then()
        await asyncio.wait_for(stream, 5)
        assert len(hub) == 0
        return sent

    assert asyncio.run(scenario())[0]["type"] == "http.response.start"
