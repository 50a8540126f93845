"""The ingest with a real broker, a real database and Spark: nothing lost, nothing twice, the bad kept apart."""

import base64
import json
import os
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer

from tests.support.ingest_stream import Stream, message
from tests.support.profiling import profiled
from tests.support.waiting import eventually
from tidemark.contracts import conformance
from tidemark.interactions import from_reviews, keys
from tidemark.settings import settings
from tidemark.storage import mongo
from tidemark.stream import dead_letters, topics

FULL = os.environ.get("TIDEMARK_FULL") == "1"
"""The counts of a release."""

POISON = [
    b"\xff\xfe not UTF-8",
    b"not JSON",
    b"null",
    b'["u", "i"]',
    b"[" * 50_000,
    b'{"user_id": "u", "item_id": "i", "deep": ' + b'{"a":' * 60 + b"1" + b"}" * 61,
    b'{"item_id": "i"}',
    b'{"user_id": "u", "item_id": "i", "rating": 6}',
    b'{"user_id": "u", "item_id": "i", "timestamp": 32503680000}',
    b'{"user_id": "u\\u0000", "item_id": "i"}',
    b'{"user_id": {"$gt": ""}, "item_id": "i"}',
    b'{"user_id": "u", "item_id": "i", "$where": "1"}',
    b'{"user_id": "u", "item_id": "i", "a.b": 1}',
    b'{"user_id": "u", "item_id": "i", "event_type": "smell"}',
    b'{"user_id": "u", "item_id": "i", "schema_version": 2}',
    b'{"user_id": "\\ud800", "item_id": "i"}',
    b"a user:an item",
]


