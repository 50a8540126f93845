"""Settings of a platform of the test's own (`tidemark.local.throwaway`), and how `settings()` is made to mean them."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from tests.support.secrets_in_logs import keep_all_of
from tidemark.local import dotenv, throwaway
from tidemark.settings import Settings, settings


def local_settings(state: Path) -> Settings:
    """Settings of a platform of its own, with a small MongoDB: state below `state`, free ports, own passwords, which no
    log may hold."""
    return keep_all_of(throwaway.own_settings(state, mongo_cache_gb=0.25))


def with_airflow(config: Settings) -> Settings:
    """`config` with the secrets that an Airflow needs."""
    made = {name: SecretStr(dotenv.GENERATED[name]()) for name in dotenv.GENERATED if name.startswith("airflow_")}
    return keep_all_of(config.model_copy(update=made))


def use(config: Settings, prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """From here to the end of the test, `settings()` takes the fields that start with `prefix` from `config`."""
    for name, value in throwaway.environment(config, prefix).items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
