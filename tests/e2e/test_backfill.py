"""A backfill by Airflow of 14 days of interactions, two of them killed half-way, one with a bad file: it equals one load of all.

With `TIDEMARK_FULL=1` only: a platform of its own and a quarter of an hour. Every run does the same in this process, with fewer days
(tests/integration/sources/test_load_by_day.py).
"""

import contextlib
import os
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.e2e.conftest import Platform
from tests.support.runs import task_states
from tests.support.waiting import eventually
from tidemark.dag_ids import LOAD_INTERACTIONS as LOAD
from tidemark.dag_ids import RETRAIN_RECOMMENDER as RETRAIN
from tidemark.interactions import keys
from tidemark.local import processes
from tidemark.local.airflow_client import FINISHED, AirflowApi
from tidemark.storage import mongo

pytestmark = [
    pytest.mark.skipif(os.environ.get("TIDEMARK_FULL") != "1", reason="takes a quarter of an hour: TIDEMARK_FULL=1"),
    pytest.mark.timeout(3_000),
]

DAYS, KILLED = 14, 2
START = datetime(2026, 1, 1, tzinfo=UTC)
PATIENCE = 2_400
ROWS = 300


@pytest.fixture
def exports(tmp_path: Path) -> Path:
    """A file for each day, `<day>.csv`; that of the fifth day is none."""
    rng, folder = random.Random(5), tmp_path / "exports"
    folder.mkdir()
    for number in range(DAYS):
        day = START + timedelta(days=number)
        rows = [
            f"u{rng.randrange(60)},i{rng.randrange(40)},{(day + timedelta(minutes=n)).isoformat()},view"
            for n in range(ROWS)
        ]
        text = "\n".join(["user,item,time,event", *rows, ""]) if number != 4 else "just words\nand more\n"
        (folder / f"{day:%Y-%m-%d}.csv").write_text(text)
    return folder


@pytest.fixture
def own(tmp_path: Path, exports: Path) -> Iterator[Platform]:
    """A platform that loads these by day."""
    made = Platform(tmp_path / "own", load_schedule="@daily", load_source=f"{exports}/{{ds}}.csv")
    try:
        started = made.tidemark("run", "--no-job")
        assert started.returncode == 0, started.stdout[-3_000:] + started.stderr[-3_000:]
        yield made
    finally:
        made.end()


def expected(exports: Path) -> set[str]:
    """The keys of one load of all files that can be read."""
    found = set()
    for path in exports.iterdir():
        for line in path.read_text().splitlines()[1:]:
            if line.count(",") == 3:
                user, item, time, event = line.split(",")
                seconds = int(datetime.fromisoformat(time).timestamp())
                found.add(keys.of_file("exports", user, item, seconds, event))
    return found


def kill_a_load(state: Path) -> bool:
    """kill -9 of whatever works at the storing of a load; False where nothing does."""
    victims = [one for one in processes.of_platform(state) if "load_source.py" in " ".join(_line(one))]
    for one in victims:
        with contextlib.suppress(psutil.Error):
            one.kill()
    return bool(victims)


def _line(process: psutil.Process) -> list[str]:
    with contextlib.suppress(psutil.Error):
        return process.cmdline()
    return []


def test_fourteen_days_two_of_them_killed_and_one_bad(own: Platform, exports: Path) -> None:
    with AirflowApi(own.config) as api:
        asked: dict[str, Any] = {
            "dag_id": LOAD,
            "from_date": START.isoformat(),
            "to_date": (START + timedelta(days=DAYS - 1)).isoformat(),
            "max_active_runs": 2,
            "reprocess_behavior": "none",
            "run_backwards": False,
            "dag_run_conf": {},
        }
        api.backfill(asked)
        killed = 0

        def over() -> list[dict[str, Any]]:
            nonlocal killed
            if killed < KILLED and kill_a_load(own.watch.state):
                killed += 1
            runs = [run for run in api.runs(LOAD) if run["run_type"] == "backfill"]
            return runs if len(runs) == DAYS and all(run["state"] in FINISHED for run in runs) else []

        runs = eventually(over, PATIENCE, lambda: str([run["state"] for run in api.runs(LOAD)]), 0.5)
        assert killed == KILLED
        states = {run["logical_date"][:10]: run["state"] for run in runs}
        assert [day for day, state in states.items() if state == "failed"] == ["2026-01-05"]

        db = mongo.connect(own.config)
        assert {one["_id"] for one in db["interactions"].find({}, {"_id": 1})} == expected(exports)
        assert db["loads"].count_documents({"name": "exports"}) == DAYS - 1
        assert {one["until"][:10] for one in db["loads"].find()} == {
            f"{START + timedelta(days=n + 1):%Y-%m-%d}" for n in range(DAYS) if n != 4
        }
        trained = eventually(lambda: trainings(api), PATIENCE, "no training", 1)
        assert len(trained) == 1, "one training after the whole backfill"


def trainings(api: AirflowApi) -> list[str]:
    """The retrains that trained, once all have ended; the others skip themselves while loads are at work."""
    runs = api.runs(RETRAIN, limit=100)
    if not all(run["state"] in FINISHED for run in runs):
        return []
    run_ids = [str(run["dag_run_id"]) for run in runs]
    return [run_id for run_id in run_ids if task_states(api, RETRAIN, run_id)["snapshot"] == "success"]
