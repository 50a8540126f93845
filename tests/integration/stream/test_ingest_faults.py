"""The ingest while it is killed, servers are away, and topics change: each interaction that was acknowledged is stored once.

`TIDEMARK_FULL=1` runs the same tests with the counts of a release (200,000 interactions and 20 kills); without it
they are smaller.
"""

import os
import random
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from confluent_kafka.admin import NewPartitions

from tests.support.ingest_stream import Stream, message, own_stream
from tests.support.own_settings import local_settings, use
from tests.support.waiting import eventually
from tidemark.local.servers import running
from tidemark.stream import progress, topics

FULL = os.environ.get("TIDEMARK_FULL") == "1"


def test_killed_again_and_again_stores_each_once(stream: Stream) -> None:
    """kill -9 of the whole process at random moments: every interaction is stored, once."""
    count, kills = (200_000, 20) if FULL else (15_000, 1)
    stream.send(message(number) for number in range(count))
    rng, slowest = random.Random(11), 0.0
    for _ in range(kills):
        before = stream.db.interactions.estimated_document_count()
        started = time.monotonic()
        stream.service.start()
        if not stream.caught_up():
            eventually(
                lambda seen=before: stream.db.interactions.estimated_document_count() > seen or stream.caught_up(),
                180,
                stream.service.tail,
            )
            slowest = max(slowest, time.monotonic() - started)
        time.sleep(rng.uniform(0, 1.5))
        stream.service.kill()
        stream.send(message(count + number) for number in range(500))
        count += 500
    stream.service.start()
    stream.wait()
    print(f"{kills} kills over {count:,} interactions; from a start to something stored at most {slowest:.1f} s")
    assert stream.db.interactions.count_documents({}) == count
    assert len(stream.db.interactions.distinct("user_id")) == count


def test_new_partitions_and_a_topic_made_anew(stream: Stream) -> None:
    stream.service.start()
    stream.send(message(n) for n in range(200))
    stream.wait()
    admin = topics.admin_client()
    admin.create_partitions([NewPartitions(stream.topic, 6)])[stream.topic].result(30)
    eventually(lambda: len(stream.bookmark.partitions()) == 6, 120, "the topic did not grow")
    stream.send(message(n) for n in range(200, 1_200))
    stream.wait()
    assert stream.db.interactions.count_documents({}) == 1_200
    assert {5} < {int(i.rsplit("-", 2)[1]) for i in stream.db.interactions.distinct("_id")}

    stream.bookmark.commit(stream.bookmark.ends())
    admin.delete_topics([stream.topic])[stream.topic].result(30)
    eventually(lambda: stream.topic not in admin.list_topics(timeout=10).topics, 120, "the topic is still there")
    topics.ensure()
    stream.send(message(n) for n in range(1_200, 1_500))
    assert stream.bookmark.lag().total == 300
    stream.wait()
    assert stream.db.interactions.count_documents({}) == 1_500
    assert stream.db.interactions.count_documents({"_id": {"$regex": f"^{stream.topic}~1-"}}) == 300
    snapshot = progress.snapshot(stream.db, stream.bookmark, 0)
    assert (snapshot.generation, snapshot.unlearned, snapshot.behind) == (1, 300, 0)
    assert stream.bookmark.commit(snapshot.next_offsets, topic_id="another") == {}
    stream.bookmark.commit(snapshot.next_offsets, topic_id=snapshot.topic_id)
    assert stream.bookmark.lag().total == 0


def test_broker_and_database_away_and_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed and restarted while interactions are sent with acks=all: every acknowledged one is stored, once."""
    count, times = (50_000, 5) if FULL else (6_000, 1)
    own = local_settings(tmp_path / "servers")
    use(own, "mongo_", monkeypatch)
    use(own, "kafka_", monkeypatch)
    with ExitStack() as servers:
        processes = {name: servers.enter_context(running(name, own)) for name in ("mongo", "kafka")}
        stream = own_stream(tmp_path, monkeypatch)
        stream.service.start()
        servers.callback(stream.service.stop)
        sender = threading.Thread(
            target=stream.send, args=([message(n) for n in range(count)],), kwargs={"rate": count / (25 * times)}
        )
        sender.start()
        eventually(lambda: stream.db.interactions.find_one() is not None, 180, stream.service.tail)
        for turn in range(2 * times):
            time.sleep(2)
            name = ("kafka", "mongo")[turn % 2]
            processes[name].kill()
            processes[name].wait()
            time.sleep(3)
            processes[name] = servers.enter_context(running(name, own))
        sender.join(300)
        assert not sender.is_alive()
        stream.wait(180)
        assert stream.service.runs()
        assert stream.db.interactions.count_documents({}) == count == len(stream.db.interactions.distinct("user_id"))
