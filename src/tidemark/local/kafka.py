"""Kafka on this machine: one broker that is its own controller (KRaft), with a login on both listeners."""

import base64
import sys
import uuid
from pathlib import Path

from tidemark.errors import SettingError
from tidemark.local.command import Command
from tidemark.local.layout import private_folder, state_folder, write_private
from tidemark.local.ports import LOOPBACK, loopback_port
from tidemark.settings import Settings
from tidemark.spark.jars import java
from tidemark.stream import topics

JARS = Path(sys.prefix) / "share" / "tidemark" / "jars" / "kafka"
LOG4J = Path(__file__).with_name("log4j2.properties")


def port(config: Settings) -> int:
    """The port that clients use."""
    return loopback_port("TIDEMARK_KAFKA_BOOTSTRAP", config.kafka_bootstrap)


def server_properties(config: Settings, data: Path) -> str:
    """The broker's configuration. It holds the password: a file of mode 600, never an argument."""
    client, controller = (
        f"CLIENT://{LOOPBACK}:{port(config)}",
        f"CONTROLLER://{LOOPBACK}:{config.kafka_controller_port}",
    )
    login = _jaas(config.kafka_user, config.kafka_password.get_secret_value())
    values = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.bootstrap.servers": f"{LOOPBACK}:{config.kafka_controller_port}",
        "listeners": f"{client},{controller}",
        "advertised.listeners": f"{client},{controller}",
        "listener.security.protocol.map": "CLIENT:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "CLIENT",
        "sasl.enabled.mechanisms": "PLAIN",
        "sasl.mechanism.inter.broker.protocol": "PLAIN",
        "sasl.mechanism.controller.protocol": "PLAIN",
        "listener.name.client.plain.sasl.jaas.config": login,
        "listener.name.controller.plain.sasl.jaas.config": login,
        "log.dirs": data,
        "auto.create.topics.enable": "false",
        # One broker: its own bookkeeping topics cannot have more than one copy.
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 1,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 1,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "group.initial.rebalance.delay.ms": 0,
    }
    return "".join(f"{key}={value}\n" for key, value in values.items())


def _jaas(user: str, password: str) -> str:
    """The login as JAAS writes it, its backslashes doubled once more for the properties file."""
    quoted = password.replace("\\", "\\\\").replace('"', '\\"')
    line = (
        "org.apache.kafka.common.security.plain.PlainLoginModule required "
        f'username="{user}" password="{quoted}" user_{user}="{quoted}";'
    )
    return line.replace("\\", "\\\\")


def _run_class(name: str, *arguments: str) -> Command:
    if not any(JARS.glob("kafka_*.jar")):
        raise SettingError("Kafka's jars are not installed: run make setup")
    options = ["-Xms256m", "-Xmx512m", "-XX:+UseSerialGC", f"-Dlog4j2.configurationFile={LOG4J}"]
    return Command([java(), *options, "-cp", f"{JARS}/*", name, *arguments])


def command(config: Settings) -> Command:
    """Write the configuration, format the data folder before the first start, and say how to start the broker."""
    home = private_folder(state_folder(config) / "kafka")
    data = private_folder(home / "data")
    properties = home / "server.properties"
    write_private(properties, server_properties(config, data))
    if not (data / "meta.properties").exists():
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        _run_class(
            "kafka.tools.StorageTool", "format", "--standalone", f"--cluster-id={cluster}", "-c", str(properties)
        ).run("formatting Kafka's data folder")
    return _run_class("kafka.Kafka", str(properties))


def is_up(config: Settings) -> bool:
    """Whether the broker answers a client that logs in."""
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    try:
        AdminClient(topics.client_config(config) | {"log_level": "0"}).list_topics(timeout=2)
    except KafkaException:
        return False
    return True


def provision(config: Settings, timeout: float = 60) -> None:
    """Wait for the broker and make the topics.

    Raises:
        UnreachableError: it did not answer within `timeout` seconds.
    """
    topics.ensure(config, timeout=timeout)
