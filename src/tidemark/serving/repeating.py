"""What a worker does again and again beside its answers: in a thread that outlives whatever goes wrong."""

import logging
import threading
from collections.abc import Callable

log = logging.getLogger(__name__)


class Repeating:
    """Does `what` every `seconds`, from `start` to `close`, in a thread of its own.

    Attributes:
        failures: times that it raised; it is done again all the same.
    """

    def __init__(self, name: str, what: Callable[[], object], seconds: float) -> None:
        self._what, self._seconds = what, seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self.failures = 0

    def start(self) -> None:
        """Do it a first time, and from then on."""
        self._thread.start()

    def close(self) -> None:
        """End it, once it is done with what it is at."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(15)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._what()
            except Exception:
                self.failures += 1
                log.exception("%s failed, and is tried again", self._thread.name)
            self._stop.wait(self._seconds)
