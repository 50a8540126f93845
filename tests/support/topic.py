"""Topics of a test's own; `interactions` among them with a database beside it, and ways to send to it."""

import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from confluent_kafka import Producer
from pymongo.database import Database

from tests.support.waiting import eventually
from tidemark.serving.tail import Tail
from tidemark.settings import Settings, settings
from tidemark.storage import mongo
from tidemark.stream import topics
from tidemark.stream.bookmark import Bookmark


def own_topics(monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Topics under a prefix of the test's own, made; from here to the end of the test `settings()` means them."""
    monkeypatch.setenv("TIDEMARK_KAFKA_PREFIX", f"t{uuid.uuid4().hex[:8]}.")
    settings.cache_clear()
    topics.ensure()
    return settings()


class Topic:
    """The topic under a prefix of its own, which `settings()` then means too; `mongo_db` and `kafka_env` must be there."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.config = own_topics(monkeypatch)
        self.bookmark = Bookmark(self.config)
        self.name = self.bookmark.topic
        self.db: Database[dict[str, Any]] = mongo.connect(self.config)

    def send(self, values: Iterable[bytes | None], **how: Any) -> None:
        """Send each, and wait for every acknowledgement; `how` as `Producer.produce` takes it."""
        failed: list[Any] = []
        producer = Producer(
            topics.producer_config(self.config) | {"linger.ms": 5}
        )  # a new one knows the topic as it is
        for value in values:
            producer.produce(self.name, value, on_delivery=lambda e, _: failed.append(e) if e else None, **how)
            producer.poll(0)
        assert producer.flush(60) == 0
        assert not failed

    def make_anew(self) -> None:
        """Delete the topic and make it again."""
        admin = topics.admin_client(self.config)
        admin.delete_topics([self.name])[self.name].result(30)
        eventually(lambda: self.name not in admin.list_topics(timeout=10).topics, 60, "the topic is still there")
        topics.ensure(self.config)

    @contextmanager
    def tail(self, next_offsets: dict[int, int] | None = None, **settings_: Any) -> Iterator[Tail]:
        """A tail of the topic as it is now, caught up; `settings_` differ from those of the topic."""
        config = self.config.model_copy(update=settings_)
        tail = Tail(config, next_offsets or {}, self.bookmark.topic_id())
        try:
            assert tail.wait(30)
            yield tail
        finally:
            tail.close()
