"""`.env`: passwords are made up once, kept privately, and what a person wrote stays."""

import stat
from pathlib import Path

import pytest

from tidemark.local import dotenv
from tidemark.settings import settings


@pytest.fixture
def env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "env"
    monkeypatch.setenv("TIDEMARK_ENV_FILE", str(path))
    settings.cache_clear()
    return path


def secrets() -> dict[str, str]:
    return {name: getattr(settings(), name).get_secret_value() for name in dotenv.GENERATED}


def test_every_missing_password_is_made_up_once(env_file: Path) -> None:
    added = dotenv.fill()
    assert added == [dotenv.variable(name) for name in dotenv.GENERATED]
    assert stat.S_IMODE(env_file.stat().st_mode) == 0o600
    first = secrets()
    assert all(len(value) >= 32 for value in first.values())
    assert len(set(first.values())) == len(first)
    assert dotenv.fill() == []
    settings.cache_clear()
    assert secrets() == first


def test_what_a_person_wrote_stays(env_file: Path) -> None:
    written = "# mine\nTIDEMARK_AIRFLOW_PORT=9000\nTIDEMARK_MONGO_PASSWORD=chosen\nTIDEMARK_KAFKA_PASSWORD="
    env_file.write_text(written)
    env_file.chmod(0o644)
    added = dotenv.fill()
    assert env_file.read_text().startswith(written + "\n")
    assert "TIDEMARK_MONGO_PASSWORD" not in added
    assert stat.S_IMODE(env_file.stat().st_mode) == 0o600
    assert settings().mongo_password.get_secret_value() == "chosen"
    assert settings().kafka_password.get_secret_value()
    assert settings().airflow_port == 9000


def test_a_file_that_others_can_read_is_closed_though_nothing_is_missing(env_file: Path) -> None:
    dotenv.fill()
    env_file.chmod(0o644)
    assert dotenv.fill() == []
    assert stat.S_IMODE(env_file.stat().st_mode) == 0o600


def test_the_environment_wins_and_is_not_written_down(env_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEMARK_MONGO_PASSWORD", "from-outside")
    settings.cache_clear()
    assert "TIDEMARK_MONGO_PASSWORD" not in dotenv.fill()
    assert "from-outside" not in env_file.read_text()
