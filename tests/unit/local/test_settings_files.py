"""`.env`: passwords are made up once, kept privately, and what a person wrote stays."""

import os
import stat
from pathlib import Path

import pytest

from tidemark import settings as settings_module
from tidemark.errors import SettingError
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


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The root of a clone, and a state folder elsewhere that `TIDEMARK_STATE` names."""
    clone = tmp_path / "clone"
    clone.mkdir()
    monkeypatch.setattr(settings_module, "ROOT", clone)
    monkeypatch.delenv("TIDEMARK_ENV_FILE")
    monkeypatch.setenv("TIDEMARK_STATE", str(tmp_path / "state"))
    settings.cache_clear()
    return clone


def close(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody write into it; a file of rights does not hinder root, who runs tests too."""
    really = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: really(path, mode) and not (mode == os.W_OK and path == clone))


def test_a_clone_that_can_be_written_to_keeps_its_passwords(clone: Path) -> None:
    dotenv.fill()
    assert dotenv.env_file() == clone / ".env"
    assert not (clone.parent / "state").exists()


def test_passwords_of_a_clone_that_cannot_be_written_to_are_kept_with_the_state_and_found_again(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (clone / ".env").write_text("TIDEMARK_AIRFLOW_PORT=9000\nTIDEMARK_RETRAIN_MARK=7\n")
    close(clone, monkeypatch)
    dotenv.fill()
    path = clone.parent / "state" / "env"
    assert dotenv.env_file() == path
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert len((clone / ".env").read_text().splitlines()) == 2
    first = secrets()
    assert all(first.values())
    path.write_text(path.read_text() + "TIDEMARK_RETRAIN_MARK=8\n")
    monkeypatch.undo()
    monkeypatch.setattr(settings_module, "ROOT", clone)
    monkeypatch.delenv("TIDEMARK_ENV_FILE")
    monkeypatch.setenv("TIDEMARK_STATE", str(clone.parent / "state"))
    settings.cache_clear()
    assert dotenv.fill() == []  # though it can be written to now
    assert secrets() == first
    assert (settings().airflow_port, settings().retrain_mark) == (9000, 8)


def test_where_no_state_folder_is_named_it_is_asked_for(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TIDEMARK_STATE")
    monkeypatch.setattr(dotenv, "write_private", lambda *_: (_ for _ in ()).throw(PermissionError(13, "closed")))
    with pytest.raises(SettingError, match="TIDEMARK_STATE"):
        dotenv.fill()


def test_where_every_password_is_given_no_file_is_made(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in dotenv.GENERATED:
        monkeypatch.setenv(dotenv.variable(name), "given")
    assert dotenv.fill() == []
    assert list(clone.iterdir()) == []
