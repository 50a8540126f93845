"""The live process of a test's own: the real application under uvicorn, who its cookies are told by the test; and a client
that reads server-sent events.

A cookie is `<account>.<user_id>.<role>`, and holds until the file `ended` in the process's folder names its account.
"""

import http.client
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from tests.support.waiting import eventually
from tidemark.local.ports import free_port
from tidemark.settings import ROOT
from tidemark.storefront.session_cookie import cookie_names

COOKIE, _ = cookie_names(tls=False)


@dataclass(frozen=True)
class Event:
    """One event: its id, name and data."""

    id: str
    name: str
    data: dict[str, Any]


@dataclass
class Reader:
    """A browser with one stream, read by a thread; `events` grow."""

    port: int
    path: str
    cookie: str
    headers: dict[str, str] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    comments: int = 0
    status: int = 0
    ended: bool = False

    def __post_init__(self) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        self._connection.request("GET", self.path, headers={"Cookie": f"{COOKIE}={self.cookie}"} | self.headers)
        self.answer = self._connection.getresponse()
        self.status = self.answer.status
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        fields: dict[str, str] = {}
        try:
            for line in self.answer:
                text = line.decode().rstrip("\n")
                if text.startswith(":"):
                    self.comments += 1
                elif text:
                    name, _, value = text.partition(": ")
                    fields[name] = value
                else:
                    if "data" in fields:
                        self.events.append(Event(fields.get("id", ""), fields["event"], orjson.loads(fields["data"])))
                    fields = {}
        except (OSError, ValueError, AttributeError, http.client.HTTPException):
            pass
        self.ended = True

    def named(self, name: str) -> list[Event]:
        """The events of that name."""
        return [event for event in self.events if event.name == name]

    def close(self) -> None:
        """Leave."""
        sock = self._connection.sock
        if sock is not None:
            sock.shutdown(2)
        self._connection.close()


@dataclass
class LiveServer:
    """The process."""

    port: int
    process: "subprocess.Popen[bytes]"
    log: Path
    ended: Path

    def open(self, path: str, cookie: str = "shopper.u1.shopper", **headers: str) -> Reader:
        """A stream."""
        return Reader(self.port, path, cookie, {name.replace("_", "-"): value for name, value in headers.items()})

    def get(self, path: str, **headers: str) -> http.client.HTTPResponse:
        """One answer, its head alone."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        return connection.getresponse()

    def state(self) -> dict[str, Any]:
        """What its health check says."""
        state: dict[str, Any] = orjson.loads(self.get("/live/healthz").read())
        return state


@contextmanager
def live_server(
    folder: Path, *, tick: float = 0.1, heartbeat: float = 0.5, send_buffer: int = 0
) -> Iterator[LiveServer]:
    """Start it with the settings of this process and wait until it follows Kafka.

    Args:
        folder: for its log.
        tick, heartbeat: seconds.
        send_buffer: bytes that the system keeps for a browser that does not read; 0: as it likes.
    """
    port = free_port()
    log, ended = folder / "live.log", folder / "ended"
    arguments = [str(number) for number in (port, tick, heartbeat, send_buffer)]
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.live_server", str(ended), *arguments],
            env=os.environ | {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    server = LiveServer(port, process, log, ended)

    def follows() -> bool:
        try:
            return bool(server.state()["follows"])
        except OSError:
            assert process.poll() is None, log.read_text()
            return False

    try:
        eventually(follows, 60, log.read_text)
        yield server
    finally:
        process.terminate()
        try:
            assert process.wait(20) in (0, -15), log.read_text()
        finally:
            if process.poll() is None:
                process.kill()


def main() -> None:
    """The process itself."""
    import socket

    import uvicorn

    from tidemark.storefront.live import Viewer, create_app

    ended, port, send_buffer = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[5])

    def find(cookie: str) -> Viewer | None:
        account, user_id, role = (*cookie.split("."), "", "")[:3]
        over = ended.exists() and account in ended.read_text().split()
        return Viewer(account, user_id, role == "admin") if role and not over else None

    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if send_buffer:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
    listening.bind(("127.0.0.1", port))
    app = create_app(find=find, tick=float(sys.argv[3]), heartbeat=float(sys.argv[4]))
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listening])


if __name__ == "__main__":
    main()
