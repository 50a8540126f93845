"""The benchmarks are programs of their own: they can all be loaded, and need nothing of the tests."""

import os
import subprocess
import sys

from benchmarks import serve_musts
from tidemark.settings import ROOT

LOAD = """
import importlib, json, sys
for name in sys.argv[1:]:
    importlib.import_module(f"benchmarks.{name}")
print(*sorted(name for name in sys.modules if name.split(".")[0] in ("tests", "pytest")))
"""


def test_they_load_without_the_tests() -> None:
    names = sorted(path.stem for path in (ROOT / "benchmarks").glob("*.py"))
    assert len(names) >= 10
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(str(ROOT / folder) for folder in ("src", "."))}
    done = subprocess.run(
        [sys.executable, "-c", LOAD, *names], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


def test_a_figure_is_held_against_what_it_must_be() -> None:
    measured = {
        "empty Flask": {"rate": 1_000.0, "p99_ms": 9.0},
        "stored": {"rate": 550.0, "p99_ms": 25.1},
        "304": {"rate": 549.0, "p99_ms": 1.0},
    }
    assert serve_musts.judged(measured) == [
        ("stored", ">= 55% of empty Flask", "met"),
        ("stored", ">= 100% of empty Flask, gunicorn gthread", "-"),
        ("stored", "p99 <= 25 ms", "missed"),
        ("stored", ">= 2,558 a second (1.5 x the peer)", "missed"),
        ("304", ">= 100% of stored", "missed"),
    ]
