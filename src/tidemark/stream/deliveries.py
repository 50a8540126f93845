"""Sending to a topic, and knowing within seconds of each batch whether all copies have it: what a web answer can promise.

`stream.sending` waits for a broker as long as it takes, as a load does. Here somebody waits for the answer: what Kafka has
not acknowledged in time is given up by the client itself, so that nothing is sent after its sender was told no. While no
broker can be reached nobody waits: a worker has few threads, and those that wait for Kafka do not answer what needs none.
"""

import threading
import time
from collections.abc import Sequence
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer

from tidemark.errors import UnreachableError
from tidemark.settings import Settings
from tidemark.stream import topics

PATIENCE = 4.5
"""Seconds after which a message that was not acknowledged is given up."""
MOST_WAITING = 100_000
"""Messages that may wait for Kafka at a time in one process."""


class Deliveries:
    """A producer with a thread that takes its delivery reports; one for a process, made where it is used (not before a fork).

    Attributes:
        sent: handed to the client. acknowledged: on all copies. failed: given up, the last reason in `problem`.
    """

    def __init__(self, config: Settings, topic: str = topics.INTERACTIONS) -> None:
        self._topic, self._where = topics.name(topic, config), config.kafka_bootstrap
        self._producer = Producer(
            topics.producer_config(config)
            | {
                "linger.ms": 5,
                "delivery.timeout.ms": int(PATIENCE * 1000),
                "request.timeout.ms": 2_000,
                "socket.connection.setup.timeout.ms": 2_000,
                "reconnect.backoff.max.ms": 1_000,  # a broker that is back is found at once
                "queue.buffering.max.messages": MOST_WAITING,
                "error_cb": self._note,
            }
        )
        self._away = threading.Event()
        self.sent = self.acknowledged = self.failed = 0
        self.problem = ""
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._poll, name="deliveries", daemon=True)
        self._thread.start()

    def _poll(self) -> None:
        while not self._closed.is_set():
            self._producer.poll(0.2)
            if self._away.is_set():
                self._look()

    def _look(self) -> None:
        """Whether Kafka is back."""
        try:
            self._producer.list_topics(self._topic, timeout=1)
            self._away.clear()
        except KafkaException:
            pass

    def _note(self, error: Any) -> None:
        """What the client says of itself, from the thread that polls."""
        if error.code() == KafkaError._ALL_BROKERS_DOWN:
            self.problem = error.str()
            self._away.set()

    def _report(self, error: Any, _message: Any) -> None:  # in the one thread that polls: no lock
        if error is None:
            self.acknowledged += 1
        else:
            self.failed += 1
            self.problem = error.str()

    def send(self, key: str, value: bytes) -> None:
        """Hand over one message and wait for nothing.

        Raises:
            UnreachableError: too many are waiting already.
        """
        self._produce(key, value, self._report)

    def deliver(self, messages: Sequence[tuple[str, bytes]], patience: float = PATIENCE) -> None:
        """Send `messages` (key and value) and wait until all copies have them.

        Args:
            messages: in the order in which messages of one key are to be kept.
            patience: seconds, at most.

        Raises:
            UnreachableError: Kafka did not acknowledge every one in time, and may have some of them; or it was away before
                and nothing was sent.
        """
        if self._away.is_set():
            raise UnreachableError(f"Kafka is away at {self._where} ({self.problem}): nothing was sent")
        batch = _Batch(len(messages), self._report)
        deadline = time.monotonic() + patience
        for key, value in messages:
            self._produce(key, value, batch.report)
        in_time = batch.done.wait(max(0.0, deadline - time.monotonic()))
        if not in_time or batch.timed_out:
            self._away.set()  # if it is not, the next look finds out
        if not in_time or batch.failed:
            raise UnreachableError(
                f"Kafka did not acknowledge {len(messages) - batch.acknowledged:,} of {len(messages):,} messages at "
                f"{self._where} in {patience:.1f} s ({self.problem or 'no answer'})"
            )

    def _produce(self, key: str, value: bytes, report: Any) -> None:
        try:
            self._producer.produce(self._topic, value, key=key.encode("utf-8", "replace"), on_delivery=report)
        except (BufferError, KafkaException) as error:
            raise UnreachableError(f"Kafka takes nothing at {self._where} ({error})") from None
        self.sent += 1

    def flush(self, timeout: float = PATIENCE) -> bool:
        """Wait for the reports that are missing; False where some did not come in time."""
        return bool(self._producer.flush(timeout) == 0)

    def close(self) -> None:
        """Wait for what is under way, at most `PATIENCE`, and end the thread."""
        self._producer.flush(PATIENCE)
        self._closed.set()
        self._thread.join()


class _Batch:
    """What is known of the messages that one caller waits for."""

    def __init__(self, size: int, report: Any) -> None:
        self._missing, self._report = size, report
        self.acknowledged = self.failed = 0
        self.timed_out = False
        self.done = threading.Event()
        if not size:
            self.done.set()

    def report(self, error: Any, message: Any) -> None:
        self._report(error, message)
        if error is None:
            self.acknowledged += 1
        else:
            self.failed += 1
            self.timed_out |= error.code() == KafkaError._MSG_TIMED_OUT
        self._missing -= 1
        if not self._missing:
            self.done.set()
