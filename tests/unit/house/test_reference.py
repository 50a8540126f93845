"""docs/reference says what the code says: made anew, it is the same, whatever the environment of whoever makes it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tidemark import dag_ids
from tidemark.local import dotenv
from tidemark.settings import ROOT, Settings

REFERENCE = ROOT / "docs" / "reference"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages, made anew from the code by somebody who has settings of their own."""
    folder = tmp_path_factory.mktemp("reference")
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    env = os.environ | {"TIDEMARK_WINDOW": "5", "TIDEMARK_ENGINE": "spark", "PYTHONPATH": path}
    argv = [sys.executable, str(ROOT / "docs" / "generate.py"), "--into", str(folder)]
    subprocess.run(argv, env=env, cwd=folder, check=True)
    return folder


def test_every_page_is_as_the_code_says(made):
    assert {page.name for page in made.iterdir()} == {page.name for page in REFERENCE.glob("*.md")}
    for page in sorted(made.iterdir()):
        assert (REFERENCE / page.name).read_text() == page.read_text(), f"docs/reference/{page.name}: run make docs"


def test_nothing_is_left_out():
    dags, settings, contracts, packages = (
        (REFERENCE / f"{name}.md").read_text() for name in ("dags", "settings", "contracts", "packages")
    )
    for name in dag_ids.ALL:
        assert f"\n## {name}\n" in dags
    for name in Settings.model_fields:
        assert f"| `{dotenv.variable(name)}` |" in settings
    for path in (ROOT / "include" / "schemas").glob("*.json"):
        assert f"\n## {path.stem}\n" in contracts
    for path in (ROOT / "include" / "expectations").glob("*.json"):
        assert f"\n## gate {path.stem}\n" in contracts
    for path in (ROOT / "src" / "tidemark").rglob("*.py"):
        if not path.stem.startswith("__"):
            assert f"/{path.relative_to(ROOT / 'src')})" in packages or f"\n## {path.name}\n" in packages, path


def test_no_secret_and_no_path_of_a_machine_is_told():
    for page in REFERENCE.iterdir():
        assert str(ROOT) not in page.read_text()
        assert str(Path.home()) + "/" not in page.read_text()
