"""The house: which package may import which, and where a name may stand twice.

The table of arrows is `[tool.importlinter]` in pyproject.toml; imports inside functions and below TYPE_CHECKING count.
"""

import ast
import os
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from tidemark.settings import ROOT

LINT_IMPORTS = (sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()")

TWICE = {
    "evaluate": "the job of the task that the library's module is",
    "publish": "the job of the task that the library's module is",
    "train": "the job of the task that the library's module is; its benchmark",
    "load": "its benchmark",
    "experiments": "the rules of A/B tests, and their commands",
    "stream": "the commands of the stream; its benchmark",
    "servers": "where the benchmarks start the servers that `local` runs",
    "explore_reviews": "a DAG, and its one job",
    "featurize_products": "a DAG, and its one job",
    "load_reviews": "a DAG, and its job",
    "mongo": "the client of a database, and the server on one machine",
    "reviews": "how reviews are made clean, and how they are drawn",
}
"""Names that two files have, and what they need that for."""


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*LINT_IMPORTS, "--no-logo", "--no-cache"],
        cwd=root,
        env={
            **os.environ,
            "COLUMNS": "200",
            "PYTHONPATH": os.pathsep.join([str(root / "src"), os.environ.get("PYTHONPATH", "")]),
        },
        capture_output=True,
        text=True,
        check=False,
    )


def imports(path: Path) -> set[str]:
    """Every module that a file imports, wherever in it."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return names | {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}


def test_arrows_between_packages_run_one_way():
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("module", "code", "broken"),
    [
        ("registry/figures", "def f():\n    from tidemark.console import pages", "Arrows between packages"),
        ("registry/figures", "if TYPE_CHECKING:\n    from tidemark.cli import main", "Arrows between packages"),
        ("registry/figures", "import tidemark.stream.watch", "Arrows between packages"),
        ("text", "from tidemark.storage import run_folder", "Arrows between packages"),
        ("stream/topics", "def f():\n    from tidemark.stream import ingest", "No module is part of a circle"),
        ("settings", "def f():\n    from airflow.sdk import Asset", "The library knows neither Airflow"),
        ("evaluation/splits", "from pymongo import MongoClient", "Rules and maths"),
        ("unheard/of", "", "every child of every container"),
    ],
)
def test_an_import_that_goes_back_is_found(tmp_path, module, code, broken):
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    path = tmp_path / "src" / "tidemark" / f"{module}.py"
    if not path.parent.exists():
        path.parent.mkdir()
        (path.parent / "__init__.py").touch()
    with path.open("a") as file:
        file.write(f"\n\nfrom typing import TYPE_CHECKING\n{code}\n")
    done = lint_imports(tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert broken in done.stdout


def test_no_two_modules_share_a_name_without_need():
    where = defaultdict(list)
    for folder in ("src", "dags", "plugins", "spark_jobs", "benchmarks"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if path.stem not in ("__init__", "__main__"):
                where[path.stem].append(str(path.relative_to(ROOT)))
    doubles = {name: paths for name, paths in where.items() if len(paths) > 1}
    assert set(doubles) <= set(TWICE), {name: doubles[name] for name in doubles.keys() - TWICE.keys()}
    assert set(TWICE) <= set(doubles), f"no longer twice, so no longer to be excused: {TWICE.keys() - doubles.keys()}"


@pytest.mark.parametrize("folder", ["src", "dags", "plugins", "spark_jobs", "benchmarks"])
def test_nothing_leans_on_the_tests(folder):
    for path in sorted((ROOT / folder).rglob("*.py")):
        leaning = {name for name in imports(path) if name.split(".")[0] in ("tests", "conftest")}
        assert not leaning, f"{path.relative_to(ROOT)} imports {leaning}"
