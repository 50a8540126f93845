"""CONTRIBUTING.md: its examples are applied to a copy of the repository, section by section, and do what they say."""

from pathlib import Path

import pytest

from tests.support.guide import EXAMPLES, Copy, blocks, changed
from tidemark.models import recipes
from tidemark.settings import ROOT


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)


def test_add_a_setting(copy):
    copy.apply("Add a setting")
    line = "| `TIDEMARK_WINDOW_DAYS` | `0` | integer, ≥ 0 |"
    assert line in copy.reference()["settings"]
    assert "\nTIDEMARK_WINDOW_DAYS=0\n" in (copy.root / ".env.example").read_text()
    assert "passed" in copy.tests("tests/unit/deployment/test_compose.py", "-k", "variable or setting")


def test_a_setting_that_the_containers_do_not_get_is_noticed(copy):
    ((path, diff),) = [(path, text) for _, path, text in blocks("Add a setting") if path.endswith(".py")]
    (copy.root / path).write_text(changed((copy.root / path).read_text(), diff))
    copy.reference()
    argv = ("-m", "pytest", "-q", "tests/unit/deployment/test_compose.py", "-k", "variable or setting")
    assert "window_days" in copy.run(*argv, check=False).stdout


def test_add_a_contract(copy):
    copy.apply("Add a contract")
    assert "\n## stock_level\n" in copy.reference()["contracts"]
    assert "passed" in copy.tests("tests/unit/contracts", "--ignore", "tests/unit/contracts/test_gates.py")


def test_add_a_dag(copy):
    copy.apply("Add a DAG")
    dags = copy.reference()["dags"]
    assert "| [`count_interactions`](#count_interactions) | `@daily` | Count the stored interactions |" in dags
    assert "| `count` | Python | Count, and write the run's manifest; returns how many there are. |" in dags
    assert "passed" in copy.tests("tests/dags/test_tidy_up.py")


@pytest.mark.skipif(not hasattr(recipes, "RECOMMENDERS"), reason="recommenders have no interface of their own yet")
def test_add_a_recommender(copy):
    copy.apply("Add a recommender")
    assert "1 passed" in copy.tests("tests/unit/models/test_well_rated.py")
    shared = copy.tests("tests/unit/models/test_recommenders.py", "-k", "WellRated")
    assert "passed" in shared
    assert "failed" not in shared


def test_examples_are_in_the_style_of_the_house(copy):
    """All of them together: formatted, typed, and along the arrows."""
    headings = [heading for heading in EXAMPLES if heading != "Add a recommender" or hasattr(recipes, "RECOMMENDERS")]
    written = [(language, path) for heading in headings for language, path, _ in blocks(heading)]
    files = sorted({path for language, path in written if language in ("python", "diff") and path.endswith(".py")})
    for heading in headings:
        copy.apply(heading)
    copy.run("-m", "ruff", "format", "--check", *files)
    copy.run("-m", "ruff", "check", *files)
    copy.run("-m", "mypy", *files)
    copy.run("-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-logo", "--no-cache")


def test_nothing_of_it_is_in_the_repository():
    for heading in EXAMPLES:
        for language, path, _ in blocks(heading):
            assert language == "diff" or not path or not (ROOT / path).exists(), path
