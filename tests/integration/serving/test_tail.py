"""The tail with a real broker: it gives what the ingest would store, and outlives what happens to brokers and topics."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import NewPartitions

from tests.support.own_settings import local_settings, use
from tests.support.topic import Topic
from tests.support.waiting import eventually
from tidemark.interactions import keys
from tidemark.interactions.from_messages import Weights
from tidemark.local.servers import running
from tidemark.serving import tail as tail_module
from tidemark.serving.events import Event
from tidemark.serving.tail import Tail
from tidemark.settings import Settings
from tidemark.stream import progress, topics
from tidemark.stream.interaction_ingest import parse_batches

soon = partial(eventually, timeout=30)


@pytest.fixture
def topic(mongo_db: Settings, kafka_env: Settings, monkeypatch: pytest.MonkeyPatch) -> Topic:
    return Topic(monkeypatch)


def message(user: str, item: str, **more: Any) -> bytes:
    return json.dumps({"user_id": user, "item_id": item, **more}).encode()


def stored(topic: Topic) -> dict[str, dict[str, Any]]:
    """`_id` -> what the ingest would store of every record there is, by the ingest's own parser."""
    consumer = Consumer(topics.client_config() | {"group.id": "t", "isolation.level": "read_committed"})
    ends = topic.bookmark.ends()
    consumer.assign([TopicPartition(topic.name, number, 0) for number in ends])
    rows, missing = [], sum(ends.values())
    while missing:
        for record in consumer.consume(missing, 5):
            assert record.error() is None
            missing -= 1
            headers = [{"key": key, "value": value} for key, value in cast("Any", record.headers() or [])]
            at = datetime.fromtimestamp(0, UTC) + record.timestamp()[1] * (datetime.resolution * 1_000)
            rows.append((record.value(), record.partition(), record.offset(), at, headers or None))
    consumer.close()
    names = ("value", "partition", "offset", "timestamp", "headers")
    kinds = (
        pa.binary(), pa.int32(), pa.int64(), pa.timestamp("us", "UTC"),
        pa.list_(pa.struct([("key", pa.string()), ("value", pa.binary())])),
    )  # fmt: skip
    columns = [pa.array(column, kind) for column, kind in zip(zip(*rows, strict=True), kinds, strict=True)]
    batch = pa.RecordBatch.from_arrays(columns, names=names)
    weights = Weights(topic.config.weight_of_event, topic.config.event_default)
    known = progress.begin(topic.db, topic.name, topic.bookmark.topic_id())
    parsed = parse_batches([batch], topic.name, known.prefix, weights)
    return {row["_id"]: row for made in parsed for row in made.to_pylist() if row["reason"] is None}


def held(tail: Tail, users: Iterable[str]) -> dict[str, Event]:
    events = [event for user in users for event in tail.of(user)]
    assert len({event.id for event in events}) == len(events)
    return {event.id: event for event in events}


def agree(tail: Tail, topic: Topic) -> int:
    """That the tail holds exactly what the ingest would store; gives how many events that is."""
    wanted = stored(topic)
    found = held(tail, {row["user_id"] for row in wanted.values()})
    assert found.keys() == wanted.keys()
    for key, row in wanted.items():
        event = found[key]
        assert (event.user_id, event.item_id, event.weight, event.rating, event.timestamp, event.source) == tuple(
            row[name] for name in ("user_id", "item_id", "weight", "rating", "timestamp", "source")
        )
    assert tail.kept == len(wanted)
    return len(wanted)


