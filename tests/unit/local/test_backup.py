"""A backup: what comes back is what was there, whatever was killed; what is not right changes nothing."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from tidemark.errors import BadInputError, PlatformError
from tidemark.local import archive, backup, lifecycle
from tidemark.local.supervision import Supervisor
from tidemark.settings import Settings, settings


def tree(folder: Path) -> dict[str, Any]:
    """Path -> content, link or mode, of all that counts."""
    found: dict[str, Any] = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if name.split("/", maxsplit=1)[0] in (*backup.KEPT, "postgres"):
            kept = str(path.readlink()) if path.is_symlink() else path.read_bytes() if path.is_file() else "folder"
            found[name] = kept, path.lstat().st_mode
    return found


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A platform that is stopped, of files alone: folders that only their owner may enter, a link, an empty file."""
    state = tmp_path / "state"
    monkeypatch.setenv("TIDEMARK_STATE", str(state))
    monkeypatch.setenv("TIDEMARK_ENV_FILE", str(tmp_path / "env"))
    monkeypatch.setattr(Supervisor, "is_running", lambda _: False)
    settings.cache_clear()
    (tmp_path / "env").write_text("TIDEMARK_MONGO_PASSWORD=first\n")
    for name in ("mongo/data", "kafka/data/interactions-0", "artifacts/run", "postgres/data", "logs", "airflow/logs/x"):
        (state / name).mkdir(parents=True, mode=0o700)
    (state / "mongo/data/WiredTiger").write_bytes(os.urandom(200_000))
    (state / "kafka/data/interactions-0/0.log").write_bytes(b"\0" * 1_000_000)
    (state / "artifacts/run/empty").touch()
    (state / "postgres/data/PG_VERSION").write_text("18")
    (state / "postgres/data/PG_VERSION").chmod(0o600)
    (state / "airflow/logs/latest").symlink_to("x")
    (state / "logs/mongo.log").write_text("not kept")
    return settings()


def spoil(config: Settings) -> None:
    """As time goes by: what was there is changed, something is new, the passwords are others."""
    (config.state / "mongo/data/WiredTiger").write_bytes(b"another")
    (config.state / "artifacts/new").write_text("new")
    shutil.rmtree(config.state / "kafka")
    Path(os.environ["TIDEMARK_ENV_FILE"]).write_text("TIDEMARK_MONGO_PASSWORD=second\n")


def test_what_comes_back_is_what_was_there(config: Settings, tmp_path: Path) -> None:
    before, kept = tree(config.state), tmp_path / "kept.tar.gz"
    manifest = backup.make(config, kept)
    assert kept.stat().st_mode & 0o777 == 0o600
    assert set(manifest["files"]) == {n for n, (one, _) in before.items() if isinstance(one, bytes)} | {"env"}
    spoil(config)
    backup.restore(config, kept, over=True)
    assert tree(config.state) == before
    assert Path(os.environ["TIDEMARK_ENV_FILE"]).read_text() == "TIDEMARK_MONGO_PASSWORD=first\n"
    assert settings().mongo_password.get_secret_value() == "first"
    assert {path.name for path in config.state.iterdir()} == {*(n.split("/")[0] for n in before), "logs", "lock"}


def test_into_an_empty_folder(config: Settings, tmp_path: Path) -> None:
    before, kept = tree(config.state), tmp_path / "kept.tar.gz"
    backup.make(config, kept)
    shutil.rmtree(config.state)
    backup.restore(config, kept)
    assert tree(config.state) == before


def test_a_platform_is_not_overwritten_unasked(config: Settings, tmp_path: Path) -> None:
    backup.make(config, tmp_path / "kept.tar.gz")
    before = tree(config.state)
    with pytest.raises(BadInputError, match="which would be gone"):
        backup.restore(config, tmp_path / "kept.tar.gz")
    with pytest.raises(BadInputError, match="is there already"):
        backup.make(config, tmp_path / "kept.tar.gz")
    assert tree(config.state) == before


def test_what_is_not_whole_changes_nothing(config: Settings, tmp_path: Path) -> None:
    kept = tmp_path / "kept.tar.gz"
    backup.make(config, kept)
    whole, before = kept.read_bytes(), tree(config.state)
    damaged = {
        "cut": whole[: len(whole) // 2],
        "flipped": whole[:60_000] + bytes([whole[60_000] ^ 1]) + whole[60_001:],
        "empty": b"",
        "another file": b"PK\3\4 not ours" * 100,
    }
    for what, content in damaged.items():
        kept.write_bytes(content)
        with pytest.raises(BadInputError):
            backup.restore(config, kept, over=True)
        assert tree(config.state) == before, what
        assert not (config.state / backup.UNPACKED).exists(), what
    with pytest.raises(BadInputError, match="cannot be read"):
        backup.restore(config, tmp_path / "nowhere", over=True)


def test_of_another_place_or_other_servers_it_is_refused(
    config: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, before = tmp_path / "kept.tar.gz", tree(config.state)
    backup.make(config, kept)
    elsewhere = config.model_copy(update={"state": tmp_path / "elsewhere"})
    with pytest.raises(BadInputError, match="its models name files there") as refused:
        backup.restore(elsewhere, kept)
    assert f"set TIDEMARK_STATE={config.state}" in refused.value.what_to_do
    monkeypatch.setattr(backup, "versions", lambda: {"mongo": "8.0.0"})
    with pytest.raises(BadInputError, match=r"of other servers .*8\.0\.0"):
        backup.restore(config, kept, over=True)
    monkeypatch.setattr(archive, "LAYOUT", 2)
    with pytest.raises(BadInputError, match="has the layout 1, this version reads 2"):
        backup.restore(config, kept, over=True)
    assert tree(config.state) == before


@pytest.mark.parametrize("step", range(9))
def test_killed_anywhere_and_run_again_it_ends_the_same(
    config: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """The n-th folder that is put in its place is the last; until it is run again, nothing starts on a mixture."""
    before, kept = tree(config.state), tmp_path / "kept.tar.gz"
    backup.make(config, kept)
    spoil(config)
    left, rename = [step], Path.rename

    def killed(self: Path, target: Path) -> Path:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return rename(self, target)

    with monkeypatch.context() as once:
        once.setattr(Path, "rename", killed)
        try:
            backup.restore(config, kept, over=True)
        except KeyboardInterrupt:
            if lifecycle.unfinished_restore(config).exists():
                with pytest.raises(PlatformError, match="make restore FROM="):
                    lifecycle.start(config)
    backup.restore(config, kept, over=not lifecycle.unfinished_restore(config).exists())
    assert tree(config.state) == before
    lifecycle.require_whole(config)


def test_a_backup_that_is_killed_leaves_nothing_under_its_name(
    config: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "kept.tar.gz"
    with monkeypatch.context() as once:
        once.setattr(archive.tarfile.TarFile, "addfile", lambda *_: (_ for _ in ()).throw(OSError("No space left")))
        with pytest.raises(OSError, match="No space left"):
            backup.make(config, kept)
    assert not kept.exists()
    backup.make(config, kept)
    assert [path.name for path in tmp_path.glob("kept*")] == ["kept.tar.gz"]


def test_where_nothing_is_there_is_nothing_to_back_up(config: Settings, tmp_path: Path) -> None:
    shutil.rmtree(config.state / "mongo")
    with pytest.raises(BadInputError, match="no platform in"):
        backup.make(config, tmp_path / "kept.tar.gz")
