"""Lag against a real broker, and the commands that send."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, Producer, TopicPartition
from confluent_kafka.admin import ConfigResource, NewPartitions, ResourceType

from tests.support.topic import own_topics
from tests.support.waiting import eventually
from tidemark.errors import UnreachableError
from tidemark.settings import ROOT, Settings, settings
from tidemark.storage import mongo
from tidemark.stream import topics
from tidemark.stream.bookmark import Bookmark


@pytest.fixture
def bookmark(kafka_env: Settings, monkeypatch: pytest.MonkeyPatch) -> Bookmark:
    return Bookmark(own_topics(monkeypatch))


def send(topic: str, count: int, partition: int = 0) -> None:
    producer = Producer(topics.producer_config())
    for number in range(count):
        producer.produce(topic, f"u:{number}", partition=partition)
    assert producer.flush(30) == 0


def test_from_the_first_record_to_the_bookmark(bookmark: Bookmark) -> None:
    assert bookmark.lag().total == 0
    send(bookmark.topic, 10)
    send(bookmark.topic, 5, partition=1)
    assert bookmark.lag().total == 15  # no bookmark yet: from the log's start
    assert bookmark.commit({0: 7}) == {0: 7}
    assert bookmark.lag().total == 3 + 5
    assert bookmark.commit({0: 7}) == {0: 7}
    assert bookmark.commit(bookmark.ends()) == {0: 10, 1: 5, 2: 0, 3: 0}
    assert bookmark.lag().total == 0
    assert bookmark.commit({0: 4}) == {0: 4}  # exactly what it is told, backwards too
    assert bookmark.lag().total == 6
    assert bookmark.commit({0: 99}) == {}  # the offsets of a topic that is gone


def test_expired_offsets_and_new_partitions(bookmark: Bookmark) -> None:
    send(bookmark.topic, 20)
    bookmark.commit({0: 3})
    admin = topics.admin_client()
    for deleted in admin.delete_records([TopicPartition(bookmark.topic, 0, 12)]).values():
        deleted.result(30)
    assert bookmark.lag().total == 8
    admin.create_partitions([NewPartitions(bookmark.topic, 6)])[bookmark.topic].result(30)
    eventually(lambda: len(bookmark.partitions()) == 6, 120, "the topic did not grow")
    send(bookmark.topic, 4, partition=5)
    assert bookmark.lag().total == 12


def test_a_topic_made_anew_counts_from_its_start(bookmark: Bookmark) -> None:
    send(bookmark.topic, 20)
    bookmark.commit(bookmark.ends())
    admin, old = topics.admin_client(), bookmark.topic_id()
    admin.delete_topics([bookmark.topic])[bookmark.topic].result(30)
    eventually(lambda: bookmark.topic not in admin.list_topics(timeout=10).topics, 120, "it is still there")
    with pytest.raises(UnreachableError, match="no topic"):
        bookmark.lag()
    topics.ensure()
    send(bookmark.topic, 6)
    assert bookmark.topic_id() != old
    assert bookmark.lag().total == 6
    assert bookmark.commit({0: 5}, topic_id=old) == {}
    # Even where a stale bookmark is left behind, beyond the new end.
    stale = ConsumerGroupTopicPartitions(bookmark.group, [TopicPartition(bookmark.topic, 0, 20)])
    admin.alter_consumer_group_offsets([stale])[bookmark.group].result(30)
    assert bookmark.lag().total == 6


def test_many_partitions_are_measured(bookmark: Bookmark) -> None:
    admin = topics.admin_client()
    admin.create_partitions([NewPartitions(bookmark.topic, 64)])[bookmark.topic].result(30)
    eventually(lambda: len(bookmark.partitions()) == 64, 120, "the topic did not grow")
    assert [at.partition for at in bookmark.lag().partitions] == list(range(64))


def test_nobody_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEMARK_KAFKA_BOOTSTRAP", "127.0.0.1:9")
    monkeypatch.setenv("TIDEMARK_KAFKA_PASSWORD", "any")
    settings.cache_clear()
    with pytest.raises(UnreachableError, match="make status"):
        Bookmark(timeout=1).lag()


def test_topics_take_a_large_message_and_keep_it(bookmark: Bookmark) -> None:
    admin, resource = topics.admin_client(), ConfigResource(ResourceType.TOPIC, bookmark.topic)
    found = admin.describe_configs([resource])[resource].result(30)
    assert int(found["max.message.bytes"].value) == 8 * topics.MIB
    assert int(found["retention.ms"].value) == 30 * topics.DAY_MS


def command(*arguments: str) -> "subprocess.Popen[str]":
    script = "from tidemark.cli.stream import app; app()"
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # Whoever started the tests in the background may have had SIGINT ignored, which children inherit.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def counts(said: str) -> list[int]:
    found = re.search(r"([\d,]+) sent in .*: ([\d,]+) acknowledged, ([\d,]+) failed", said)
    assert found, said
    return [int(number.replace(",", "")) for number in found.groups()]


def test_simulate_until_ctrl_c_and_replay(bookmark: Bookmark, mongo_db: Settings, tmp_path: Path) -> None:
    process = command("simulate")
    said, _ = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "run load_reviews first" in said

    rows = [{"_id": str(n), "user_id": f"u{n % 9}", "item_id": f"i{n % 7}"} for n in range(200)]
    mongo.connect().interactions.insert_many(rows)
    process = command("simulate", "--count", "500", "--rate", "0")
    said, _ = process.communicate(timeout=60)
    assert (process.returncode, counts(said)) == (0, [500, 500, 0])
    assert bookmark.lag().total == 500

    process = command("simulate", "--rate", "200", "--duration", "0")
    eventually(lambda: bookmark.lag().total > 550, 120, "nothing was sent")
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "Traceback" not in said
    sent, acknowledged, failed = counts(said)
    assert (acknowledged, failed) == (sent, 0)
    assert bookmark.lag().total == 500 + sent

    path = tmp_path / "reviews.json"
    path.write_text('{"reviewerID": "U", "asin": "I", "overall": 5.0, "unixReviewTime": 1400000000}\n' * 30)
    process = command("replay", str(path), "--speed", "86400")
    said, _ = process.communicate(timeout=60)
    assert counts(said) == [30, 30, 0]
