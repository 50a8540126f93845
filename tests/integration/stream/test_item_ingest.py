"""The topic `items` with a real broker, a real database and Spark: the newest holds, the bad is kept apart and replayed, a killed
ingest goes on."""

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from confluent_kafka import Producer

from tests.support.ingest_stream import Stream, message
from tests.support.waiting import eventually
from tidemark.contracts import conformance
from tidemark.operations import health
from tidemark.stream import dead_letters, topics
from tidemark.stream.bookmark import Bookmark

NOW = datetime.now(UTC)


def items_of(stream: Stream) -> Stream:
    """The same servers, and the other topic."""
    return replace(stream, bookmark=Bookmark(stream.config, topic=topics.ITEMS))


def told(item_id: str, minutes: float, **more: Any) -> bytes:
    """What is said of an item as of so many minutes ago."""
    at = (NOW - timedelta(minutes=minutes)).isoformat()
    return json.dumps({"item_id": item_id, "timestamp": at, **more}).encode()


def hide(stream: Stream, *item_ids: str) -> None:
    """Messages without a body."""
    producer = Producer(topics.producer_config(stream.config))
    for item_id in item_ids:
        producer.produce(topics.name(topics.ITEMS, stream.config), None, key=item_id)
    assert producer.flush(60) == 0


def stored(stream: Stream) -> dict[str, dict[str, Any]]:
    found = {document["_id"]: document for document in stream.db["items"].find()}
    assert not [reasons for one in found.values() if (reasons := conformance.reasons("item", one))]
    return found


def test_items_by_stream(stream: Stream) -> None:
    items = items_of(stream)
    messages = [
        told("a", 5, title="new", price=2),
        told("a", 9, title="old", price=1),
        told("b", 5, title="b", available=False),
        told("b", 9, title="b", available=True),
        b"bare",
        b'"quoted"',
        told("gone", 5, title="kept"),
        b'{"item_id": "a", "price": "dear"}',
        b"not an id",
        b"\xff",
    ]
    items.send(messages)
    hide(stream, "gone", "no id")
    stream.send([message(1)])
    stream.service.start()
    items.wait()
    stream.wait()
    found = stored(stream)
    assert {item_id: (one.get("title"), one["available"]) for item_id, one in found.items()} == {
        "a": ("new", True),
        "b": ("b", False),
        "bare": (None, True),
        "quoted": (None, True),
        "gone": ("kept", False),
    }
    assert stream.db.interactions.count_documents({}) == 1
    assert health.main(["ingest"]) == 0
    stream.db.progress.update_one({"_id": items.topic}, {"$set": {"seen_at": NOW - timedelta(hours=1)}})
    eventually(lambda: health.main(["ingest"]) == 0, 60, "it says of itself that it goes round")
    letters = list(stream.db.dead_letters.find({"topic": items.topic}).sort("offset"))
    assert [base64.b64decode(one["value"]) if one.get("value") else None for one in letters] == [*messages[-3:], None]
    assert [conformance.reasons("dead_letter", one) for one in letters] == [[]] * 4

    # A kill, and what came meanwhile.
    stream.service.kill()
    items.send([told("a", 1, available=False), told("gone", 0, title="back")])
    stream.service.start()
    items.wait()
    after = stored(stream)
    assert (after["a"]["title"], after["a"]["available"]) == ("new", False)
    assert (after["gone"]["title"], after["gone"]["available"]) == ("back", False), "hidden later than it was told of"

    # What is valid by now is sent again, to its own topic, once.
    letter = letters[0]
    mended = base64.b64encode(told("a", 0, price=7)).decode()
    stream.db.dead_letters.update_one({"_id": letter["_id"]}, {"$set": {"value": mended}})
    done = dead_letters.replay(stream.db, stream.config)
    assert (done.read, done.sent) == (4, 1)
    items.wait()
    assert stored(stream)["a"]["price"] == 7
    assert dead_letters.replay(stream.db, stream.config).sent == 0
