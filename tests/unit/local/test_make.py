"""The Makefile and the build: which Python, which commands, and that no red part hides another."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tidemark.settings import ROOT

MAKE = shutil.which("make") or "make"


def program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def make(*arguments: str, path: str) -> "subprocess.CompletedProcess[str]":
    env = {"PATH": path, "HOME": os.environ.get("HOME", "/")}
    return subprocess.run([MAKE, "-s", *arguments], cwd=ROOT, env=env, capture_output=True, text=True, check=False)


def test_make_finds_python_3_11_behind_a_python3_of_another_version(tmp_path: Path) -> None:
    program(tmp_path / "python3", "exit 1")
    done = make("setup", "--dry-run", path=f"{tmp_path}:{os.environ['PATH']}")
    assert done.returncode == 0
    found = subprocess.run(
        [MAKE, "-s", "--eval=which:;@python=$$($(FIND_PYTHON)); $$python -V", "which"],
        cwd=ROOT,
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.startswith("Python 3.11.")


def test_make_help_lists_every_target() -> None:
    text = (ROOT / "Makefile").read_text()
    targets = text.split(".PHONY:")[1].splitlines()[0].split()
    listed = make("help", path=os.environ["PATH"]).stdout
    for target in set(targets) - {"installed"}:
        assert f"\n{target} " in f"\n{listed}", target


@pytest.mark.parametrize(
    ("fails", "code"),
    [("", 0), ("--ignore", 2), ("pytest tests/e2e$", 2), ("pytest tests/unit$", 2), (".", 2)],
    ids=["none", "most", "platform", "units", "all"],
)
def test_make_test_runs_all_three_parts_and_fails_if_any_did(fails: str, code: int, tmp_path: Path) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)
    calls = tmp_path / "calls"
    red = f'echo "$*" | grep -q -e "{fails}" && exit 1' if fails else ":"
    program(tmp_path / ".venv" / "bin" / "python", f'echo "$*" >>{calls}\n{red}\nexit 0')
    done = subprocess.run([MAKE, "-s", "test", "BOOTSTRAP=true"], cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == code
    most, *others = calls.read_text().splitlines()
    assert most.startswith("-m pytest --ignore tests/unit --ignore tests/e2e --ignore tests/cluster ")
    assert sorted(others) == ["-m pytest tests/e2e", "-m pytest tests/unit"]


@pytest.mark.parametrize("fails", ["", "lint", "test", "lint test"])
def test_the_build_lints_then_tests_and_fails_if_either_did(fails: str, tmp_path: Path) -> None:
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", tmp_path / ".ci")
    program(tmp_path / "bin" / "make", f'echo "$* in $PWD"\ncase " {fails} " in *" $1 "*) exit 2;; esac')
    env = {"PATH": f"{tmp_path / 'bin'}:{os.defpath}"}
    done = subprocess.run([tmp_path / ".ci" / "run"], env=env, cwd="/", capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == [f"lint in {tmp_path}", f"test in {tmp_path}"]
    assert done.returncode == (1 if fails else 0)
