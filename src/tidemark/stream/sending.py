"""Sending to the topic `interactions` at a pace, with every delivery report counted."""

import time
from collections.abc import Iterable
from typing import Any

from confluent_kafka import KafkaException, Producer

from tidemark.errors import UnreachableError
from tidemark.settings import Settings
from tidemark.stream import topics


class Sender:
    """A producer that loses nothing and counts what was acknowledged.

    Attributes:
        sent: handed to the client. acknowledged: on all copies. failed: given up, the last reason in `problem`.
    """

    def __init__(self, config: Settings, topic: str = topics.INTERACTIONS) -> None:
        """Raises UnreachableError where Kafka does not answer."""
        self._topic = topics.name(topic, config)
        self._producer = Producer(topics.producer_config(config))
        self.sent = self.acknowledged = self.failed = 0
        self.problem = ""
        try:
            metadata = self._producer.list_topics(self._topic, timeout=10).topics[self._topic]
        except KafkaException as error:
            raise topics.unreachable(error, config) from None
        if metadata.error is not None:
            raise UnreachableError(f"no topic {self._topic!r} at {config.kafka_bootstrap}: make run makes it")

    def _report(self, error: Any, _message: Any) -> None:
        if error is None:
            self.acknowledged += 1
        else:
            self.failed += 1
            self.problem = error.str()

    def send(self, key: str, value: bytes) -> None:
        """Hand one message to the client; waits where its queue is full."""
        while True:
            try:
                self._producer.produce(self._topic, value, key=key.encode("utf-8", "replace"), on_delivery=self._report)
                break
            except BufferError:
                self._producer.poll(0.1)
        self.sent += 1
        if self.sent % 100 == 0:
            self._producer.poll(0)

    def flush(self, timeout: float = 60) -> bool:
        """Wait for the reports that are missing; False where some did not come in time."""
        return bool(self._producer.flush(timeout) == 0)


class Pace:
    """Keeps to `rate` a second (0: as fast as it goes), in steps short enough to look even."""

    def __init__(self, rate: float) -> None:
        self._rate, self._start, self._done = rate, time.monotonic(), 0

    def step(self) -> None:
        """Call after each message."""
        self._done += 1
        if self._rate:
            ahead = self._start + self._done / self._rate - time.monotonic()
            if ahead > 0.01:
                time.sleep(ahead)


def send_all(sender: Sender, messages: Iterable[tuple[str, bytes]], rate: float = 0) -> None:
    """Send `messages` at `rate` a second and wait for every report."""
    pace = Pace(rate)
    for key, value in messages:
        sender.send(key, value)
        pace.step()
    sender.flush()
