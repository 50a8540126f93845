"""The checks of `make lint` and of git's hook: one list, `.pre-commit-config.yaml`, of programs that the lock pins."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import distribution
from pathlib import Path

import pytest
import yaml

from tidemark.settings import ROOT

CONFIG = ROOT / ".pre-commit-config.yaml"
HOOKS = {hook["id"]: hook for repo in yaml.safe_load(CONFIG.read_text())["repos"] for hook in repo["hooks"]}
MAKEFILE = (ROOT / "Makefile").read_text()
BIN = Path(sys.executable).parent
GIT = shutil.which("git") or "git"
CHECKERS = ("ruff", "mypy", "import-linter", "pre-commit-hooks")
"""The packages that the hooks call."""


def recipe(target: str) -> list[str]:
    """The commands of a target of the Makefile."""
    body = re.search(rf"^{target}:.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
    assert body is not None, target
    return [line.strip().lstrip("@") for line in body[1].splitlines()]


def test_pre_commit_accepts_the_list():
    from pre_commit.clientlib import load_config

    assert load_config(str(CONFIG))["repos"]


def test_nothing_is_fetched_and_every_program_is_pinned():
    repos = yaml.safe_load(CONFIG.read_text())["repos"]
    assert {repo["repo"] for repo in repos} == {"local"}
    programs = {entry.name for name in CHECKERS for entry in distribution(name).entry_points} | {"ruff"}
    for hook in HOOKS.values():
        assert hook["language"] == "system", hook["id"]
        (program,) = re.findall(r"\.venv/bin/(\S+)", hook["entry"])
        assert program in programs, f"{hook['id']}: {program} is of none of {CHECKERS}"
    locked = (ROOT / "requirements-dev.lock").read_text()
    for name in (*CHECKERS, "pre-commit"):
        assert re.search(rf"^{name}==", locked, re.MULTILINE), name


def test_make_lint_runs_the_list_and_nothing_else():
    (command,) = recipe("lint")
    assert command.split(" ", 1)[1].startswith(".venv/bin/pre-commit run --all-files")
    for program in ("ruff", "mypy", "lint-imports"):
        assert not re.search(rf"^\t.*\b{program}\b", MAKEFILE, re.MULTILINE), f"the Makefile calls {program} by itself"


def test_make_hooks_lets_git_run_the_list():
    assert recipe("hooks") == [".venv/bin/pre-commit install"]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A repository with the list, the programs, and nothing else; what it is told to ignore is the environment."""
    (tmp_path / ".venv").symlink_to(BIN.parent)
    (tmp_path / ".gitignore").write_text(".venv\n.home\n")
    for name in (".pre-commit-config.yaml", "pyproject.toml"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    subprocess.run([GIT, "init", "--quiet"], cwd=tmp_path, check=True)
    return tmp_path


def check(clone: Path, hook: str) -> subprocess.CompletedProcess[str]:
    subprocess.run([GIT, "add", "--all"], cwd=clone, check=True)
    return subprocess.run(
        [sys.executable, "-m", "pre_commit", "run", hook, "--all-files"],
        cwd=clone,
        env=os.environ | {"PRE_COMMIT_HOME": str(clone / ".home")},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("hook", "name", "content"),
    [
        ("ruff", "module.py", "import os\n"),
        ("ruff-format", "module.py", "x = {  'a':1 }\n"),
        ("trailing-whitespace", "text.md", "a \n"),
        ("end-of-file", "text.md", "a"),
        ("line-endings", "text.md", "a\r\nb\n"),
        ("large-files", "data.bin", "x" * 600_000),
        ("merge-markers", "text.md", f"a\n{'<' * 7} mine\nb\n"),
        ("private-keys", "text.md", "-----BEGIN RSA " + "PRIVATE KEY-----\n"),
        ("json", "schema.json", "{,}"),
        ("toml", "file.toml", "a = \n"),
        ("yaml", "file.yaml", "a: [\n"),
    ],
)
def test_what_is_wrong_is_found(clone, hook, name, content):
    (clone / name).write_text(content, newline="")
    done = check(clone, hook)
    assert done.returncode == 1, done.stdout + done.stderr
    assert name in done.stdout or "files were modified" in done.stdout


def test_what_is_executable_says_by_what(clone):
    (clone / "run").write_text("echo\n")
    (clone / "run").chmod(0o755)
    assert check(clone, "executables").returncode == 1


def test_what_is_right_passes(clone):
    (clone / "module.py").write_text('"""A module."""\n')
    done = check(clone, "trailing-whitespace")
    assert done.returncode == 0, done.stdout + done.stderr


def test_all_python_is_checked():
    """No folder of Python that ruff or mypy passes over, and no file that they are told to forget."""
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    folders = {
        path.relative_to(ROOT).parts[0] for path in ROOT.glob("*/**/*.py") if path.parts[len(ROOT.parts)][0] != "."
    }
    assert folders <= set(tools["mypy"]["files"])
    assert not {"exclude", "extend-exclude"} & tools["ruff"].keys()
    assert "exclude" not in tools["mypy"]
    assert all(hook["types_or"][0] == "python" for hook in (HOOKS["ruff"], HOOKS["ruff-format"], HOOKS["mypy"]))
