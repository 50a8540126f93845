"""Airflow's connections to the platform's servers, from the settings, as the environment variables that Airflow reads."""

import json

from tidemark.settings import Settings


def environment(config: Settings) -> dict[str, str]:
    """`AIRFLOW_CONN_<NAME>` -> JSON, for `spark_default`, `mongo_default` and `kafka_default`; they hold passwords."""
    first_host, _, _ = config.mongo_hosts.partition(",")
    host, _, port = first_host.partition(":")
    described = {
        "SPARK_DEFAULT": {"conn_type": "spark", "host": config.spark_master},
        "MONGO_DEFAULT": {
            "conn_type": "mongo",
            "host": host,
            "port": int(port),
            "login": config.mongo_user,
            "password": config.mongo_password.get_secret_value(),
            "schema": config.mongo_database,
            "extra": {"authSource": "admin", "replicaSet": config.mongo_replica_set},
        },
        "KAFKA_DEFAULT": {
            "conn_type": "kafka",
            "extra": {
                "bootstrap.servers": config.kafka_bootstrap,
                "security.protocol": config.kafka_security_protocol,
                "sasl.mechanism": config.kafka_sasl_mechanism,
                "sasl.username": config.kafka_user,
                "sasl.password": config.kafka_password.get_secret_value(),
            },
        },
    }
    return {f"AIRFLOW_CONN_{name}": json.dumps(connection) for name, connection in described.items()}
