"""The ingest and a user who is erased before, during and between two runs of a batch: nothing of them is stored, and the
progress goes on. Spark and MongoDB are real; Kafka's records are a frame."""

from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from tidemark.settings import Settings
from tidemark.storage import mongo
from tidemark.storage.tombstones import tombstone
from tidemark.stream import progress
from tidemark.stream.interaction_ingest import InteractionIngest as Ingest

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TOPIC = "interactions"
RECORD = (
    "value binary, partition int, offset long, timestamp timestamp, headers array<struct<key: string, value: binary>>"
)
GONE = b'{"user_id": "anna", "item_id": "i1", "colour": "red"}'
STAYS = b'{"user_id": "ben", "item_id": "i1", "colour": "red"}'
WRONG = b'{"user_id": "anna", "rating": 9}'


@pytest.fixture
def config(mongo_db: Settings) -> Settings:
    return mongo_db.model_copy(update={"shop_secret": SecretStr("a secret of the tests")})


@pytest.fixture
def ingest(config: Settings) -> Iterator[Ingest]:
    db = mongo.connect(config)
    made = Ingest(config, db, SimpleNamespace(topic=TOPIC, topic_id=lambda: "id"))  # type: ignore[arg-type]
    made.progress = progress.begin(db, TOPIC, "id")
    yield made
    db.client.close()


def records(spark: "SparkSession", *values: bytes) -> "DataFrame":
    return spark.createDataFrame([(value, 0, n, NOW, None) for n, value in enumerate(values)], RECORD)


def stored(ingest: Ingest) -> dict[str, list[str]]:
    """Collection -> the keys that it has."""
    return {name: sorted(row["_id"] for row in ingest._db[name].find()) for name in Ingest.collections}


def erase(ingest: Ingest) -> None:
    ingest._db["erased"].insert_one({"_id": tombstone("anna", ingest._config), "erased_at": NOW})


def next_offset(ingest: Ingest) -> int:
    known = progress.read(ingest._db, TOPIC)
    assert known is not None
    return known.next_offsets[0]


def test_who_is_erased_before_during_and_between_two_runs_is_not_stored(
    ingest: Ingest, spark: "SparkSession", monkeypatch: pytest.MonkeyPatch
) -> None:
    others = {"interactions": ["interactions-0-1"], "interaction_details": ["interactions-0-1"], "dead_letters": []}
    write = mongo.write

    def erase_after(frame: Any, collection: str, **how: Any) -> None:
        write(frame, collection, **how)
        if collection == "interaction_details":
            monkeypatch.setattr(mongo, "write", write)
            erase(ingest)

    monkeypatch.setattr(mongo, "write", erase_after)
    ingest.store_batch(records(spark, GONE, STAYS))
    assert stored(ingest) == others, "erased while the batch was under way"
    assert next_offset(ingest) == 2

    left = {"_id": "interactions-0-2", "user_id": "anna"}  # by a run that was cut off before the user was erased
    for name in Ingest.collections:
        ingest._db[name].insert_one(dict(left))
    ingest.store_batch(records(spark, GONE, STAYS, GONE, WRONG, GONE))
    assert stored(ingest) == others, "erased before, or since a batch was cut off; dead letters too"
    assert next_offset(ingest) == 5


def test_what_its_user_deleted_is_not_stored_whenever_that_was(
    ingest: Ingest, spark: "SparkSession", monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def delete(*offsets: int) -> None:
        ingest._db["deleted_interactions"].insert_many(
            [{"_id": f"interactions-0-{n}", "user_id": "ben", "deleted_at": NOW} for n in offsets]
        )

    write = mongo.write

    def delete_after(frame: Any, collection: str, **how: Any) -> None:
        write(frame, collection, **how)
        if collection == "interaction_details":
            monkeypatch.setattr(mongo, "write", write)
            delete(2)

    delete(0)
    monkeypatch.setattr(mongo, "write", delete_after)
    ingest.store_batch(records(spark, STAYS, STAYS, STAYS))
    left = {"interactions": ["interactions-0-1"], "interaction_details": ["interactions-0-1"], "dead_letters": []}
    assert stored(ingest) == left, "deleted before, and while the batch was under way"
    caplog.set_level("INFO")
    ingest.store_batch(records(spark, STAYS, STAYS, STAYS))  # the topic is replayed
    assert stored(ingest) == left
    assert "stored 1 interactions and 0 dead letters; left out 2" in caplog.text
