"""Listeners: who is told of what happens, by a thread of theirs, so that nobody who is slow holds up whoever tells."""

import logging
import queue
import threading
from collections.abc import Callable

from tidemark.serving.events import Event

log = logging.getLogger(__name__)

WAITING = 10_000
"""Events that wait to be told, at most; those that come then are told to nobody."""


class Listeners:
    """Tells each event to each listener, in the order in which they came.

    Attributes:
        missed: events that nobody was told of, because `WAITING` were there before them.
        failures: listeners' own errors; each is still told of the next event.
    """

    def __init__(self) -> None:
        self._listeners: tuple[Callable[[Event], object], ...] = ()
        self._waiting: queue.Queue[Event | None] = queue.Queue(WAITING)
        self._adding = threading.Lock()
        self._thread: threading.Thread | None = None
        self.missed = self.failures = 0

    def add(self, listener: Callable[[Event], object]) -> Callable[[], None]:
        """Tell `listener` too; gives what ends that."""
        with self._adding:
            self._listeners = (*self._listeners, listener)
            if self._thread is None:
                self._thread = threading.Thread(target=self._tell_all, name="listeners", daemon=True)
                self._thread.start()
        return lambda: self._remove(listener)

    def _remove(self, listener: Callable[[Event], object]) -> None:
        with self._adding:
            self._listeners = tuple(other for other in self._listeners if other is not listener)

    def tell(self, event: Event) -> None:
        """Have `event` told; never waits."""
        if self._listeners:
            try:
                self._waiting.put_nowait(event)
            except queue.Full:
                self.missed += 1

    def close(self) -> None:
        """Tell nobody any more, also of what waits."""
        self._listeners = ()
        if self._thread is not None:
            with self._waiting.mutex:
                self._waiting.queue.clear()
            self._waiting.put(None)
            if self._thread is not threading.current_thread():
                self._thread.join(10)

    def _tell_all(self) -> None:
        while (event := self._waiting.get()) is not None:
            for listener in self._listeners:
                try:
                    listener(event)
                except Exception:
                    self.failures += 1
                    log.exception("a listener failed")