def test_it_holds_exactly_what_the_ingest_stores(topic: Topic) -> None:
    """JSON, compact, dead letters, what was sent again (twice), a transaction that was given up and one that was not."""
    topic.send([message(f"u{n % 7}", f"i{n}", event_type="cart", quantity=1 + n % 3) for n in range(200)])
    topic.send([f"u{n % 7}:c{n}".encode() for n in range(50)])
    topic.send([b"junk", None, b"", b"\xff", message("u1", "i", rating=9), message("u1", "i", event_type="smell")])
    topic.send(
        [message("u2", "r", rating=4, timestamp=1_400_000_000), message("ü3", "r", timestamp="2026-01-01T00:00Z")]
    )
    header = keys.origin_header(f"{topic.name}-0-3", datetime(2026, 1, 2, tzinfo=UTC))
    topic.send([message("u1", "again"), message("u1", "again"), message("u1", "other")], headers=[header], partition=0)
    for end in ("abort_transaction", "commit_transaction"):
        producer = Producer(topics.producer_config() | {"transactional.id": topic.name, "delivery.timeout.ms": 10_000})
        producer.init_transactions(30)
        producer.begin_transaction()
        producer.produce(topic.name, message("u5", end), partition=1)
        assert producer.flush(30) == 0  # what was not sent yet would not even be in the topic
        getattr(producer, end)(30)
    with topic.tail() as tail:
        wanted = 200 + 50 + 2 + 2 + 1
        soon(lambda: tail.fresh, message="it never caught up")
        found = held(tail, ["u0", "u1", "u2", "u3", "u4", "u5", "u6", "ü3"])
        assert len(found) == wanted == tail.kept
        assert [event.item_id for event in tail.of("u5") if "transaction" in event.item_id] == ["commit_transaction"]
        assert found[f"replay:{topic.name}-0-3:again"].timestamp == datetime(2026, 1, 2, tzinfo=UTC)
        assert tail.dead == 6
        assert (tail.version("nobody"), tail.of("nobody")) == (0, ())
        topic.send([message("u1", "live")], partition=0)
        soon(lambda: tail.of("u1")[-1].item_id == "live", message="what came later was not seen")
        assert tail.newest() == tail.of("u1")[-1]
    # The transaction's marks are offsets without a record: the oracle reads a topic that has none.


def test_the_ids_are_those_of_the_ingest(topic: Topic) -> None:
    header = keys.origin_header(f"{topic.name}-2-9", datetime(2026, 1, 2, tzinfo=UTC))
    topic.send([message(f"u{n % 5}", f"i{n}") for n in range(300)])
    topic.send([b"u1:i1", b"u1:i2", b"junk", b'{"user_id": "u1"}', message("u1", "wish", event_type="wish")])
    topic.send([message("u1", "again", rating=2), message("u1", "again", rating=2)], headers=[header])
    with topic.tail() as tail:
        assert agree(tail, topic) == 300 + 3 + 1
        version = tail.version("u1")
    with topic.tail({number: end - 1 for number, end in topic.bookmark.ends().items()}) as newer:
        assert newer.read == len(topic.bookmark.ends())
    with topic.tail() as other:
        assert other.version("u1") == version != 0


def test_beyond_the_bound_the_oldest_stay_and_it_is_not_fresh(topic: Topic) -> None:
    topic.send([f"u:i{n}".encode() for n in range(50)], partition=0)
    with topic.tail(shop_tail=20) as tail:
        soon(lambda: tail.beyond == 30, message=lambda: f"{tail.beyond} beyond")
        assert [event.item_id for event in tail.of("u")] == [f"i{n}" for n in range(20)]
        assert not tail.fresh


def test_what_has_expired_is_counted_and_new_partitions_are_followed(topic: Topic) -> None:
    topic.send([f"u:i{n}".encode() for n in range(20)], partition=0)
    admin = topics.admin_client()
    for deleted in admin.delete_records([TopicPartition(topic.name, 0, 12)]).values():
        deleted.result(30)
    with topic.tail({0: 3, 1: 0, 2: 0, 3: 0}) as tail:
        assert (tail.expired, len(tail.of("u"))) == (9, 8)
        admin.create_partitions([NewPartitions(topic.name, 5)])[topic.name].result(30)
        eventually(lambda: len(topic.bookmark.partitions()) == 5, 60, "the topic did not grow")
        topic.send([b"u:grown"], partition=4)
        soon(lambda: tail.of("u")[-1].item_id == "grown", message="the new partition is not followed")
        assert len(tail.of("u")) == 9


