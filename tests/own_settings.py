"""Settings that no other platform on this machine shares: free ports, a state folder and passwords of their own."""

import uuid
from pathlib import Path

import pytest
from pydantic import SecretStr

from tidemark.local import ports
from tidemark.settings import Settings, settings


def local_settings(state: Path) -> Settings:
    """Settings of a platform of its own: state below `state`, free ports, passwords that no other has."""
    state.mkdir(parents=True, exist_ok=True)
    return Settings(
        _env_file=None,
        state=state,
        mongo_hosts=f"127.0.0.1:{ports.free_port()}",
        kafka_bootstrap=f"127.0.0.1:{ports.free_port()}",
        kafka_controller_port=ports.free_port(),
        airflow_port=ports.free_port(),
        mongo_cache_gb=0.25,
        **{
            name: SecretStr(f"{name}-{uuid.uuid4().hex}")
            for name in ("mongo_password", "mongo_root_password", "kafka_password", "airflow_password")
        },
    )


def use(config: Settings, prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """From here to the end of the test, `settings()` takes the fields that start with `prefix` from `config`."""
    for name in type(config).model_fields:
        value = getattr(config, name)
        if name.startswith(prefix):
            plain = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
            monkeypatch.setenv(f"TIDEMARK_{name.upper()}", plain)
    settings.cache_clear()