def test_poison_is_kept_apart_with_its_origin_and_reason(stream: Stream) -> None:
    """1 % poison of every kind: the good are stored, each bad one is kept whole, and the process is the same one."""
    count = 100_000 if FULL else 10_000
    bad = {number: POISON[number // 100 % len(POISON)] for number in range(7, count, 100)}
    stream.service.start()
    stream.send(bad.get(number) or message(number) for number in range(count))
    huge = b'{"user_id": "' + b"x" * 5_000_000 + b'"}'
    stream.send([huge, None, b"u:i"])
    stream.wait()
    assert stream.service.runs()
    assert stream.db.interactions.count_documents({}) == count - len(bad) + 1
    letters = list(stream.db.dead_letters.find())
    assert len(letters) == len(bad) + 2

    consumer = Consumer(topics.client_config() | {"group.id": uuid.uuid4().hex, "auto.offset.reset": "earliest"})
    consumer.subscribe([topics.name(topics.DEAD_LETTERS)])
    sent: dict[str, Any] = {}
    eventually(lambda: _collect(consumer, sent) >= len(letters), 120, lambda: f"{len(sent)} letters in the topic")
    consumer.close()
    assert sent.keys() == {letter["_id"] for letter in letters}

    records = _records(stream)
    for letter in letters:
        value = records[letter["partition"], letter["offset"]]
        assert (None if letter.get("value") is None else base64.b64decode(letter["value"])) == value
        assert letter["_id"] == f"{stream.topic}-{letter['partition']}-{letter['offset']}"
        assert conformance.reasons("dead_letter", letter) == []
        assert sent[letter["_id"]]["reason"] == letter["reason"]
    by_value = {base64.b64decode(x["value"])[:40]: x["reason"] for x in letters if x.get("value")}
    assert "256" in by_value[huge[:40]] or "262,144" in by_value[huge[:40]]


def _collect(consumer: Consumer, sent: dict[str, Any]) -> int:
    for record in consumer.consume(500, 0.5):
        assert record.error() is None
        sent[(record.key() or b"").decode()] = json.loads(record.value() or b"")
    return len(sent)


def _records(stream: Stream) -> dict[tuple[int, int], bytes | None]:
    """Every record of the topic as it is in Kafka."""
    consumer = Consumer(topics.client_config() | {"group.id": uuid.uuid4().hex, "auto.offset.reset": "earliest"})
    consumer.subscribe([stream.topic])
    records: dict[tuple[int, int], bytes | None] = {}
    total = sum(stream.bookmark.ends().values())
    while len(records) < total:
        for record in consumer.consume(1_000, 5):
            assert record.error() is None
            records[record.partition(), record.offset()] = record.value()
    consumer.close()
    return records


def test_a_batch_that_runs_again_changes_nothing(stream: Stream, spark: Any) -> None:
    """Progress thrown away, as if the process had died before it: all is read again, nothing is stored twice."""
    stream.send([*(message(n, colour="red") for n in range(300)), b"bad", b"worse"])
    stream.drain(spark)
    collections = ("interactions", "dead_letters", "interaction_details")
    before = {name: list(stream.db[name].find().sort("_id")) for name in collections}
    assert [len(rows) for rows in before.values()] == [300, 2, 300]
    assert before["interaction_details"][0]["extra"] == '{"colour":"red"}'
    stream.db.progress.update_one({}, {"$set": {"next_offsets": {}}})
    stream.drain(spark)
    assert {name: list(stream.db[name].find().sort("_id")) for name in collections} == before


def test_every_write_to_shards_bears_the_shard_key_and_a_forged_origin_stops_nothing(
    stream: Stream, spark: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a router would have to send to a shard."""
    monkeypatch.setenv("TIDEMARK_MONGO_SHARDED", "true")
    settings.cache_clear()
    header = keys.origin_header(f"{stream.topic}-0-0", datetime.now(UTC))
    stream.send([message(number, colour="red") for number in range(50)])
    producer = Producer(topics.producer_config(stream.config))
    for item in ("i1", "i2", "i1"):  # a key that was made up, with two items
        value = json.dumps({"user_id": "u1", "item_id": item}).encode()
        producer.produce(stream.topic, value, headers=[header], partition=0)
    assert producer.flush(60) == 0
    mongo.ensure(stream.db, "interactions")
    with profiled(stream.db) as written:
        stream.drain(spark)
        sharded = [name for name, made in mongo.COLLECTIONS.items() if made.shard_key == "item_id"]
        upserts = [upsert for name in sharded for upsert in written(name)]
    assert len(upserts) >= 53
    assert {tuple(upsert["command"]["q"]) for upsert in upserts} == {("_id", "item_id")}
    assert {upsert["planSummary"] for upsert in upserts} == {"IXSCAN { _id: 1 }"}
    assert stream.db.interactions.count_documents({}) == 52
    assert stream.db.interactions.count_documents({"_id": {"$regex": "^replay:"}}) == 2


def test_a_dead_letter_that_is_valid_by_now_is_replayed_once(
    stream: Stream, spark: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream.send([message(1), message(2, event_type="wave"), message(3, rating=9), b"junk"])
    stream.drain(spark)
    letter = stream.db.dead_letters.find_one({"reason": {"$regex": "wave"}})
    assert dead_letters.replay(stream.db, stream.config).document()["sent"] == 0
    monkeypatch.setenv("TIDEMARK_EVENT_WEIGHTS", "view=1 wave=3")
    settings.cache_clear()
    assert dead_letters.replay(stream.db, settings(), dry_run=True).sent == 1
    assert dead_letters.replay(stream.db, settings(), only="rating").read == 1
    assert dead_letters.replay(stream.db, settings()).document()["sent"] == 1
    assert dead_letters.replay(stream.db, settings()).read == 2
    stream.db.dead_letters.update_one({"_id": letter["_id"]}, {"$set": {"replayed_at": None}})  # as if killed before it
    assert dead_letters.replay(stream.db, settings()).sent == 1
    stream.drain(spark)  # with the new weights
    stored = stream.db.interactions.find_one({"_id": f"replay:{letter['_id']}:i2"})
    assert (stored["user_id"], stored["weight"], stored["timestamp"]) == ("u2", 3.0, letter["time"])
    assert stream.db.interactions.count_documents({}) == 2


def test_the_same_review_by_batch_and_by_stream(stream: Stream, spark: Any) -> None:
    """One review through both doors gives one interaction, but for its key and source."""
    review: dict[str, Any] = {"user_id": "A1", "item_id": "B1", "rating": 4.0, "timestamp": 1_400_000_000}
    stream.send([json.dumps(review).encode()])
    stream.drain(spark)
    row = {"_id": "A1:B1:1400000000", **review, "timestamp": datetime.fromtimestamp(review["timestamp"], UTC)}
    reviews = spark.createDataFrame(
        [row], "_id string, user_id string, item_id string, rating double, timestamp timestamp"
    )
    (batch,) = from_reviews.from_reviews(reviews).collect()
    stored = stream.db.interactions.find_one()
    expected = batch.asDict() | {"timestamp": row["timestamp"]}
    different = {name for name in expected if expected[name] != stored[name]}
    assert different == {"_id", "source"}
