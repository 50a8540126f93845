"""A steady load that outlives the server's processes: requests at a fixed pace, each answer held against what it must be, and
each connection that broke against the worker that was killed."""

import selectors
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from benchmarks.http_load import Connection

QUEUED = 1.0
"""Seconds after a kill in which a new connection may be found to have waited for the killed worker."""
LATE = 10.0
"""Seconds after which an answer is no longer waited for."""
BEHIND = 1.0
"""Seconds of the pace that may wait for a connection or for this process to get its turn; what is above is left out."""

RENEWED = 100
"""Requests after which a connection is closed and another one opened, so that a worker that was started anew gets some."""

Judge = Callable[[int, bytes, float], str]
"""Status, body and `time.monotonic()` of the sending -> what is wrong with the answer; empty: nothing."""
Question = tuple[bytes, Judge]


@dataclass
class Heard:
    """What came of the requests.

    Args:
        statuses: HTTP status -> answers.
        wrong: what was wrong -> answers of which it was.
        in_killed: requests that were with a worker when it was killed, or were sent to it before its end was seen.
        in_queue: requests on connections that no worker had taken when one was killed: the kernel ends those that waited for it.
        broken: why a connection broke that no killed worker had -> requests.
        refused: times that no connection could be made.
        left_out: requests that were due and not sent: the machine did not keep the pace.
        took: seconds of the answers of the last window, each from when its request was due.
        faults: the first of what was wrong or broke, with its second since the start.
    """

    statuses: Counter[int] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    in_killed: int = 0
    in_queue: int = 0
    broken: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    left_out: int = 0
    took: deque[float] = field(default_factory=lambda: deque(maxlen=100_000))
    faults: list[tuple[float, str]] = field(default_factory=list)


class Soak:
    """The load; `run` is one thread's, `killing` may be called by another.

    Args:
        address: host and port.
        questions: what is asked, without end.
        connections: kept open.
        rate: requests a second.
    """

    def __init__(self, address: tuple[str, int], questions: Iterator[Question], connections: int, rate: float) -> None:
        self._address, self._questions, self._rate = address, questions, rate
        self.heard = Heard()
        self._killed: set[int] = set()
        self._killed_at = float("-inf")
        self._missing = connections
        self._idle: deque[Connection] = deque()
        self._asked: dict[int, tuple[Connection, Judge, float]] = {}
        self._selector = selectors.DefaultSelector()
        self._begun = time.monotonic()

    def killing(self, ports: set[int]) -> None:
        """The connections from these ports of ours end with a worker that is about to be killed."""
        self._killed |= ports
        self._killed_at = time.monotonic()

    def run(self, seconds: float) -> None:
        """Ask for so long, and wait for what is under way."""
        due = self._begun = time.monotonic()
        end, looked = due + seconds, due
        waiting: deque[float] = deque()
        while (now := time.monotonic()) < end or (self._asked and now < end + LATE):
            while due <= now and due < end:
                waiting.append(due)
                due += 1 / self._rate
            while waiting and now - waiting[0] > BEHIND:
                waiting.popleft()
                self.heard.left_out += 1
            if now - looked > 0.05:
                looked = now
                self._reconnect()
                self._give_up(now)
            while waiting and self._idle:
                self._ask(waiting.popleft())
            pause = min(0.05, max(0.0, due - time.monotonic())) if self._idle else 0.05
            for key, _ in self._selector.select(pause):
                self._hear(key.data)
        self.heard.left_out += len(waiting)
        self._give_up(float("inf"))
        for connection in self._idle:
            connection.socket.close()

    def _reconnect(self) -> None:
        while self._missing:
            try:
                self._idle.append(Connection(self._address))
            except OSError:
                self.heard.refused += 1
                return
            self._missing -= 1

    def _ask(self, due: float) -> None:
        connection = self._idle.popleft()
        request, judge = next(self._questions)
        self._asked[id(connection)] = connection, judge, time.monotonic()
        self._selector.register(connection.socket, selectors.EVENT_READ, connection)
        try:
            connection.send(request, due)
        except OSError as error:
            self._drop(connection, type(error).__name__)

    def _hear(self, connection: Connection) -> None:
        try:
            status = connection.receive()
        except (OSError, ValueError) as error:  # a ValueError: what came is no HTTP
            self._drop(connection, type(error).__name__)
            return
        if status is None:
            return
        self._selector.unregister(connection.socket)
        _, judge, sent = self._asked.pop(id(connection))
        self.heard.statuses[status] += 1
        self.heard.took.append(time.monotonic() - connection.due)
        if problem := judge(status, connection.body(), sent):
            self.heard.wrong[problem] += 1
            self._note(problem)
        connection.answers += 1
        if connection.answers < RENEWED:
            self._idle.append(connection)
        else:
            connection.socket.close()
            self._missing += 1

    def _drop(self, connection: Connection, why: str) -> None:
        self._selector.unregister(connection.socket)
        del self._asked[id(connection)]
        port = connection.port
        if port in self._killed:
            self._killed.discard(port)
            self.heard.in_killed += 1
        elif connection.answers == 0 and time.monotonic() - self._killed_at < QUEUED:
            self.heard.in_queue += 1
        else:
            self._fault(why, connection.answers)
        with suppress(OSError):
            connection.socket.close()
        self._missing += 1

    def _give_up(self, now: float) -> None:
        for connection, _, sent in list(self._asked.values()):
            if now - sent > LATE:
                self._drop(connection, f"not answered within {LATE:.0f} s")

    def _fault(self, why: str, answers: int) -> None:
        self.heard.broken[why] += 1
        self._note(f"{why}, {time.monotonic() - self._killed_at:.1f} s after a kill, after {answers} answers")

    def _note(self, what: str) -> None:
        if len(self.heard.faults) < 50:
            self.heard.faults.append((round(time.monotonic() - self._begun, 1), what))
