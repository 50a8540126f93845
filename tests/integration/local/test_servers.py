"""The three servers as the platform starts them: they ask for a login, listen on the loopback, and start again."""

from pathlib import Path

import psutil
import pytest
from confluent_kafka import Consumer, KafkaException, Producer
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from tests.support import profiling
from tests.support.own_settings import local_settings
from tidemark.local import kafka, layout, lifecycle, mongo, postgres
from tidemark.local.ports import free_port
from tidemark.local.servers import running
from tidemark.settings import Settings, settings
from tidemark.storage import mongo as store
from tidemark.stream import topics


def test_mongo_gives_each_test_an_empty_database_that_its_user_may_write(mongo_db: Settings) -> None:
    db = store.connect()
    assert db.name == mongo_db.mongo_database == settings().mongo_database
    assert profiling.collections(db) == []
    db.loads.insert_one({"_id": "one"})
    assert db.loads.count_documents({}) == 1


def test_mongo_refuses_strangers_and_other_databases(mongo_db: Settings) -> None:
    with MongoClient(f"mongodb://{mongo_db.mongo_hosts}/?replicaSet=rs0") as client, pytest.raises(OperationFailure):
        client["tidemark"].loads.find_one()
    with MongoClient(mongo_db.mongo_uri) as client, pytest.raises(OperationFailure):
        client["another"].loads.insert_one({"_id": "one"})


def test_mongo_keeps_its_data_and_moves_to_another_port(tmp_path: Path) -> None:
    first = local_settings(tmp_path)
    with running("mongo", first):
        store.connect(first).loads.insert_one({"_id": "one"})
    moved = first.model_copy(update={"mongo_hosts": f"127.0.0.1:{free_port()}"})
    with running("mongo", moved):
        assert store.connect(moved).loads.count_documents({}) == 1


def test_mongo_recovers_from_a_kill(tmp_path: Path) -> None:
    config = local_settings(tmp_path)
    with running("mongo", config) as process:
        store.connect(config).loads.insert_one({"_id": "one"})
        process.kill()
        process.wait()
    with running("mongo", config):
        assert store.connect(config).loads.count_documents({}) == 1


def test_mongo_says_what_to_do_when_the_password_was_lost(mongo_server: Settings) -> None:
    from pydantic import SecretStr

    from tidemark.errors import SettingError

    with pytest.raises(SettingError, match="TIDEMARK_MONGO_ROOT_PASSWORD"):
        mongo.provision(mongo_server.model_copy(update={"mongo_root_password": SecretStr("forgotten")}))


def test_kafka_has_the_topics_with_their_retention(kafka_env: Settings) -> None:
    admin = AdminClient(topics.client_config())
    described = admin.list_topics(timeout=10).topics
    for name, topic in topics.TOPICS.items():
        assert len(described[name].partitions) == topic.partitions
        (answer,) = admin.describe_configs([ConfigResource(ResourceType.TOPIC, name)]).values()
        assert answer.result(10)["retention.ms"].value == str(topic.retention_days * topics.DAY_MS)
    topics.ensure()  # again: nothing to do


def test_kafka_carries_a_message_and_refuses_strangers(kafka_env: Settings) -> None:
    producer = Producer(topics.client_config() | {"acks": "all"})
    producer.produce("interactions", b"{}", partition=0)
    assert producer.flush(10) == 0
    consumer = Consumer(topics.client_config() | {"group.id": "reader", "auto.offset.reset": "earliest"})
    consumer.subscribe(["interactions"])
    message = consumer.poll(20)
    consumer.close()
    assert message is not None
    assert message.value() == b"{}"
    with pytest.raises(KafkaException):
        AdminClient({"bootstrap.servers": kafka_env.kafka_bootstrap, "log_level": "0"}).list_topics(timeout=3)
    wrong = topics.client_config() | {"sasl.password": "wrong", "log_level": "0"}
    with pytest.raises(KafkaException):
        AdminClient(wrong).list_topics(timeout=3)


def test_kafka_recovers_from_a_kill_and_moves_to_other_ports(tmp_path: Path) -> None:
    first = local_settings(tmp_path)
    with running("kafka", first) as process:
        producer = Producer(topics.client_config(first) | {"acks": "all"})
        producer.produce("interactions", b"{}", partition=0)
        assert producer.flush(10) == 0
        process.kill()
        process.wait()
    moved = first.model_copy(
        update={"kafka_bootstrap": f"127.0.0.1:{free_port()}", "kafka_controller_port": free_port()}
    )
    with running("kafka", moved):
        consumer = Consumer(topics.client_config(moved) | {"group.id": "reader", "auto.offset.reset": "earliest"})
        consumer.subscribe(["interactions"])
        message = consumer.poll(20)
        consumer.close()
        assert message is not None
        assert message.value() == b"{}"


@pytest.mark.parametrize("depth", [1, 12], ids=["short path", "path too long for a socket"])
def test_postgres_listens_on_no_port_and_recovers_from_a_kill(tmp_path: Path, depth: int) -> None:
    config = local_settings(tmp_path.joinpath(*["a-folder"] * depth))
    with running("postgres", config) as process:
        assert postgres.is_up(config)
        server = psutil.Process(process.pid)
        assert server.net_connections("inet") == []
        process.kill()
        process.wait()
    assert not postgres.is_up(config)
    with running("postgres", config):
        assert postgres.is_up(config)
    lifecycle.remove(config)
    assert not layout.state_folder(config).exists()


def test_secrets_are_in_private_files_alone(mongo_server: Settings, kafka_server: Settings) -> None:
    for config, command in ((mongo_server, mongo.command), (kafka_server, kafka.command)):
        for name in ("mongo_password", "mongo_root_password", "kafka_password"):
            secret = getattr(config, name).get_secret_value()
            assert secret not in " ".join(command(config).argv)
            for path in config.state.rglob("*"):
                if path.is_file() and path.stat().st_mode & 0o077:
                    assert secret.encode() not in path.read_bytes(), path
