"""The ingest of the topic `interactions`: its records become interactions, with their details, or dead letters.

What names a user who was erased is left out, and so is an interaction that its user deleted: both count as `erased`. That
may happen while a batch is under way, or between a batch that was cut off and its next run: so what is gone is looked up
again once all is written, and what the batch has of it removed.
"""

import logging
from collections.abc import Iterable, Iterator
from datetime import UTC
from functools import partial
from typing import TYPE_CHECKING, Any

from pymongo.database import Database

from tidemark.contracts import schemas
from tidemark.contracts.messages import DeadLetter
from tidemark.interactions import keys
from tidemark.interactions.from_messages import Interaction, Weights, parse, user_of
from tidemark.settings import Settings
from tidemark.storage import mongo, tombstones
from tidemark.storage.tombstones import NOBODY, Tombstones
from tidemark.stream.bookmark import Bookmark
from tidemark.stream.ingest import Ingest, arrow_batch, arrow_schema, in_base64

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

log = logging.getLogger(__name__)

COLUMNS = (
    "_id string, user_id string, item_id string, rating double, weight double, timestamp timestamp, source string, "
    "event_type string, extra string, partition int, offset long, time timestamp, reason string, value string, erased boolean"
)
"""A parsed record: an interaction where `reason` is null, else a dead letter (`value` in base64). Of one that is `erased`, as
it names a user who is, or was deleted itself, only its key and place."""
FORGOTTEN = 10_000
"""Keys of erased records that are removed at a time."""


def parse_batches(
    batches: "Iterable[pa.RecordBatch]",
    topic: str,
    prefix: str,
    weights: Weights,
    tombstones: Tombstones = NOBODY,
) -> "Iterator[pa.RecordBatch]":
    """Kafka records as Spark gives them, in Arrow -> parsed records (`COLUMNS`), in Arrow. Runs in Spark's workers."""
    schema = arrow_schema(COLUMNS)
    for batch in batches:
        rows = []
        fields = (batch.column(name).to_pylist() for name in ("value", "partition", "offset", "timestamp", "headers"))
        for value, partition, offset, time, headers in zip(*fields, strict=True):
            at = time.astimezone(UTC)
            origin, happened = keys.origin(headers) if headers else (None, None)
            parsed = parse(
                value, topic, partition, offset, at, weights, prefix=prefix, origin=origin, happened=happened
            )
            rows.append(_row(parsed, partition, offset, at, erased=_is_gone(parsed, tombstones)))
        yield arrow_batch(rows, schema)


def _is_gone(parsed: Interaction | DeadLetter, tombstones: Tombstones) -> bool:
    """Whether it was deleted, or is of a user who was erased; of a dead letter, as far as it can be read."""
    if parsed.id in tombstones.interactions:
        return True
    if not tombstones:
        return False
    return (parsed.user_id if isinstance(parsed, Interaction) else user_of(parsed.value)) in tombstones


def _row(parsed: Interaction | DeadLetter, partition: int, offset: int, time: Any, *, erased: bool) -> tuple[Any, ...]:
    if erased:
        return (parsed.id, *[None] * 8, partition, offset, time, None, None, True)
    if isinstance(parsed, Interaction):
        return (
            parsed.id, parsed.user_id, parsed.item_id, parsed.rating, parsed.weight, parsed.timestamp, "stream",
            parsed.event_type, parsed.extra, partition, offset, time, None, None, False,
        )  # fmt: skip
    return (parsed.id, *[None] * 8, partition, offset, time, parsed.reason, in_base64(parsed.value), False)


class InteractionIngest(Ingest):
    """Stores interactions; see `Ingest`."""

    collections = ("interactions", "interaction_details", "dead_letters")

    def __init__(self, config: Settings, db: Database[dict[str, Any]], bookmark: Bookmark) -> None:
        super().__init__(config, db, bookmark)
        self._weights = Weights(config.weight_of_event, config.event_default)

    def store_batch(self, batch: "DataFrame") -> None:
        """Store one batch of Kafka records, whole.

        Raises:
            TopicChangedError: the topic is another one than when it began; nothing of the batch was stored.
        """
        from pyspark.sql import functions as f

        self.require_same_topic()
        gone = tombstones.read(self._db, self._config)
        parsed = self._parsed(batch, gone).persist()
        try:
            counted = parsed.groupBy("partition").agg(
                f.max("offset").alias("last"),
                f.count("*").alias("read"),
                f.count("reason").alias("dead"),
                f.count("extra").alias("details"),
                f.count_if("erased").alias("erased"),
            ).collect()  # fmt: skip
            read, dead, details, erased = (
                sum(row[name] for row in counted) for name in ("read", "dead", "details", "erased")
            )
            if read > dead + erased:
                mongo.write(
                    parsed.where("reason is null and not erased").select(*schemas.fields("interaction")),
                    "interactions",
                    config=self._config,
                )
            if details:
                rows = parsed.where("extra is not null").select(*schemas.fields("interaction_detail"))
                mongo.write(rows, "interaction_details", config=self._config)
            if dead:
                self.bury(parsed.where("reason is not null"))
            self._forget(batch, gone, any_gone=erased > 0)
            self.note_batch(counted)
        finally:
            parsed.unpersist()
        log.info("stored %d interactions and %d dead letters; left out %d", read - dead - erased, dead, erased)

    def _parsed(self, batch: "DataFrame", gone: Tombstones) -> "DataFrame":
        """The records of a batch, as `COLUMNS` says."""
        work = partial(
            parse_batches,
            topic=self.progress.topic,
            prefix=self.progress.prefix,
            weights=self._weights,
            tombstones=gone,
        )
        return batch.select("value", "partition", "offset", "timestamp", "headers").mapInArrow(work, COLUMNS)

    def _forget(self, batch: "DataFrame", known: Tombstones, *, any_gone: bool) -> None:
        """Remove what this batch, now or before it was cut off, has stored that is erased by now."""
        gone = tombstones.read(self._db, self._config)
        if not any_gone and gone == known:
            return
        ids = [row["_id"] for row in self._parsed(batch, gone).where("erased").select("_id").collect()]
        for start in range(0, len(ids), FORGOTTEN):
            chosen = {"_id": {"$in": ids[start : start + FORGOTTEN]}}
            for collection in self.collections:
                self._db[collection].delete_many(chosen)
