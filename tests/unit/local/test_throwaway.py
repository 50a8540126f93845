"""A platform of one's own shares neither ports nor passwords nor state with another, and means what its env file says."""

import os
import socket
import sys
from pathlib import Path

import pytest

from tidemark.local import ports, throwaway
from tidemark.settings import settings


def test_free_ports_are_distinct_and_not_those_of_outgoing_connections() -> None:
    chosen = [ports.free_port() for _ in range(50)]
    assert len(set(chosen)) == 50
    assert all(ports.is_free(port) for port in chosen)
    assert max(chosen) < 32_768, "from there on Linux gives them to outgoing connections, unless it is told otherwise"


def test_a_port_that_is_taken_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    port = ports.free_port()
    monkeypatch.setattr(ports, "_given", set())
    assert ports.is_free(port)
    with socket.socket() as taken:
        taken.bind((ports.LOOPBACK, port))
        taken.listen()
        assert not ports.is_free(port)
        monkeypatch.setattr(ports, "SERVER_PORTS", range(port, port + 50))
        assert ports.free_port() != port


def test_two_platforms_share_nothing(tmp_path: Path) -> None:
    one, other = (throwaway.own_settings(tmp_path / name) for name in ("one", "other"))
    names = [*throwaway.addresses(tmp_path / "names"), *throwaway.PASSWORDS]
    assert len(names) == 13
    assert [name for name in names if getattr(one, name) == getattr(other, name)] == []


def test_the_environment_carries_secrets_and_means_the_same_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = throwaway.own_settings(tmp_path, mongo_cache_gb=0.25)
    assert set(throwaway.environment(config, "kafka_p")) == {"TIDEMARK_KAFKA_PASSWORD", "TIDEMARK_KAFKA_PREFIX"}
    for name, value in throwaway.environment(config).items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    assert settings() == config


def test_a_command_meets_the_platform_of_its_env_file_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    env_file, state = tmp_path / "env", tmp_path / "state"
    throwaway.write_env_file(env_file, state, top_n=7)
    monkeypatch.setenv("TIDEMARK_TOP_N", "9")
    printed = "from tidemark.settings import settings as s; print(s().state, s().top_n, s().kept_models)"
    monkeypatch.setattr(sys, "executable", _shell(tmp_path, printed))
    done = throwaway.command(env_file, capture_output=True)
    assert done.stdout.split() == [str(state), "7", "5"]
    assert "password" not in env_file.read_text().lower()
    monkeypatch.delenv("TIDEMARK_TOP_N")
    assert throwaway.settings_of(env_file, state).top_n == 7


def _shell(folder: Path, code: str) -> str:
    """In place of Python: runs `code` with the environment that it is given, whatever its arguments."""
    script = folder / "python"
    script.write_text(f"#!/bin/sh\nexec {sys.executable} -c '{code}'\n")
    script.chmod(0o700)
    return os.fspath(script)
