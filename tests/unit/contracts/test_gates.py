"""Gates: what passes, what fails, what only warns, and that Data Docs are there either way."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from tidemark.contracts import gates
from tidemark.errors import GateError

HEALTHY = {
    "stored": 100,
    "rejected_share": 0.0,
    "users": 10,
    "items": 10,
    "days": 30,
    "duplicate_share": 0.0,
    "empty_text_share": 0.0,
    "commonest_rating_share": 0.6,
}


def _profile(**changes: float) -> pd.DataFrame:
    return pd.DataFrame([HEALTHY | changes])


def test_a_healthy_load_passes_and_has_data_docs(tmp_path: Path) -> None:
    outcome = gates.check(_profile(), "landed_reviews", str(tmp_path / "run" / "docs"))
    assert outcome["passed"]
    assert outcome["failed"] == outcome["warnings"] == []
    assert outcome["checked"] == len(gates.suite("landed_reviews")["expectations"])
    assert "landed_reviews" in Path(outcome["docs"]).read_text()


def test_a_failed_gate_names_what_failed_and_what_was_seen(tmp_path: Path) -> None:
    with pytest.raises(GateError) as failure:
        gates.check(_profile(users=1, rejected_share=0.5), "landed_reviews", str(tmp_path / "docs"))
    message = str(failure.value)
    assert "2 of 8 expectations failed" in message
    assert "all reviews are of one user" in message
    assert "0.5" in message
    assert (tmp_path / "docs" / "index.html").is_file()


def test_a_warning_does_not_stop_the_run(tmp_path: Path) -> None:
    outcome = gates.check(_profile(days=1), "landed_reviews", str(tmp_path / "docs"))
    assert outcome["passed"]
    assert len(outcome["warnings"]) == 1
    assert "all reviews are of one day" in outcome["warnings"][0]


def test_an_expectation_that_cannot_be_checked_fails(tmp_path: Path) -> None:
    with pytest.raises(GateError, match="could not be checked"):
        gates.check(_profile().drop(columns="users"), "landed_reviews", str(tmp_path / "docs"))


def test_an_unknown_suite_is_named_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(GateError, match="landed_reviews"):
        gates.check(_profile(), "no_such_suite", str(tmp_path))


IMPORTED = """
import sys, threading
from tidemark.contracts import gates

gx = gates._great_expectations()
assert not {"pyspark", "sqlalchemy"} & set(sys.modules), "a gate needs neither"
assert gates.sys.meta_path[0].__class__.__name__ != "_NotHere", "what follows may import them"
import pyspark, sqlalchemy
from scipy import stats

assert abs(stats.norm.cdf(1.96) - 0.975) < 1e-4, "put off, not left out"
with gates._less_to_import():
    found = []
    other = threading.Thread(target=lambda: found.append(__import__("pyspark.sql")))
    other.start()
    other.join()
    assert found, "another thread finds them all the while"
"""


def test_the_import_of_the_library_leaves_out_what_gates_do_not_call_and_nobody_else_notices() -> None:
    done = subprocess.run([sys.executable, "-c", IMPORTED], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2_000:]
