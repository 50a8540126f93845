"""Load on an HTTP server of the loopback, by one process with many connections that are kept open: closed loop (each
connection asks again once it is answered) and open loop (requests come when they come, answered or not).

An answer's time in the open loop counts from when it was due, not from when a connection was free: a server that stops for
a second is not let off with one slow answer (Gil Tene's "coordinated omission").
"""

import multiprocessing
import selectors
import socket
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


@dataclass
class Load:
    """What came back.

    Args:
        seconds: how long requests were sent.
        took: seconds of each answer, float64 `(n,)`.
        statuses: HTTP status -> answers.
        failed: connections that ended, or answered no HTTP, before their answer was whole.
    """

    seconds: float
    took: Array
    statuses: Counter[int] = field(default_factory=Counter)
    failed: int = 0

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.took) / self.seconds

    def percentile(self, share: float) -> float:
        """Milliseconds within which `share` percent were answered; NaN where nothing was."""
        return float(np.percentile(self.took, share) * 1_000) if len(self.took) else float("nan")


def request(path: str, *, method: str = "GET", body: bytes = b"", **headers: str) -> bytes:
    """One request as it goes over the wire; `_` in a header's name stands for `-`."""
    lines = [
        f"{method} {path} HTTP/1.1",
        "Host: 127.0.0.1",
        *(f"{k.replace('_', '-')}: {v}" for k, v in headers.items()),
    ]
    if body or method != "GET":
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


class Connection:
    """One connection: what it waits for, and since when."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.address = address
        self.due, self.answers = 0.0, 0
        self.buffer = bytearray()
        self.wanted = self.head = -1
        self.socket = self._open()

    def _open(self) -> socket.socket:
        opened = socket.create_connection(self.address, timeout=10)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.port: int = opened.getsockname()[1]
        return opened

    def reopen(self) -> None:
        """After the server has closed it."""
        self.socket.close()
        self.socket = self._open()

    def send(self, data: bytes, due: float) -> None:
        """Send a request; the answer's time counts from `due`."""
        self.due, self.wanted = due, -1
        self.buffer.clear()
        self.socket.sendall(data)

    def receive(self) -> int | None:
        """The status once the answer is whole; None before. Raises ConnectionError where there will be none."""
        data = self.socket.recv(262_144)
        if not data:
            raise ConnectionError("closed")
        self.buffer += data
        if self.wanted < 0:
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return None
            self.head = end + 4
            self.wanted = self.head + _length(bytes(self.buffer[:end]).lower())
        return int(self.buffer[9:12]) if len(self.buffer) >= self.wanted else None

    def body(self) -> bytes:
        """Of the answer that is whole."""
        return bytes(self.buffer[self.head : self.wanted])


def _length(head: bytes) -> int:
    at = head.find(b"\r\ncontent-length:")
    if at < 0:
        if head[9:12] in (b"204", b"304"):
            return 0
        raise ConnectionError("an answer without its length cannot be measured here")
    return int(head[at + 17 :].split(b"\r\n", 1)[0])


def _run(address: tuple[str, int], requests: Iterator[bytes], connections: int, seconds: float, rate: float) -> Load:
    """The loop of both kinds; `rate` 0: closed."""
    took: list[float] = []
    statuses: Counter[int] = Counter()
    failed = 0
    selector = selectors.DefaultSelector()
    idle = deque(Connection(address) for _ in range(connections))
    start = time.perf_counter()
    end, due = start + seconds, start
    waiting: deque[float] = deque()
    busy = 0
    while True:
        now = time.perf_counter()
        if rate:
            while due <= now and due < end:
                waiting.append(due)
                due += 1 / rate
        while idle and now < end + 10 and (waiting if rate else now < end):
            connection = idle.popleft()
            try:
                connection.send(next(requests), waiting.popleft() if rate else time.perf_counter())
            except OSError:
                failed += 1
                connection.reopen()
                idle.append(connection)
                continue
            selector.register(connection.socket, selectors.EVENT_READ, connection)
            busy += 1
        if (now >= end and not busy and not waiting) or now >= end + 10:
            break
        until = max(0.0, min(due, end) - time.perf_counter()) if rate and now < end else 0.5
        for key, _ in selector.select(until):
            connection = key.data
            try:
                status = connection.receive()
            except OSError:
                failed += 1
                selector.unregister(key.fileobj)
                busy -= 1
                connection.reopen()
                idle.append(connection)
                continue
            if status is not None:
                took.append(time.perf_counter() - connection.due)
                statuses[status] += 1
                selector.unregister(key.fileobj)
                busy -= 1
                idle.append(connection)
    failed += busy + len(waiting)
    for connection in idle:
        connection.socket.close()
    return Load(seconds, np.array(took), statuses, failed)


def _child(pipe: Any, address: tuple[str, int], requests: list[bytes], *numbers: Any) -> None:
    pipe.send(_run(address, cycle(requests), *numbers))


def load(
    address: tuple[str, int], requests: Iterable[bytes], *, connections: int, seconds: float, rate: float = 0
) -> Load:
    """Send `requests`, over and over, from a process of its own.

    Args:
        address: host and port.
        requests: as `request` makes them.
        connections: kept open.
        seconds: for how long new ones are sent; those on their way are waited for.
        rate: requests a second of an open loop; 0: a closed loop.
    """
    ours, theirs = multiprocessing.Pipe()
    args = (theirs, address, list(requests), connections, seconds, rate)
    child = multiprocessing.get_context("spawn").Process(target=_child, args=args)
    child.start()
    theirs.close()
    try:
        result: Load = ours.recv()
    finally:
        child.join(seconds + 30)
    return result


def cpu_microseconds(cpu: Callable[[], float], run: Callable[[], Load]) -> tuple[Load, float]:
    """`run`, and the microseconds of CPU that each answer cost; `cpu` gives the seconds that a server has used so far."""
    before = cpu()
    result = run()
    return result, (cpu() - before) / max(1, len(result.took)) * 1e6
