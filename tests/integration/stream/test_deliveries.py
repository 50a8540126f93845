"""Sending with an answer: all copies have it, or it is said that they have not, with a real broker and without one."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from tests.support.waiting import eventually
from tidemark.errors import UnreachableError
from tidemark.settings import Settings
from tidemark.stream import topics
from tidemark.stream.deliveries import Deliveries


@pytest.fixture
def deliveries(kafka_env: Settings):
    made = Deliveries(kafka_env)
    yield made
    made.close()


def ends(config: Settings) -> int:
    """Messages that the topic has had; a topic that was made just now may have no leader for a moment."""
    topic = topics.name(topics.INTERACTIONS, config)
    consumer = Consumer(topics.client_config(config) | {"group.id": "test", "log_level": 0})

    def measured() -> list[int]:
        try:
            partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
            return [consumer.get_watermark_offsets(TopicPartition(topic, p), timeout=10)[1] for p in partitions]
        except KafkaException:
            return []

    counts = eventually(measured, 30, "no partition has a leader")
    consumer.close()
    return sum(counts)


def test_what_was_delivered_is_there_when_it_says_so(kafka_env, deliveries):
    before = ends(kafka_env)
    deliveries.deliver([(f"u{number}", b"{}") for number in range(100)], patience=30)
    assert ends(kafka_env) - before == deliveries.acknowledged == 100


def test_callers_at_once_each_wait_for_their_own(kafka_env, deliveries):
    before = ends(kafka_env)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: deliveries.deliver([(f"u{n}", b"{}")] * (n + 1), patience=30), range(8)))
    assert ends(kafka_env) - before == deliveries.acknowledged == sum(range(9))


def test_nothing_to_deliver_asks_nobody(deliveries):
    deliveries.deliver([])
    assert deliveries.sent == 0


def test_a_message_that_kafka_refuses_fails_its_batch(kafka_env, deliveries):
    with pytest.raises(UnreachableError):
        deliveries.deliver([("u", b"x" * (13 * topics.MIB))])


def test_nobody_waits_while_it_is_away_and_all_goes_on_once_it_is_back(deliveries):
    deliveries._note(KafkaError(KafkaError._ALL_BROKERS_DOWN))
    with pytest.raises(UnreachableError, match="nothing was sent"):
        deliveries.deliver([("u", b"{}")])
    assert deliveries.sent == 0
    eventually(lambda: not deliveries._away.is_set(), 30, "it does not see that Kafka is there")
    deliveries.deliver([("u", b"{}")], patience=30)
    assert deliveries.acknowledged == 1


def test_without_a_broker_it_is_said_in_time_and_given_up(kafka_env, monkeypatch):
    monkeypatch.setattr("tidemark.stream.deliveries.PATIENCE", 1.0)
    deliveries = Deliveries(kafka_env.model_copy(update={"kafka_bootstrap": "127.0.0.1:1"}))
    deliveries.send("u", b"{}")
    with pytest.raises(UnreachableError):
        deliveries.deliver([("u", b"{}"), ("v", b"{}")], patience=1.0)
    assert deliveries.flush(30)  # the client has given all up: nothing is sent later
    assert deliveries.acknowledged == 0
    assert deliveries.failed == deliveries.sent
    with pytest.raises(UnreachableError, match="nothing was sent"):
        deliveries.deliver([("u", b"{}")], patience=600)
    deliveries.close()
