"""What is written for the supervisor, Airflow and Kafka: everything on the loopback, no secret where it can be seen."""

import configparser
import os
import pwd
import shlex
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import make_url

from tests.support.own_settings import local_settings
from tidemark.deployment import airflow_connections, airflow_options
from tidemark.errors import SettingError
from tidemark.local import airflow, kafka, layout, postgres, supervision
from tidemark.spark import session


def test_the_supervisor_keeps_every_service_and_knows_no_secret(tmp_path: Path) -> None:
    config = local_settings(tmp_path / "100% mine; truly")
    text = supervision.configuration(config)
    parsed = configparser.ConfigParser(interpolation=configparser.BasicInterpolation())
    parsed.read_string(text)
    programs = [name.removeprefix("program:") for name in parsed if name.startswith("program:")]
    assert programs == supervision.SERVICES
    shop = ["storefront", "live", "engagement"]
    assert programs == ["mongo", "kafka", "postgres", *airflow.COMPONENTS, *shop, "ingest"]
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


def test_airflow_has_the_shared_options_and_connections_beside_its_own(tmp_path: Path) -> None:
    config = local_settings(tmp_path)
    given = airflow.environment(config)
    shared = airflow_options.environment(config)
    assert not shared.keys() & airflow.options(config).keys()
    assert shared.items() | airflow_connections.environment(config).items() <= given.items()


def test_the_database_is_found_on_any_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(layout, "socket_folder", lambda config: Path("/a b/100% mine+yours;&?"))
    address = make_url(postgres.sqlalchemy_url(local_settings(tmp_path)))
    assert address.query["host"] == "/a b/100% mine+yours;&?"


def test_kafka_listens_on_the_loopback_with_a_login_on_each_listener(tmp_path: Path) -> None:
    config = local_settings(tmp_path).model_copy(update={"kafka_password": SecretStr('a"b\\c')})
    text = kafka.server_properties(config, tmp_path)
    values = dict(line.split("=", 1) for line in text.splitlines())
    assert all(listener.split("//")[1].startswith("127.0.0.1:") for listener in values["listeners"].split(","))
    assert "PLAINTEXT" not in values["listener.security.protocol.map"].replace("SASL_PLAINTEXT", "")
    # A properties file halves backslashes; JAAS halves them again.
    assert r'password="a\\"b\\\\c"' in values["listener.name.client.plain.sasl.jaas.config"]


def test_a_user_without_a_name_is_told_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nameless = next(uid for uid in range(54_321, 60_000) if not _has_name(uid))
    config = local_settings(tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: nameless)
    with pytest.raises(SettingError, match=f"{nameless} has no name.*useradd"):
        postgres.command(config)


def _has_name(uid: int) -> bool:
    try:
        return bool(pwd.getpwuid(uid))
    except KeyError:
        return False


def test_sparks_jvm_gets_its_options_whole_in_a_clone_whose_path_has_a_space(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "shipped", lambda path: Path("/my clone") / path)
    options = shlex.split(session.submit_conf()["spark.driver.extraJavaOptions"])
    assert "-Dlog4j2.configurationFile=/my clone/spark_jobs/log4j2.properties" in options
    assert all(option.startswith("-") for option in options)


def test_spark_submit_need_not_look_for_spark(tmp_path: Path) -> None:
    home = Path(airflow.environment(local_settings(tmp_path))["SPARK_HOME"])
    assert (home / "bin" / "spark-submit").is_file()
