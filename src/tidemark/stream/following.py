"""Following topics from now on: every message that comes is told once, by one thread, however many want to know.

For what is shown while it happens. Nothing is kept and no group is joined: what came before, or while Kafka was away longer
than it keeps messages, is not told.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from tidemark.settings import Settings
from tidemark.stream import topics

log = logging.getLogger(__name__)

BATCH, WAIT = 500, 0.1
LOOK = 30.0
"""Seconds between two looks for new partitions."""
PATIENCE = 1.0
"""Seconds between two tries to reach a Kafka that is away."""
ANSWER = 3.0
"""Seconds that Kafka has for an answer."""


class Follower:
    """One thread that follows topics.

    Args:
        config: the settings.
        names: topics, by their own names (`topics.TOPICS`).
        tell: is given each message and the topic's own name, in that thread; what it raises is logged and counted.

    Attributes:
        begun: set once what comes is told.
        told: messages so far. failures: of `tell`.
    """

    def __init__(self, config: Settings, names: Sequence[str], tell: Callable[[str, Message], None]) -> None:
        self._config, self._tell = config, tell
        self._names = {topics.name(name, config): name for name in names}
        self._closing = threading.Event()
        self._at: dict[tuple[str, int], int] = {}
        self.begun = threading.Event()
        self.told = self.failures = 0
        self._thread = threading.Thread(target=self._run, name="follower", daemon=True)

    def start(self) -> None:
        """Begin; returns at once, whether or not Kafka is there."""
        self._thread.start()

    def close(self) -> None:
        """End the thread."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(2 * ANSWER)

    def _run(self) -> None:
        while not self._closing.is_set():
            consumer = Consumer(
                topics.client_config(self._config)
                | {
                    "group.id": topics.name("tidemark-live", self._config),  # required, and never joined
                    "enable.auto.commit": False,
                    "auto.offset.reset": "latest",
                    "isolation.level": "read_committed",
                    "log_level": 0,
                }
            )
            try:
                self._follow(consumer)
            except KafkaException as error:
                log.warning("%s", topics.unreachable(error, self._config))
                self._closing.wait(PATIENCE)
            finally:
                consumer.close()

    def _follow(self, consumer: Consumer) -> None:
        while not self._closing.is_set():
            consumer.assign([TopicPartition(*place, at) for place, at in self._places(consumer).items()])
            self.begun.set()
            looked = time.monotonic()
            while not self._closing.is_set() and time.monotonic() - looked < LOOK:
                for message in consumer.consume(BATCH, WAIT):
                    if message.error() is None:
                        self._one(message)

    def _places(self, consumer: Consumer) -> dict[tuple[str, int], int]:
        """Every partition and where to go on: where it was left; the end, of one that is met for the first time."""
        known, first = consumer.list_topics(timeout=ANSWER).topics, not self._at
        for topic in self._names:
            for number in known[topic].partitions if topic in known else ():
                low, high = consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=ANSWER)
                at = self._at.get((topic, number), high if first else low)
                # A topic that was made anew may hold less than was read of the old one.
                self._at[topic, number] = high if at > high else max(at, low)
        return self._at

    def _one(self, message: Message) -> None:
        topic, number, offset = message.topic(), message.partition(), message.offset()
        if topic is None or number is None or offset is None or offset < self._at.get((topic, number), 0):
            return
        self._at[topic, number] = offset + 1
        self.told += 1
        try:
            self._tell(self._names[topic], message)
        except Exception:
            self.failures += 1
            log.exception("what came by %s was not understood", topic)
