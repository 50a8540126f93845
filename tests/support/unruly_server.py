"""An HTTP server that serves one file, and for each request does what it was told to: break off, refuse, ignore ranges, lie."""

import re
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Quiet(ThreadingHTTPServer):
    """Clients that go away are what it is for: nothing is told of them."""

    def handle_error(self, request: object, client_address: object) -> None:
        """Of a client that has gone, say nothing."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Does:
    """What it does with one request.

    Args:
        status: in place of the file.
        headers: beside its own.
        stops_after: bytes of the body, after which the connection ends.
        pauses: an event that is waited for in the midst of the body.
        ignores_ranges: gives all whatever was asked for.
        says_length: in place of the true one.
        tag: the ETag; empty: none.
        body: in place of the file's.
    """

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    stops_after: int | None = None
    pauses: threading.Event | None = None
    ignores_ranges: bool = False
    says_length: int | None = None
    tag: str = '"one"'
    body: bytes | None = None


@dataclass
class Unruly:
    """The server.

    Args:
        url: of the file.
        asked: headers of each request that came, in order.
    """

    url: str
    asked: list[dict[str, str]] = field(default_factory=list)


@contextmanager
def unruly(files: dict[str, bytes], does: Sequence[Does] = ()) -> Iterator[Unruly]:
    """Serve `files` (path -> contents): the first requests as `does` says, all that come after them as a good server would."""
    left = list(does)
    made = Unruly("")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            made.asked.append(dict(self.headers))
            here = left.pop(0) if left else Does()
            body = files.get(self.path) if here.body is None else here.body
            if here.status or body is None:
                self.send_response(here.status or 404)
                for name, value in ({"Content-Length": "0"} | here.headers).items():
                    self.send_header(name, value)
                self.end_headers()
                return
            asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
            start = (
                int(asked[1]) if asked and not here.ignores_ranges and self.headers.get("If-Range") == here.tag else 0
            )
            if start > len(body):
                self.send_response(416)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            part = body[start:]
            self.send_response(206 if start else 200)
            headers = {"Content-Length": str(len(part) if here.says_length is None else here.says_length)}
            headers |= {"ETag": here.tag} if here.tag else {}
            headers |= {"Content-Range": f"bytes {start}-{len(body) - 1}/{len(body)}"} if start else {}
            for name, value in (headers | here.headers).items():
                self.send_header(name, value)
            self.end_headers()
            self._send(part, here)

        def _send(self, part: bytes, here: Does) -> None:
            stops = len(part) if here.stops_after is None else here.stops_after
            self.wfile.write(part[:stops] if here.pauses is None else part[: stops // 2])
            self.wfile.flush()
            if here.pauses is not None:
                here.pauses.wait(30)
                self.wfile.write(part[stops // 2 : stops])
            if here.stops_after is not None or here.says_length is not None:
                self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Nothing."""

    server = Quiet(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=lambda: server.serve_forever(0.02), daemon=True)
    thread.start()
    made.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
