"""Lag: how many records no model has learned from yet, measured against a bookmark that nobody reads by.

The bookmark is a consumer group's committed offsets. A retrain moves it by `commit` to its snapshot once it has decided,
whatever it decided, and also where it found nothing new to learn from. Structured Streaming commits nothing to Kafka, so
the lag of a reading group would mean nothing here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from confluent_kafka import Consumer, IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from tidemark.errors import CoordinatorStartingError, UnreachableError
from tidemark.settings import Settings, settings
from tidemark.stream import topics

_PASSING = (
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.NOT_COORDINATOR,
)
"""What Kafka answers while a partition, or the group's coordinator, is still starting: over in a moment."""


_patient = retry(
    retry=retry_if_exception_type(CoordinatorStartingError),
    stop=stop_after_delay(5),
    wait=wait_fixed(0.1),
    reraise=True,
)


NextOffsets = dict[int, int]
"""Partition -> the first offset that is not yet covered."""


@dataclass(frozen=True)
class PartitionLag:
    """One partition: the offsets it holds are `earliest` <= o < `end`; `committed` is None where no bookmark is."""

    partition: int
    earliest: int
    end: int
    committed: int | None

    @property
    def base(self) -> int:
        """From where records count: the bookmark, unless it points outside of what the partition holds.

        None, or expired: the oldest record there is. Beyond the end: the topic was made anew, so all of it is new.
        """
        if self.committed is None or self.committed > self.end:
            return self.earliest
        return max(self.committed, self.earliest)

    @property
    def lag(self) -> int:
        """Records from `base` to the end."""
        return self.end - self.base


@dataclass(frozen=True)
class Lag:
    """The lag of a topic, partition by partition."""

    topic: str
    partitions: tuple[PartitionLag, ...]

    @property
    def total(self) -> int:
        """Records, summed over partitions."""
        return sum(p.lag for p in self.partitions)

    @property
    def bases(self) -> NextOffsets:
        """Partition -> from where its records count."""
        return {p.partition: p.base for p in self.partitions}

    @property
    def ends(self) -> NextOffsets:
        """Partition -> its end offset."""
        return {p.partition: p.end for p in self.partitions}


class Bookmark:
    """The bookmark of the topic `interactions` (or another), and the lag behind it.

    Two clients to Kafka, opened with the object and kept: an answer takes milliseconds. The group's offsets are asked
    for and set by a consumer that never joins: AdminClient.list_consumer_group_offsets ends the whole process with a
    segmentation fault where the group's coordinator is still starting (confluent-kafka-javascript#374; seen with 2.16).

    Every method raises UnreachableError where Kafka does not answer within `timeout` seconds, or does not know the topic.
    """

    def __init__(
        self, config: Settings | None = None, *, topic: str = topics.INTERACTIONS, timeout: float = 15
    ) -> None:
        self._config = config or settings()
        self.topic = topics.name(topic, self._config)
        self.group = topics.bookmark_group(self._config)
        self._admin: AdminClient = topics.admin_client(self._config)
        self._group = Consumer(
            topics.client_config(self._config) | {"group.id": self.group, "enable.auto.commit": False, "log_level": 0}
        )
        self._timeout = timeout

    def partitions(self) -> list[int]:
        """The topic's partitions as they are now: they may have grown since."""
        try:
            metadata = self._admin.list_topics(self.topic, timeout=self._timeout).topics[self.topic]
        except KafkaException as error:
            raise topics.unreachable(error, self._config) from None
        if metadata.error is not None:
            raise UnreachableError(
                f"no topic {self.topic!r} at {self._config.kafka_bootstrap} ({metadata.error.str()}): run make setup"
            )
        return sorted(metadata.partitions)

    def topic_id(self) -> str:
        """The topic's identity: another one once it was deleted and made anew."""
        try:
            return topics.topic_id(self._admin, self.topic, self._timeout)
        except (KafkaException, TimeoutError) as error:
            raise self._unreachable(error) from None

    @_patient
    def lag(self) -> Lag:
        """The lag as it is now."""
        partitions = [TopicPartition(self.topic, number) for number in self.partitions()]
        try:
            # The questions travel together.
            starts = self._offsets(partitions, OffsetSpec.earliest())
            ends = self._offsets(partitions, OffsetSpec.latest())
            committed = {
                at.partition: at.offset if at.offset >= 0 else None
                for at in self._group.committed(partitions, timeout=self._timeout)
            }
            return Lag(
                self.topic,
                tuple(
                    PartitionLag(
                        at.partition,
                        starts[at].result(self._timeout).offset,
                        ends[at].result(self._timeout).offset,
                        committed.get(at.partition),
                    )
                    for at in partitions
                ),
            )
        except (KafkaException, TimeoutError) as error:
            raise self._unreachable(error) from None

    @_patient
    def ends(self) -> NextOffsets:
        """Partition -> end offset, now."""
        partitions = [TopicPartition(self.topic, number) for number in self.partitions()]
        try:
            asked = self._offsets(partitions, OffsetSpec.latest())
            return {at.partition: answer.result(self._timeout).offset for at, answer in asked.items()}
        except (KafkaException, TimeoutError) as error:
            raise self._unreachable(error) from None

    @_patient
    def commit(self, next_offsets: Mapping[int, int], *, topic_id: str | None = None) -> NextOffsets:
        """Move the bookmark to exactly `next_offsets`; done again, it changes nothing. Gives what was moved.

        Nothing is moved where `topic_id` is given and the topic is no longer that one, and no partition to where it
        holds nothing yet: the offsets were those of a topic that is gone, and what the new one holds is all unlearned.
        """
        if topic_id is not None and topic_id != self.topic_id():
            return {}
        ends = self.ends()
        moved = {number: at for number, at in next_offsets.items() if at <= ends.get(number, -1)}
        if not moved:
            return {}
        offsets = [TopicPartition(self.topic, number, at) for number, at in sorted(moved.items())]
        try:
            self._group.committed(offsets, timeout=self._timeout)  # waits until the group's coordinator is at work
            done = self._group.commit(offsets=offsets, asynchronous=False)
            failed = [at.error for at in done or [] if at.error is not None]
        except KafkaException as error:
            raise self._unreachable(error) from None
        if failed:
            raise self._unreachable(KafkaException(failed[0]))
        return moved

    def _offsets(self, partitions: list[TopicPartition], spec: OffsetSpec) -> dict[TopicPartition, Any]:
        asked: dict[TopicPartition, Any] = self._admin.list_offsets(
            dict.fromkeys(partitions, spec),
            isolation_level=IsolationLevel.READ_COMMITTED,
            request_timeout=self._timeout,
        )
        return asked

    def _unreachable(self, error: Exception) -> UnreachableError:
        if not isinstance(error, KafkaException):
            error = KafkaException(KafkaError(KafkaError._TIMED_OUT))
        unreachable = topics.unreachable(error, self._config)
        return CoordinatorStartingError(*unreachable.args) if error.args[0].code() in _PASSING else unreachable
