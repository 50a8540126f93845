"""Metrics in Prometheus' text form: the tide, the models and what is clicked of theirs, what waits, and how long the last
retrain took.

A server that is away is a metric too (`tidemark_up`): what it would tell is left out, never made up.
"""

import shutil
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4 as CONTENT_TYPE
from prometheus_client.registry import Collector

from tidemark.contracts import schemas
from tidemark.errors import UnreachableError
from tidemark.registry import champion, entries, figures
from tidemark.stream import dead_letters, engagement_figures
from tidemark.stream.progress import behind

if TYPE_CHECKING:
    from tidemark.operations.sources import Sources
    from tidemark.stream.bookmark import NextOffsets
    from tidemark.stream.progress import Progress

__all__ = ["CONTENT_TYPE", "exposition"]

MOST_LETTERS = 1_000_000
"""Waiting dead letters are counted up to here: a scrape does not wait for more."""
MOST_MODELS = 20
"""The newest models of which engagement is told: each is a series of its own."""
CHAMPION_FIELDS = ("created_at", "users_served", "decision.contender", "metrics")


def exposition(sources: "Sources", stages: Mapping[str, float]) -> bytes:
    """Everything as it is now.

    Args:
        sources: MongoDB and Kafka.
        stages: seconds that each task of the last retrain that succeeded took.
    """
    registry = CollectorRegistry()
    registry.register(_Now(sources, stages))
    return generate_latest(registry)


class _Now(Collector):
    """Asks when it is read: nothing is kept from one scrape to the next."""

    def __init__(self, sources: "Sources", stages: Mapping[str, float]) -> None:
        self._sources, self._stages = sources, stages

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """The metrics; in their names, units as Prometheus wants them."""
        up = GaugeMetricFamily("tidemark_up", "Whether a server answers (1) or not (0)", labels=["server"])
        for server, measure in (("kafka", self._tide), ("mongo", self._registry)):
            try:
                yield from measure()
                up.add_metric([server], 1)
            except UnreachableError:
                up.add_metric([server], 0)
        yield up
        yield from _disk(self._sources.config.artifacts_root)
        seconds = GaugeMetricFamily(
            "tidemark_retrain_stage_seconds",
            "Duration of each task of the last retrain that succeeded",
            labels=["stage"],
        )
        for stage, took in self._stages.items():
            seconds.add_metric([stage], took)
        yield seconds

    def _tide(self) -> list[GaugeMetricFamily]:
        mark = _gauge(
            "retrain_mark", "Lag, in interactions, at which a retrain starts", self._sources.config.retrain_mark
        )
        lag = self._sources.lag()
        parts = GaugeMetricFamily(
            "tidemark_topic_end_offset", "End offset of each partition of the topic", labels=["topic", "partition"]
        )
        for at in lag.partitions:
            parts.add_metric([lag.topic, str(at.partition)], at.end)
        gauges = [mark, _gauge("lag", "Interactions that no model has learned from", lag.total), parts]
        try:
            progress = self._sources.progress()
        except UnreachableError:
            return gauges
        gauges.append(
            _gauge("ingest_behind", "Messages that have come and are not stored", behind(lag, _next_offsets(progress)))
        )
        if progress is not None:
            stored = GaugeMetricFamily(
                "tidemark_ingest_next_offset",
                "Offset up to which the ingest has stored the topic",
                labels=["topic", "partition"],
            )
            for number, offset in progress.next_offsets.items():
                stored.add_metric([lag.topic, str(number)], offset)
            when = progress.updated_at.timestamp()
            gauges += [stored, _gauge("ingest_updated_timestamp_seconds", "When the ingest last stored", when)]
        return gauges

    def _registry(self) -> list[GaugeMetricFamily]:
        return self._sources.ask(_of_registry)


def _of_registry(db: Any) -> list[GaugeMetricFamily]:
    models = GaugeMetricFamily("tidemark_models", "Models of the registry", labels=["status"])
    counted, statuses = entries.count_by_status(db), schemas.schema("model")["properties"]["status"]["enum"]
    for status in dict.fromkeys((*statuses, *counted)):
        models.add_metric([status], counted.get(status, 0))
    waiting = db[dead_letters.COLLECTION].count_documents(dead_letters.WAITING, limit=MOST_LETTERS)
    metrics = [models, _gauge("dead_letters_waiting", "Rejected messages that were not sent again", waiting)]
    metrics += _engagement(db)
    live = champion.live(db, CHAMPION_FIELDS)
    if live is None:
        return metrics
    if live.get("created_at"):
        age = (datetime.now(UTC) - live["created_at"]).total_seconds()
        metrics.append(_gauge("champion_age_seconds", "Since the live model was made", age))
    ndcg = figures.of_contender(live).get("ndcg_at_10")
    if ndcg:
        metrics.append(_gauge("champion_ndcg_at_10", "NDCG@10 of the live model, held out", ndcg["value"]))
    if live.get("users_served") is not None:
        metrics.append(_gauge("champion_users_served", "Users that the live model serves", live["users_served"]))
    return metrics


def _next_offsets(progress: "Progress | None") -> "NextOffsets":
    return progress.next_offsets if progress else {}


def _disk(root: str) -> list[GaugeMetricFamily]:
    """How full the disk of the artifacts is, where they are on one."""
    try:
        usage = shutil.disk_usage(root)
    except OSError:  # an object store, or nothing was ever written
        return []
    return [
        _gauge("disk_size_bytes", "Size of the disk of the artifacts", usage.total),
        _gauge("disk_free_bytes", "Of it, free", usage.free),
    ]


def _engagement(db: Any) -> list[GaugeMetricFamily]:
    """What was shown of each model and clicked, and the share with its 95 % interval."""
    meanings = {
        "shown": ("recommendations_shown", "Recommended items that were shown"),
        "clicked": ("recommendations_clicked", "Recommended items that were shown and clicked"),
        "rate": ("click_through_ratio", "Share of the shown that was clicked"),
        "low": ("click_through_ratio_low", "Lower end of its 95 % interval"),
        "high": ("click_through_ratio_high", "Upper end of its 95 % interval"),
    }
    found = {model_id: rate for model_id, rate in engagement_figures.by_model(db).items() if rate.shown}
    gauges = []
    for part, (name, meaning) in meanings.items():
        gauge = GaugeMetricFamily(f"tidemark_{name}", meaning, labels=["model"])
        for model_id in sorted(found)[-MOST_MODELS:]:
            gauge.add_metric([model_id], getattr(found[model_id], part))
        gauges.append(gauge)
    return gauges


def _gauge(name: str, meaning: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"tidemark_{name}", meaning, value=value)
