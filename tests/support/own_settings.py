"""Settings that no other platform on this machine shares: free ports, a state folder and passwords of their own."""

import uuid
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from tidemark.local import dotenv, ports
from tidemark.settings import Settings, settings


def local_settings(state: Path) -> Settings:
    """Settings of a platform of its own: state below `state`, free ports, passwords that no other has."""
    state.mkdir(parents=True, exist_ok=True)
    names = ("mongo_password", "mongo_root_password", "kafka_password", "airflow_password")
    passwords: dict[str, Any] = {name: SecretStr(f"{name}-{uuid.uuid4().hex}") for name in names}
    return Settings(
        _env_file=None,
        state=state,
        mongo_hosts=f"127.0.0.1:{ports.free_port()}",
        kafka_bootstrap=f"127.0.0.1:{ports.free_port()}",
        kafka_controller_port=ports.free_port(),
        airflow_port=ports.free_port(),
        mongo_cache_gb=0.25,
        **passwords,
    )


def with_airflow(config: Settings) -> Settings:
    """`config` with the secrets that an Airflow needs."""
    made = {name: SecretStr(dotenv.GENERATED[name]()) for name in dotenv.GENERATED if name.startswith("airflow_")}
    return config.model_copy(update=made)


def environment(config: Settings, prefix: str = "") -> dict[str, str]:
    """The settings whose names start with `prefix` as environment variables, secrets as they are."""
    plain = {n: v.get_secret_value() if isinstance(v, SecretStr) else str(v) for n, v in config if n.startswith(prefix)}
    return {dotenv.variable(name): value for name, value in plain.items()}


def use(config: Settings, prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """From here to the end of the test, `settings()` takes the fields that start with `prefix` from `config`."""
    for name, value in environment(config, prefix).items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
