"""The Kafka topics: their names, how long each is kept, and how every client reaches the brokers."""

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from confluent_kafka import KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic, ResourceType

from tidemark.errors import UnreachableError
from tidemark.settings import Settings, settings

DAY_MS = 24 * 60 * 60 * 1000
MIB = 1024 * 1024


@dataclass(frozen=True)
class Topic:
    """How a topic is cut, how long it is kept and how large a message it takes."""

    partitions: int
    retention_days: int
    largest: int = MIB


INTERACTIONS = "interactions"
ITEMS = "items"
DEAD_LETTERS = "interactions.dead_letter"
RECOMMENDATIONS = "recommendations"

TOPICS: Mapping[str, Topic] = {
    # Every interaction is in MongoDB soon after it was sent: a month is for replay after a mistake. What is far too
    # large is let in, so that it is kept and reported as a dead letter and not lost at a careless producer.
    INTERACTIONS: Topic(partitions=4, retention_days=30, largest=8 * MIB),
    # A catalogue changes seldom, and one partition keeps the order of messages that bear neither time nor key.
    ITEMS: Topic(partitions=1, retention_days=30, largest=8 * MIB),
    # Long enough that a person finds, mends and replays them. A letter holds its message in base64.
    DEAD_LETTERS: Topic(partitions=1, retention_days=90, largest=12 * MIB),
    # What was shown to whom, for those who count click-through.
    RECOMMENDATIONS: Topic(partitions=4, retention_days=7),
}


def name(topic: str, config: Settings | None = None) -> str:
    """The name under which the brokers know one of `TOPICS`."""
    return (config or settings()).kafka_prefix + topic


def bookmark_group(config: Settings | None = None) -> str:
    """The consumer group whose committed offsets are the bookmark; nobody ever joins it."""
    return (config or settings()).kafka_prefix + "tidemark-bookmark"


def tail_group(config: Settings | None = None) -> str:
    """The group that a client which follows a topic by itself names, for it must name one; it commits nothing."""
    return (config or settings()).kafka_prefix + "tidemark-tail"


def _authority(config: Settings) -> str:
    """The file by which brokers are known; empty where they speak no TLS, or the system knows them."""
    return config.tls_ca if config.kafka_security_protocol.endswith("SSL") else ""


def client_config(config: Settings | None = None) -> dict[str, str | int | float | bool]:
    """What every confluent-kafka client needs to connect; it holds the password, so never log it."""
    config = config or settings()
    plain = {"bootstrap.servers": config.kafka_bootstrap, "security.protocol": config.kafka_security_protocol}
    if authority := _authority(config):
        plain["ssl.ca.location"] = authority
    if not config.kafka_security_protocol.startswith("SASL"):
        return {**plain}
    return {
        **plain,
        "sasl.mechanism": config.kafka_sasl_mechanism,
        "sasl.username": config.kafka_user,
        "sasl.password": config.kafka_password.get_secret_value(),
    }


def producer_config(config: Settings | None = None) -> dict[str, str | int | float | bool]:
    """`client_config` for a producer that loses nothing: every message acknowledged by all copies, none twice."""
    return client_config(config) | {
        "acks": "all",
        "enable.idempotence": True,
        "linger.ms": 20,
        "compression.type": "lz4",
        "message.max.bytes": TOPICS[DEAD_LETTERS].largest,
        "delivery.timeout.ms": 300_000,  # a broker may be away for minutes: wait, do not give up
        "log_level": 0,
    }


def spark_options(config: Settings | None = None) -> dict[str, str]:
    """The options by which Spark's Kafka source and sink connect; they hold the password, so never log them."""
    config = config or settings()
    options = {
        "kafka.bootstrap.servers": config.kafka_bootstrap,
        "kafka.security.protocol": config.kafka_security_protocol,
        # A broker that is away is noticed, said and waited for by the ingest, not hidden for minutes in a client.
        "kafka.default.api.timeout.ms": "20000",
        "kafka.request.timeout.ms": "10000",
    }
    if authority := _authority(config):
        options |= {"kafka.ssl.truststore.type": "PEM", "kafka.ssl.truststore.location": authority}
    if config.kafka_security_protocol.startswith("SASL"):
        user, password = (
            text.replace("\\", "\\\\").replace('"', '\\"')
            for text in (config.kafka_user, config.kafka_password.get_secret_value())
        )
        module = "plain.PlainLoginModule" if config.kafka_sasl_mechanism == "PLAIN" else "scram.ScramLoginModule"
        options["kafka.sasl.mechanism"] = config.kafka_sasl_mechanism
        options["kafka.sasl.jaas.config"] = (
            f'org.apache.kafka.common.security.{module} required username="{user}" password="{password}";'
        )
    return options


def admin_client(config: Settings | None = None) -> AdminClient:
    """A client that asks and changes, and logs nothing: its own log would repeat what our errors say once."""
    return AdminClient(client_config(config) | {"log_level": "0"})


def unreachable(error: KafkaException, config: Settings | None = None) -> UnreachableError:
    """What a person needs to know when Kafka did not answer."""
    return UnreachableError(
        f"Kafka does not answer at {(config or settings()).kafka_bootstrap} ({error.args[0].str()}). "
        "Is it running, and is TIDEMARK_KAFKA_PASSWORD the broker's? `make status` tells"
    )


def topic_id(admin: AdminClient, topic: str, timeout: float = 15) -> str:
    """The identity of the topic `topic`: another one, once it was deleted and made again under the same name.

    Raises:
        KafkaException: there is no such topic, or Kafka does not answer.
    """
    described = admin.describe_topics(TopicCollection([topic]), request_timeout=timeout)[topic].result(timeout)
    identity = described.topic_id
    high, low = identity.get_most_significant_bits(), identity.get_least_significant_bits()
    return str(uuid.UUID(int=((high & (2**64 - 1)) << 64) | (low & (2**64 - 1))))


def _kept(topic: Topic) -> dict[str, str]:
    return {"retention.ms": str(topic.retention_days * DAY_MS), "max.message.bytes": str(topic.largest)}


def ensure(config: Settings | None = None, *, replication: int | None = None, timeout: float = 30) -> None:
    """Make the topics that are missing; set the retention and the largest message of all.

    Raises:
        UnreachableError: no broker answered within `timeout` seconds, or it refused the login.
    """
    config = config or settings()
    admin = admin_client(config)
    copies = config.kafka_replication if replication is None else replication
    wanted = {name(short, config): topic for short, topic in TOPICS.items()}
    try:
        present = admin.list_topics(timeout=timeout).topics
        missing = [
            NewTopic(full, num_partitions=topic.partitions, replication_factor=copies, config=_kept(topic))
            for full, topic in wanted.items()
            if full not in present
        ]
        for made in (admin.create_topics(missing) if missing else {}).values():
            made.result(timeout)
        # A topic that was made is not yet one that every client can ask about.
        deadline = time.monotonic() + timeout
        while missing and time.monotonic() < deadline:
            known = admin.list_topics(timeout=timeout).topics
            if all(full in known and known[full].partitions for full in wanted):
                break
            time.sleep(0.05)
        existing = [
            ConfigResource(
                ResourceType.TOPIC,
                full,
                incremental_configs=[
                    ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET)
                    for key, value in _kept(topic).items()
                ],
            )
            for full, topic in wanted.items()
            if full in present
        ]
        for altered in (admin.incremental_alter_configs(existing) if existing else {}).values():
            altered.result(timeout)
    except KafkaException as error:
        raise unreachable(error, config) from None
