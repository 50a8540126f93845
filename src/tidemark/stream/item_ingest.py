"""The ingest of the topic `items`: its records become what is said of items, the newest holding, or dead letters."""

import json
import logging
from collections.abc import Iterable, Iterator
from datetime import UTC
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from tidemark.contracts.messages import DeadLetter
from tidemark.interactions import keys
from tidemark.items import item_messages, newest
from tidemark.stream.ingest import Ingest, arrow_batch, arrow_schema, in_base64

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, Row

    from tidemark.settings import Settings

log = logging.getLogger(__name__)

COLUMNS = (
    "_id string, item_id string, told string, available boolean, at timestamp, partition int, offset long, time timestamp, "
    "reason string, value string"
)
"""A parsed record: what is said of an item where `reason` is null (`told` is JSON, null where nothing is), else a dead letter
(`value` in base64)."""
READ = ("key", "value", "partition", "offset", "timestamp", "headers")
"""Of a Kafka record."""
WRITTEN = 500
"""Items of one command to MongoDB."""


def parse_batches(batches: "Iterable[pa.RecordBatch]", topic: str, prefix: str) -> "Iterator[pa.RecordBatch]":
    """Kafka records as Spark gives them, in Arrow -> parsed records (`COLUMNS`), in Arrow. Runs in Spark's workers."""
    schema = arrow_schema(COLUMNS)
    for batch in batches:
        rows = []
        fields = (batch.column(name).to_pylist() for name in READ)
        for key, value, partition, offset, time, headers in zip(*fields, strict=True):
            at = time.astimezone(UTC)
            origin, happened = keys.origin(headers) if headers else (None, None)
            letter = origin or keys.of_message(prefix, partition, offset)
            said = item_messages.parse(key, value, topic, partition, offset, at, letter_id=letter, happened=happened)
            rows.append((letter, *_row(said, partition, offset, at)))
        yield arrow_batch(rows, schema)


def _row(said: item_messages.ItemSaid | DeadLetter, partition: int, offset: int, time: Any) -> tuple[Any, ...]:
    place = partition, offset, time
    if isinstance(said, DeadLetter):
        return (None, None, None, None, *place, said.reason, in_base64(said.value))
    told = None if said.told is None else json.dumps(said.told)
    return (said.item_id, told, said.available, said.at, *place, None, None)


def write(rows: "Iterable[Row]", config: "Settings") -> None:
    """Upsert what is said, in its order, by the rule of `newest`. Runs in Spark's workers."""
    from pymongo import UpdateOne

    from tidemark.storage import mongo

    db = mongo.unasked(config)
    try:
        writes = (UpdateOne(*_upsert(row), upsert=True) for row in rows)
        while some := list(islice(writes, WRITTEN)):
            db["items"].bulk_write(some)
    finally:
        db.client.close()


def _upsert(row: "Row") -> tuple[Any, Any]:
    told = None if row["told"] is None else json.loads(row["told"])
    return newest.upsert(row["item_id"], told, available=row["available"], at=row["at"].astimezone(UTC))


class ItemIngest(Ingest):
    """Stores what is said of items; see `Ingest`."""

    collections = ("items", "dead_letters")

    def store_batch(self, batch: "DataFrame") -> None:
        """See `Ingest.store_batch`."""
        from pyspark.sql import functions as f

        self.require_same_topic()
        work = partial(parse_batches, topic=self.progress.topic, prefix=self.progress.prefix)
        parsed = batch.select(*READ).mapInArrow(work, COLUMNS).persist()
        try:
            counted = parsed.groupBy("partition").agg(
                f.max("offset").alias("last"), f.count("*").alias("read"), f.count("reason").alias("dead")
            ).collect()  # fmt: skip
            read, dead = (sum(row[name] for row in counted) for name in ("read", "dead"))
            if read > dead:
                said = parsed.where("reason is null").select("item_id", "told", "available", "at")
                said.foreachPartition(partial(write, config=self._config))
            if dead:
                self.bury(parsed.where("reason is not null"))
            self.note_batch(counted)
        finally:
            parsed.unpersist()
        log.info("stored %d messages about items and %d dead letters", read - dead, dead)
