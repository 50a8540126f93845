"""Airflow's connections: each from the settings, in the form that its provider reads."""

import json

from airflow.sdk import Connection

from tests.support.own_settings import local_settings
from tidemark.deployment import airflow_connections


def test_each_connection_says_what_the_settings_say(tmp_path):
    config = local_settings(tmp_path).model_copy(update={"spark_master": "spark://far:7077"})
    described = {name: json.loads(value) for name, value in airflow_connections.environment(config).items()}
    assert described["AIRFLOW_CONN_SPARK_DEFAULT"] == {"conn_type": "spark", "host": "spark://far:7077"}
    assert described["AIRFLOW_CONN_MONGO_DEFAULT"]["port"] == int(config.mongo_hosts.split(":")[1])
    assert described["AIRFLOW_CONN_MONGO_DEFAULT"]["password"] == config.mongo_password.get_secret_value()
    assert described["AIRFLOW_CONN_KAFKA_DEFAULT"]["extra"]["bootstrap.servers"] == config.kafka_bootstrap


def test_of_several_hosts_the_first_is_named_since_the_replica_set_tells_the_others(tmp_path):
    config = local_settings(tmp_path).model_copy(update={"mongo_hosts": "one:27017,two:27018"})
    mongo = json.loads(airflow_connections.environment(config)["AIRFLOW_CONN_MONGO_DEFAULT"])
    assert (mongo["host"], mongo["port"]) == ("one", 27017)
    assert mongo["extra"]["replicaSet"] == config.mongo_replica_set


def test_airflow_reads_them(tmp_path):
    for name, value in airflow_connections.environment(local_settings(tmp_path)).items():
        conn_id = name.removeprefix("AIRFLOW_CONN_").lower()
        assert Connection.from_json(value, conn_id=conn_id).conn_type == conn_id.split("_")[0]
