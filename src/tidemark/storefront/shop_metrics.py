"""Metrics of the storefront, of all its workers together where `PROMETHEUS_MULTIPROC_DIR` names their common folder.

That folder is made by whoever starts the workers, anew each time. What a worker wrote that was killed is left out of the
gauges: they tell how things are, and its are not.
"""

import os
import re
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

if TYPE_CHECKING:
    from tidemark.storefront.shop import Shop

BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
REFRESH_SECONDS = 5.0
GAUGES: dict[str, tuple[str, Literal["livemin", "livemax"]]] = {
    "ready": ("Whether every worker can answer what a person gets", "livemin"),
    "fresh": ("Whether every worker knows what is newer than the model", "livemin"),
    "tail_lag": ("Interactions that a worker has not read yet, the worst one's", "livemax"),
    "model_made_seconds": ("When the oldest model that a worker answers from was made", "livemin"),
    "catalogue_version": ("The oldest catalogue that a worker answers from", "livemin"),
}
COUNTERS = {
    "swaps": "Models that a worker switched to",
    "swap_failures": "Models that a worker could not switch to",
    "arm_fallbacks": "Answers of the champion, since the model of the user's arm could not be had",
    "exposures_sent": "Lists shown that were handed to Kafka's client",
    "exposures_acknowledged": "Lists shown that Kafka has on all copies",
    "exposures_failed": "Lists shown that Kafka did not take",
    "exposures_overflowed": "Lists shown that were not sent, the queue being full",
    "interactions_acknowledged": "Interactions taken that Kafka has on all copies",
    "interactions_failed": "Interactions that Kafka did not take in time",
}
_OF_PROCESS = re.compile(r"_(\d+)\.db$")


class ShopMetrics:
    """What one worker measures; a registry of its own, so that a process can hold several applications."""

    EXTENSION = "tidemark-metrics"

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._seconds = Histogram(
            "tidemark_shop_request_seconds",
            "Time from a request's arrival to its answer",
            ["route", "status"],
            buckets=BUCKETS,
            registry=self._registry,
        )
        self._children: dict[tuple[str, int], Any] = {}
        self._gauges = {
            name: Gauge(f"tidemark_shop_{name}", text, registry=self._registry, multiprocess_mode=mode)
            for name, (text, mode) in GAUGES.items()
        }
        self._counters = {
            name: Counter(f"tidemark_shop_{name}", text, registry=self._registry) for name, text in COUNTERS.items()
        }
        self._seen = dict.fromkeys(self._counters, 0)
        self._lock = threading.Lock()

    def observe(self, route: str, status: int, seconds: float) -> None:
        """Note a request.

        Args:
            route: as the application has it, so that there are few; empty: none.
            status: of the answer.
            seconds: that it took.
        """
        child = self._children.get((route, status))
        if child is None:
            child = self._children[route, status] = self._seconds.labels(route, str(status))
        child.observe(seconds)

    def refresh(self, shop: "Shop") -> None:
        """Take over what the parts of the shop have counted."""
        state, serving = shop.serving.state(), shop.serving
        with self._lock:
            for name, value in (
                ("ready", float(serving.ready())),
                ("fresh", float(state.fresh)),
                ("tail_lag", state.tail_lag),
                ("model_made_seconds", state.made_at.timestamp() if state.made_at else None),
                ("catalogue_version", state.catalogue_version),
            ):
                if value is not None:
                    self._gauges[name].set(float(value))
            for name, count in (
                ("swaps", state.swaps),
                ("swap_failures", state.swap_failures),
                ("arm_fallbacks", shop.experiments.fallbacks),
                ("exposures_sent", shop.exposures.sent),
                ("exposures_acknowledged", shop.exposures.acknowledged),
                ("exposures_failed", shop.exposures.failed),
                ("exposures_overflowed", shop.exposures.overflowed),
                ("interactions_acknowledged", shop.interactions.acknowledged),
                ("interactions_failed", shop.interactions.failed),
            ):
                self._counters[name].inc(max(0, count - self._seen[name]))
                self._seen[name] = max(count, self._seen[name])

    def exposition(self, shop: "Shop") -> bytes:
        """Everything as it is now, in Prometheus' text form."""
        self.refresh(shop)
        folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
        if not folder:
            return generate_latest(self._registry)
        _forget_the_dead(Path(folder))
        together = CollectorRegistry()
        MultiProcessCollector(together, folder)
        return generate_latest(together)

    def keep_fresh(self, shop: "Shop", ended: threading.Event) -> None:
        """Refresh each `REFRESH_SECONDS` until `ended`: another worker may be the one that is asked."""
        while not ended.wait(REFRESH_SECONDS):
            self.refresh(shop)


def _forget_the_dead(folder: Path) -> None:
    """Drop the gauges of processes that are no more."""
    found = {int(match[1]) for path in folder.glob("gauge_live*.db") if (match := _OF_PROCESS.search(path.name))}
    for process in found:
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            mark_process_dead(process, str(folder))
        except PermissionError:
            pass
