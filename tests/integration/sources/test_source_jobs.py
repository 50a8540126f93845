"""The jobs of a source as Airflow submits them, killed and run again: the same end state.

`TIDEMARK_FULL=1` kills ten times, at tenths of what is stored; else twice.
"""

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.own_sources import contents, planned
from tests.support.retraining import job
from tests.support.submitting import submitted
from tidemark.storage import mongo

ROWS = 60_000
FULL = bool(os.environ.get("TIDEMARK_FULL"))
KILLS = 10 if FULL else 2

__all__ = ["submitted"]


@pytest.mark.usefixtures("source_spark", "mongo_db")
def test_killed_anywhere_and_run_again_it_ends_the_same(submitted: Any, tmp_path: Path) -> None:
    path, run = tmp_path / "ratings.csv", str(tmp_path / "run")
    rows = (f"u{n % 997},i{n % 499},{1_577_836_800 + n},{n % 10}\n" for n in range(ROWS))
    path.write_text("user,item,time,rating\n" + "".join(rows) + "u1,i 1,1577836800,3\n")
    Path(run).mkdir()
    planned(tmp_path, "interactions", path, scale="0-10").write(run)

    first = submitted("validate_source", run)
    while first.poll() is None and not list(tmp_path.glob("staged/rows/**/*.parquet*")):
        time.sleep(0.005)
    assert first.poll() is None, "it ended before it could be killed"
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    job("validate_source").main(run)
    assert json.loads(Path(run, "validate.json").read_text())["counts"]["stored"] == ROWS

    db = mongo.connect()
    for kill in range(KILLS - 1):
        driver = submitted("load_source", run)
        floor = ROWS * kill // KILLS
        while driver.poll() is None and db["interactions"].estimated_document_count() <= floor:
            time.sleep(0.005)
        assert driver.poll() is None, "the load ended before it could be killed"
        os.killpg(driver.pid, signal.SIGKILL)
        driver.wait()
        assert db["loads"].count_documents({}) == 0
    assert db["interactions"].count_documents({}) < ROWS
    assert submitted("load_source", run).wait() == 0
    after_kills = contents(db)
    assert len(after_kills["interactions"]) == len(after_kills["interaction_details"]) == ROWS
    assert len(after_kills["rejects"]) == len(after_kills["loads"]) == 1
    if FULL:
        assert submitted("load_source", run).wait() == 0
        assert contents(db) == after_kills
