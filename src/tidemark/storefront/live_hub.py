"""The hub: the open streams of one process, each with a queue of its own, so that none holds up another.

One loop makes frames twice a second, whatever happens meanwhile, and puts the same bytes into every queue. A browser that
reads slower than that loses its stream once 200 frames wait, and comes back by itself.
"""

import asyncio
import contextlib
import logging
import secrets
import time
from collections import Counter
from typing import Any

from tidemark.storefront.live_board import Board
from tidemark.storefront.live_frames import Ring, encode, shortened
from tidemark.storefront.live_own import Own

log = logging.getLogger(__name__)

TICK = 0.5
"""Seconds between two frames: what happens meanwhile goes into one."""
QUEUE = 200
"""Frames that may wait for one browser."""
MOST, MOST_OF_ONE = 1_000, 20
"""Open streams of this process, and of one account."""


class FullError(Exception):
    """There are as many streams as there may be: of this account (`own`), or of all."""

    def __init__(self, *, own: bool) -> None:
        super().__init__("too many open streams")
        self.own = own


class Client:
    """One open stream: frames to send, and whether it is over.

    Attributes:
        account: whose it is. admin: whether it sees whole ids. user_id: of a stream of one's own; None: the live page's.
        over: set where no more is to be sent. dropped: it was too slow.
    """

    def __init__(self, account: str, *, admin: bool = False, user_id: str | None = None) -> None:
        self.account, self.admin, self.user_id = account, admin, user_id
        self.over, self.dropped = asyncio.Event(), False
        self.waiting: asyncio.Queue[bytes] = asyncio.Queue(QUEUE)

    def put(self, text: bytes) -> bool:
        """Have `text` sent; False, and it is over, where too much waits already."""
        try:
            self.waiting.put_nowait(text)
        except asyncio.QueueFull:
            self.dropped = True
            self.over.set()
            return False
        return True


class Hub:
    """All streams of this process; but for `board` and `own`, only its event loop may touch it.

    Attributes:
        board: what the live page shows. own: what each user is told of their own.
        dropped: streams that were too slow. frames: made so far.
    """

    def __init__(self, tick: float = TICK) -> None:
        self.board, self.own = Board(), Own()
        self._ring = Ring(secrets.token_hex(4))
        self._tick = tick
        self._clients: set[Client] = set()
        self._accounts: Counter[str] = Counter()
        self._closed = False
        self.dropped = self.frames = 0

    def __len__(self) -> int:
        return len(self._clients)

    def join(self, client: Client, last_id: str = "") -> None:
        """Open a stream; what it missed since `last_id`, or else all there is, is the first that it gets.

        Raises:
            FullError: there are too many.
        """
        if self._accounts[client.account] >= MOST_OF_ONE:
            raise FullError(own=True)
        if len(self._clients) >= MOST:
            raise FullError(own=False)
        self._clients.add(client)
        self._accounts[client.account] += 1
        if client.user_id is None:
            missed, last = self._ring.after(last_id, time.monotonic()), self._ring.last_id
        else:
            last, missed, lists = self.own.came(client.user_id, last_id)
        if missed is not None:
            # As one text: a browser that missed five minutes has not yet been slow.
            client.put(b"".join(frame.text(admin=client.admin) for frame in missed) or b": nothing was missed\n\n")
        elif client.user_id is None:
            view = self.board.whole(time.time())
            client.put(encode("whole", view.admin if client.admin else view.everybody, last))
        else:
            client.put(encode("hello", {"shown": lists}, last))
        if self._closed:
            client.over.set()

    def leave(self, client: Client) -> None:
        """A stream has ended."""
        if client in self._clients:
            self._clients.remove(client)
            self._accounts[client.account] -= 1
            if not self._accounts[client.account]:
                del self._accounts[client.account]
            if client.user_id is not None:
                self.own.left(client.user_id)

    def beat(self) -> None:
        """Make the frames of what has happened since the last beat, and give each to whom it is for."""
        view = self.board.take(time.time())
        if view is not None:
            frame = self._ring.add("news", view.admin, view.everybody, time.monotonic())
            self.frames += 1
            self._give(None, frame.admin, frame.everybody)
        for user_id, frame in self.own.take():
            self.frames += 1
            self._give(user_id, frame.admin, frame.everybody)

    async def run(self) -> None:
        """Beat until this is cancelled."""
        while True:
            await asyncio.sleep(self._tick)
            self.beat()

    def close(self) -> None:
        """End every stream, now and from now on."""
        self._closed = True
        for client in self._clients:
            client.over.set()

    def state(self) -> dict[str, Any]:
        """Counts, for a health check."""
        return {"streams": len(self._clients), "dropped": self.dropped, "frames": self.frames}

    def _give(self, user_id: str | None, admin: bytes, everybody: bytes) -> None:
        for client in self._clients:
            if client.user_id == user_id and not client.over.is_set():
                self._put(client, admin if client.admin else everybody)

    def _put(self, client: Client, text: bytes) -> None:
        if not client.put(text):
            self.dropped += 1
            log.info("a browser of %s reads too slowly: it has to come back", shortened(client.account))


@contextlib.asynccontextmanager
async def beating(hub: Hub) -> Any:
    """The hub beats for as long as this is open."""
    task = asyncio.create_task(hub.run())
    try:
        yield
    finally:
        hub.close()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
