"""What is written for the supervisor, Airflow and Kafka: everything on the loopback, no secret where it can be seen."""

import configparser
import json
from pathlib import Path

from pydantic import SecretStr

from tests.support.own_settings import local_settings
from tidemark.local import airflow, kafka, supervision


def test_the_supervisor_keeps_every_service_and_knows_no_secret(tmp_path: Path) -> None:
    config = local_settings(tmp_path / "100% mine; truly")
    text = supervision.configuration(config)
    parsed = configparser.ConfigParser(interpolation=configparser.BasicInterpolation())
    parsed.read_string(text)
    programs = [name.removeprefix("program:") for name in parsed if name.startswith("program:")]
    assert programs == supervision.SERVICES
    assert programs == ["mongo", "kafka", "postgres", *airflow.COMPONENTS, "ingest"]
    for _, value in config:
        if isinstance(value, SecretStr) and value.get_secret_value():
            assert value.get_secret_value() not in text
    assert parsed["unix_http_server"]["chmod"] == "0700"
    assert not any("inet" in section for section in parsed)


def test_new_settings_make_a_new_configuration(tmp_path: Path) -> None:
    config = local_settings(tmp_path)
    before = supervision.configuration(config)
    assert before == supervision.configuration(config)
    changed = config.model_copy(update={"airflow_password": SecretStr("another")})
    assert supervision.configuration(changed) != before


def test_airflow_listens_on_the_loopback_and_nothing_serves_logs(tmp_path: Path) -> None:
    config = local_settings(tmp_path)
    for component in airflow.COMPONENTS:
        command = airflow.command(config, component)
        for _, value in config:
            if isinstance(value, SecretStr) and value.get_secret_value():
                assert value.get_secret_value() not in " ".join(command.argv)
    assert airflow.command(config, "airflow-api-server").argv[3:5] == ["--host", "127.0.0.1"]
    for component in ("airflow-scheduler", "airflow-triggerer"):
        assert "--skip-serve-logs" in airflow.command(config, component).argv


def test_airflow_knows_its_connections(tmp_path: Path) -> None:
    config = local_settings(tmp_path).model_copy(update={"spark_master": "spark://far:7077"})
    described = {name: json.loads(value) for name, value in airflow.connections(config).items()}
    assert described["AIRFLOW_CONN_SPARK_DEFAULT"] == {"conn_type": "spark", "host": "spark://far:7077"}
    assert described["AIRFLOW_CONN_MONGO_DEFAULT"]["port"] == int(config.mongo_hosts.split(":")[1])
    assert described["AIRFLOW_CONN_KAFKA_DEFAULT"]["extra"]["bootstrap.servers"] == config.kafka_bootstrap


def test_kafka_listens_on_the_loopback_with_a_login_on_each_listener(tmp_path: Path) -> None:
    config = local_settings(tmp_path).model_copy(update={"kafka_password": SecretStr('a"b\\c')})
    text = kafka.server_properties(config, tmp_path)
    values = dict(line.split("=", 1) for line in text.splitlines())
    assert all(listener.split("//")[1].startswith("127.0.0.1:") for listener in values["listeners"].split(","))
    assert "PLAINTEXT" not in values["listener.security.protocol.map"].replace("SASL_PLAINTEXT", "")
    # A properties file halves backslashes; JAAS halves them again.
    assert r'password="a\\"b\\\\c"' in values["listener.name.client.plain.sasl.jaas.config"]
