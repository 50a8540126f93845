"""Airflow's options that are the same on one machine and on a cluster, as the environment variables that Airflow reads.

`docker-compose.yaml` repeats them, since YAML cannot ask Python; a test holds the two together. What differs (addresses,
folders, who may sign in, how much runs at a time) is said where it is decided: in `tidemark.local.airflow` and in that file.
"""

from tidemark.settings import Settings

CONSTANT = {
    "CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
    "CORE__EXECUTOR": "LocalExecutor",
    "CORE__LOAD_EXAMPLES": "False",
    "WORKERS__MIN_HEARTBEAT_INTERVAL": "1",  # seconds until a worker sees that its task has ended: see plugins/kafka_lag.py
}
"""Those that no setting changes."""


def variables(options: dict[str, str]) -> dict[str, str]:
    """{"CORE__EXECUTOR": ...} -> {"AIRFLOW__CORE__EXECUTOR": ...}."""
    return {f"AIRFLOW__{name}": value for name, value in options.items()}


def environment(config: Settings) -> dict[str, str]:
    """`AIRFLOW__<SECTION>__<OPTION>` -> value; they hold secrets."""
    of_settings = {
        "CORE__FERNET_KEY": config.airflow_fernet_key.get_secret_value(),
        "API__SECRET_KEY": config.airflow_secret_key.get_secret_value(),
        "API_AUTH__JWT_SECRET": config.airflow_jwt_secret.get_secret_value(),
    }
    return variables(CONSTANT | of_settings)
