"""A topic, a database and an ingest of one test's own, and what is sent to it."""

import json
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka import Producer

from tests.support.ingest_service import IngestService
from tests.support.topic import own_topics
from tests.support.waiting import eventually
from tidemark.settings import Settings, settings
from tidemark.storage import mongo
from tidemark.stream import progress, topics
from tidemark.stream.bookmark import Bookmark
from tidemark.stream.interaction_ingest import InteractionIngest

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@dataclass
class Stream:
    """A topic, a database and an ingest of one test's own."""

    config: Settings
    service: IngestService
    db: Any
    bookmark: Bookmark

    @property
    def topic(self) -> str:
        return self.bookmark.topic

    def send(self, values: Any, *, rate: float | None = None) -> None:
        """Send and wait for every acknowledgement."""
        producer, failed, start = Producer(topics.producer_config(self.config)), [], time.monotonic()
        for number, value in enumerate(values):
            while True:
                try:
                    producer.produce(
                        self.topic,
                        value,
                        key=str(number % 997),
                        on_delivery=lambda e, _: failed.append(e) if e else None,
                    )
                    break
                except BufferError:
                    producer.poll(0.1)
            if number % 500 == 0:
                producer.poll(0)
                if rate:
                    time.sleep(max(0.0, start + number / rate - time.monotonic()))
        assert producer.flush(180) == 0
        assert not failed

    def drain(self, spark: "SparkSession") -> None:
        """Store all that has come, as the service does, in this process: no JVM is started for it."""
        spark.sparkContext.setLogLevel("ERROR")  # its producer outlives the broker, and would say so for ever
        ingest = InteractionIngest(settings(), self.db, self.bookmark)
        with tempfile.TemporaryDirectory() as folder:
            stream = ingest.stream(spark, ingest.begin()).writeStream.foreachBatch(ingest)
            query = stream.option("checkpointLocation", folder).trigger(availableNow=True).start()
            query.awaitTermination()
        assert self.caught_up()

    def caught_up(self) -> bool:
        known = progress.read(self.db, self.topic)
        if known is None or known.topic_id != self.bookmark.topic_id():
            return False
        return all(known.next_offsets.get(n, 0) >= end for n, end in self.bookmark.ends().items())

    def wait(self, timeout: float = 120) -> float:
        start = time.monotonic()
        eventually(self.caught_up, timeout, lambda: f"ingest is behind: {self.service.tail()}")
        return time.monotonic() - start


def own_stream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stream:
    """With topics of its own prefix, which `settings()` means from now on; the ingest is not started."""
    monkeypatch.setenv("TIDEMARK_STATE", str(tmp_path))
    monkeypatch.setenv("TIDEMARK_INGEST_MEMORY", "700m")
    config = own_topics(monkeypatch)
    return Stream(config, IngestService(tmp_path / "ingest.log"), mongo.connect(config), Bookmark(config))


def message(number: int, **more: Any) -> bytes:
    """One interaction of a user of its own."""
    return json.dumps({"user_id": f"u{number}", "item_id": f"i{number % 50}", "event_type": "view", **more}).encode()
