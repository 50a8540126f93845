"""The benchmarks are programs of their own: they can all be loaded, and need nothing of the tests."""

import os
import subprocess
import sys

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
