"""The ingest of one topic: what Spark's stream of Kafka records becomes, batch by batch; what is the same of every topic.

Order in a batch: what is stored, dead letters, progress; Spark's checkpoint comes last. Every step is keyed by
topic-partition-offset or bears its own time, so a batch that was cut off anywhere runs again and leaves the same state. Only the
topic `interactions.dead_letter` may then hold a letter twice, under the same key; the collection never does.
"""

import base64
import json
import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pymongo.database import Database

from tidemark.errors import BatchFailedError, TopicChangedError
from tidemark.settings import Settings
from tidemark.storage import mongo
from tidemark.stream import progress, topics
from tidemark.stream.bookmark import Bookmark
from tidemark.stream.progress import Progress

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, Row, SparkSession

log = logging.getLogger(__name__)

BEAT = 10.0
"""Seconds between two signs of life."""


def arrow_schema(columns: str) -> "pa.Schema":
    """Of parsed records, from their columns as Spark names and types them."""
    import pyarrow as pa

    kinds = {
        "string": pa.string(),
        "double": pa.float64(),
        "int": pa.int32(),
        "long": pa.int64(),
        "boolean": pa.bool_(),
    }
    kinds["timestamp"] = pa.timestamp("us", tz="UTC")
    named = (column.split() for column in columns.split(", "))
    return pa.schema([(name, kinds[kind]) for name, kind in named])


def arrow_batch(rows: Sequence[tuple[Any, ...]], schema: "pa.Schema") -> "pa.RecordBatch":
    """Parsed records, a tuple each, as Spark takes them from its workers."""
    import pyarrow as pa

    columns: list[Any] = list(zip(*rows, strict=True)) or [()] * len(schema)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def in_base64(value: bytes | None) -> str | None:
    """The bytes of a dead letter as they are kept."""
    return None if value is None else base64.b64encode(value).decode("ascii")


class Ingest(ABC):
    """Stores the batches of one topic, from where `progress` says that it was left.

    Args:
        config: the settings.
        db: the platform's database.
        bookmark: a way to ask Kafka about the topic.
    """

    collections: ClassVar[tuple[str, ...]]
    """Those that it stores in."""

    def __init__(self, config: Settings, db: Database[dict[str, Any]], bookmark: Bookmark) -> None:
        self._config, self._db, self._bookmark = config, db, bookmark
        self.failure: Exception | None = None
        self._noted: dict[Any, int] = {}
        self._beaten = 0.0
        self.progress: Progress

    @property
    def topic(self) -> str:
        """As the brokers know it."""
        return self._bookmark.topic

    def begin(self) -> str:
        """Make what is missing in the database and find where to go on: Spark's `startingOffsets`."""
        for collection in (*self.collections, progress.COLLECTION):
            mongo.ensure(self._db, collection)
        self.progress = progress.begin(self._db, self.topic, self._bookmark.topic_id())
        known, starts = self.progress.next_offsets, {}
        for p in self._bookmark.lag().partitions:
            starts[str(p.partition)] = max(known.get(p.partition, p.earliest), p.earliest)
            lost = p.earliest - known.get(p.partition, 0)
            if lost > 0:
                log.warning(
                    "%s, partition %d: %d messages expired in Kafka before they were stored; going on at %d",
                    self.topic, p.partition, lost, p.earliest,
                )  # fmt: skip
        return json.dumps({self.topic: starts})

    def stream(self, spark: "SparkSession", starting_offsets: str) -> "DataFrame":
        """The topic as an unbounded frame of Kafka records, from `starting_offsets`."""
        options = topics.spark_options(self._config) | {
            "subscribe": self.topic,
            "startingOffsets": starting_offsets,
            "maxOffsetsPerTrigger": str(self._config.ingest_batch),
            "includeHeaders": "true",
            "failOnDataLoss": "false",  # what expired is gone either way: say so and go on, rather than stop for good
            "kafka.isolation.level": "read_committed",
        }
        return spark.readStream.format("kafka").options(**options).load()

    def __call__(self, batch: "DataFrame", _number: int) -> None:
        """`store_batch` for `foreachBatch`: what goes wrong is kept in `failure`, for Spark hands on only a text."""
        self.failure = None
        try:
            self.store_batch(batch)
        except Exception as error:
            self.failure = error
            # A long text here overflows the stack of the regular expression by which Spark reads it.
            raise BatchFailedError("see Ingest.failure") from None

    @abstractmethod
    def store_batch(self, batch: "DataFrame") -> None:
        """Store one batch of Kafka records, whole.

        Raises:
            TopicChangedError: the topic is another one than when it began; nothing of the batch was stored.
        """

    def require_same_topic(self) -> None:
        """Raises TopicChangedError where the topic was deleted and made anew since `begin`."""
        if self._bookmark.topic_id() != self.progress.topic_id:
            raise TopicChangedError(f"topic {self.progress.topic} was deleted and made anew: beginning at its start")

    def note(self, next_offsets: Mapping[Any, int]) -> None:
        """Move the progress on to `next_offsets`; an end that Spark knows may lie behind a mark that is no record."""
        if dict(next_offsets) != self._noted:
            progress.advance(self._db, self.progress.topic, self.progress.topic_id, next_offsets)
            self._noted = dict(next_offsets)

    def beat(self) -> None:
        """Note that it goes round; every few seconds are enough."""
        if time.monotonic() - self._beaten >= BEAT:
            self._beaten = time.monotonic()
            progress.beat(self._db, self.progress.topic, self.progress.topic_id)

    def note_batch(self, counted: "list[Row]") -> None:
        """Move the progress on past a batch; of each partition, its number and the `last` offset."""
        self.note({row["partition"]: row["last"] + 1 for row in counted})

    def bury(self, dead: "DataFrame") -> None:
        """Keep dead letters, in MongoDB and in their topic.

        Args:
            dead: `_id, partition, offset, time, reason, value` (in base64).
        """
        from pyspark.sql import functions as f

        letters = dead.select(
            "_id",
            f.lit(self.progress.topic).alias("topic"),
            f.col("partition").cast("long").alias("partition"),
            "offset",
            "time",
            "reason",
            "value",
            f.lit(None).cast("timestamp").alias("replayed_at"),
        )
        mongo.write(letters, "dead_letters", config=self._config)
        letters.select(
            f.col("_id").alias("key"), f.to_json(f.struct(letters.columns[:-1])).alias("value")
        ).write.format("kafka").options(
            **topics.spark_options(self._config),
            **{
                "topic": topics.name(topics.DEAD_LETTERS, self._config),
                "kafka.max.request.size": str(topics.TOPICS[topics.DEAD_LETTERS].largest),
            },
        ).save()
