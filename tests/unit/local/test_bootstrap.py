"""Set-up says in one line what is missing, and is skipped when nothing has changed."""

import os
import sys
from pathlib import Path

import pytest

from tidemark.errors import SetupError
from tidemark.local import bootstrap
from tidemark.spark import jars


def program(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


@pytest.mark.parametrize(
    ("says", "version"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('java version "1.8.0_201"', 8),
        ('openjdk version "21" 2023-09-19', 21),
        ("nonsense", None),
    ],
)
def test_the_version_of_java_is_read(
    says: str, version: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path / "bin", "java", f"echo '{says}' >&2")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    assert bootstrap.java_version() == version


def test_java_home_comes_before_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "bin", "java", "echo 'version \"99\"' >&2")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    assert bootstrap.java_version() == 99


def test_a_missing_or_old_java_is_named_with_its_cure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(SetupError, match=r"Java is not here.*apt-get install"):
        bootstrap.check_machine()
    program(tmp_path / "bin", "java", "echo 'version \"11.0.1\"' >&2")
    with pytest.raises(SetupError, match="This is Java 11; Java 17 or newer is needed"):
        bootstrap.check_machine()


def test_a_full_disk_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "NEEDED_GB", 1 << 40)
    with pytest.raises(SetupError, match=r"GB are free .* are needed"):
        bootstrap.check_disk()


def test_a_clone_that_cannot_be_written_to_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap.os, "access", lambda path, mode: path != bootstrap.ROOT)
    with pytest.raises(SetupError, match=r"cannot be written to.*TIDEMARK_STATE"):
        bootstrap.check_writable()


def test_the_stamp_of_another_place_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "STAMP", tmp_path / "stamp.json")
    assert bootstrap.read_stamp() == {}
    bootstrap.write_stamp({"root": "/elsewhere", "jars": "x"})
    assert bootstrap.read_stamp() == {}
    monkeypatch.setattr(bootstrap, "PYTHON", Path(sys.executable))
    bootstrap.write_stamp({"root": str(bootstrap.ROOT), "jars": "x"})
    assert bootstrap.read_stamp()["jars"] == "x"


def test_a_jar_that_differs_lacks_or_is_too_many_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = Path(sys.prefix) / "share" / "tidemark" / "jars"
    assert jars.wrong(installed) == []
    (tmp_path / "spark").mkdir()
    (tmp_path / "spark" / "stranger.jar").write_bytes(b"x")
    wrong = jars.wrong(tmp_path)
    assert "spark/stranger.jar" in wrong
    assert set(jars.locked()) < set(wrong)
    lock = tmp_path / "jars.lock"
    lock.write_text(f"{'0' * 64}  spark/stranger.jar\n")
    monkeypatch.setattr(jars, "LOCK", lock)
    assert jars.wrong(tmp_path) == ["spark/stranger.jar"]


def test_every_locked_jar_is_one_that_ivy_is_asked_for_or_that_those_need() -> None:
    asked = jars.IVY.read_text()
    for path in jars.locked():
        folder, name = path.split("/")
        assert folder in ("spark", "kafka")
        if folder == "spark":
            assert f'name="{name.rsplit("-", 1)[0]}"' in asked, name


@pytest.fixture
def apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with nothing but an apt-get that knows its packages only after an update; gives the record of its calls."""
    calls = tmp_path / "calls"
    program(
        tmp_path / "bin",
        "apt-get",
        f'echo "$*" >>{calls}\n'
        f'if [ "$1" = update ] || grep -q update {calls}; then exit 0; fi\n'
        "echo 'E: Unable to locate package chromium' >&2; exit 100",
    )
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(bootstrap.os, "environ", dict(os.environ) | {"PATH": f"{tmp_path / 'bin'}:/bin:/usr/bin"})
    return calls


def test_root_gets_the_programs_that_tests_drive(
    apt: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bootstrap.os, "geteuid", lambda: 0)
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: "/apt-get" if name == "apt-get" else None)
    bootstrap.install_programs()
    asked = apt.read_text().splitlines()
    assert [line.split()[0] for line in asked] == ["install", "update", "install"]
    assert asked[0].endswith("chromium docker-compose")
    assert capsys.readouterr().err == ""


def test_anybody_else_is_told_the_one_line(
    apt: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bootstrap.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: "/there" if name == "docker-compose" else None)
    bootstrap.install_programs()
    assert not apt.exists()
    said = capsys.readouterr().err.strip()
    assert said == "The tests want chromium too: sudo apt-get install --yes --no-install-recommends chromium"


def test_where_they_are_there_nothing_is_asked(apt: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: f"/usr/bin/{name}")
    bootstrap.install_programs()
    assert not apt.exists()
