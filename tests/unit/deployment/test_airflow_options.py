"""Airflow's options that one machine and a cluster share: they exist, and no secret is a constant."""

from pydantic import SecretStr

from tests.support.own_settings import local_settings, with_airflow
from tidemark.deployment import airflow_options
from tidemark.settings import Settings


def test_each_option_exists():
    from airflow.configuration import conf

    described = conf.configuration_description
    for name in airflow_options.environment(Settings(_env_file=None)):
        section, option = name.removeprefix("AIRFLOW__").lower().split("__")
        assert option in described[section]["options"], name


def test_the_secrets_are_those_of_the_settings(tmp_path):
    config = with_airflow(local_settings(tmp_path))
    given = airflow_options.environment(config)
    for name in ("airflow_fernet_key", "airflow_jwt_secret", "airflow_secret_key"):
        secret: SecretStr = getattr(config, name)
        assert list(given.values()).count(secret.get_secret_value()) == 1, name
