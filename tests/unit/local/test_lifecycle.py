"""Before anything is started: room on the disk, and one command at a time."""

import threading
from pathlib import Path

import pytest

from tests.support.own_settings import local_settings
from tidemark.errors import PlatformError
from tidemark.local import lifecycle
from tidemark.local.layout import state_folder
from tidemark.settings import settings


def test_a_full_disk_is_told_before_anything_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEMARK_ENV_FILE", str(tmp_path / "env"))
    monkeypatch.setenv("TIDEMARK_STATE", str(tmp_path / "state"))
    settings.cache_clear()
    assert state_folder(lifecycle.prepare()) == tmp_path / "state"
    monkeypatch.setattr(lifecycle, "NEEDED_GB", 1 << 40)
    with pytest.raises(PlatformError, match=r"GB are free at .*state.* are needed"):
        lifecycle.prepare()


def test_a_second_command_waits_for_the_first(tmp_path: Path) -> None:
    config = local_settings(tmp_path)
    order: list[str] = []
    inside = threading.Event()

    def second() -> None:
        inside.wait(10)
        with lifecycle.alone(config):
            order.append("second")

    waiting = threading.Thread(target=second)
    waiting.start()
    with lifecycle.alone(config):
        inside.set()
        waiting.join(0.5)
        assert waiting.is_alive(), "it did not wait"
        order.append("first")
    waiting.join(10)
    assert order == ["first", "second"]


def test_leftovers_that_name_a_dead_or_foreign_process_are_left_alone(tmp_path: Path) -> None:
    import os

    config = local_settings(tmp_path)
    data = config.state / "postgres" / "data"
    data.mkdir(parents=True)
    for pid in ("", "not a pid", str(os.getpid()), "4194304"):
        (data / "postmaster.pid").write_text(pid)
        assert lifecycle._orphaned_postgres(config, set()) == []