def test_a_topic_made_anew_begins_under_its_own_keys(topic: Topic) -> None:
    progress.begin(topic.db, topic.name, topic.bookmark.topic_id())
    topic.send([f"u:i{n}".encode() for n in range(5)], partition=0)
    with topic.tail() as tail:
        assert len(tail.of("u")) == 5
        old = tail.version("u")
        topic.make_anew()
        topic.send([f"u:i{n}".encode() for n in range(6)], partition=0)
        # Six alone would not tell: the sixth of the new topic may be read behind the five of the old, until it is noticed.
        new = f"{topic.name}~1-0-"
        soon(
            lambda: [event.id for event in tail.of("u")] == [f"{new}{n}" for n in range(6)],
            message=lambda: f"{tail.of('u')}",
        )
        assert agree(tail, topic) == 6  # `stored` begins the ingest anew: it comes to the same generation
        assert tail.of("u")[0].id == f"{topic.name}~1-0-0"
        assert tail.version("u") not in (0, old)
        soon(lambda: tail.fresh, message="not fresh again")
    # A model of the topic that is gone: all of the new one is newer than it.
    with_old_offsets = Tail(topic.config, {0: 5}, "another")
    try:
        assert with_old_offsets.wait(30)
        assert len(with_old_offsets.of("u")) == 6
    finally:
        with_old_offsets.close()


def test_a_generation_that_was_not_known_is_put_right(topic: Topic, monkeypatch: pytest.MonkeyPatch) -> None:
    """MongoDB is away when it begins: what it holds is under the keys of the first generation, until MongoDB is back."""
    topic.db.progress.insert_one(
        {"_id": topic.name, "topic_id": topic.bookmark.topic_id(), "generation": 3, "next_offsets": {}, "updated_at": 0}
    )
    topic.send([b"u:i"], partition=0)
    away = topic.config.mongo_hosts
    with topic.tail(mongo_hosts="127.0.0.1:9") as tail:
        assert tail.of("u")[0].id == f"{topic.name}-0-0"
        monkeypatch.setattr(tail, "_db", topic.db)
        soon(lambda: [event.id for event in tail.of("u")] == [f"{topic.name}~3-0-0"], message="still the first")
    assert away == topic.config.mongo_hosts


def test_listeners_are_told_what_comes_and_not_what_was(topic: Topic) -> None:
    topic.send([b"u:before"], partition=0)
    heard: list[str] = []
    with topic.tail() as tail:
        end = tail.on_event(lambda event: heard.append(event.item_id))
        topic.send([b"u:one", b"u:two"], partition=0)
        soon(lambda: len(heard) == 2, message=lambda: f"{heard}")
        end()
        topic.send([b"u:three"], partition=0)
        soon(lambda: len(tail.of("u")) == 4, message="not read")
    assert heard == ["one", "two"]


def test_a_broker_that_is_away_and_comes_back(
    mongo_db: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail_module, "LOOK", 0.2)
    monkeypatch.setattr(tail_module, "FRESH", 1.5)
    own = local_settings(tmp_path / "kafka")
    use(own, "kafka_", monkeypatch)
    with running("kafka", own) as broker:
        topic = Topic(monkeypatch)
        topic.send([b"u:one"], partition=0)
        with topic.tail() as tail:
            soon(lambda: tail.fresh, message="never fresh")
            broker.kill()
            broker.wait()
            soon(lambda: not tail.fresh, message="fresh without a broker")
            assert [event.item_id for event in tail.of("u")] == ["one"]
            with running("kafka", own):
                topic.send([b"u:two"], partition=0)
                soon(lambda: tail.fresh and len(tail.of("u")) == 2, timeout=60, message=lambda: f"{tail.of('u')}")
            assert tail.failures == 0
