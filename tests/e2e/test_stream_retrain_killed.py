"""A retrain that the lag started, killed (kill -9) in each of its steps, on the whole platform: Airflow runs it again.

`TIDEMARK_FULL=1` kills ten retrains, one after the other; without it one.
"""

import contextlib
import itertools
import os
import threading
import time
from collections.abc import Callable
from typing import Any

import psutil
import pytest
from pymongo.database import Database

from tests.e2e.conftest import Platform
from tidemark import artifacts, progress, store, topics
from tidemark.lag import Bookmark
from tidemark.local import processes
from tidemark.local.airflow_api import FINISHED, AirflowApi

pytestmark = pytest.mark.timeout(3_000)

RETRAIN, WATCH = "retrain_recommender", "watch_interactions"
STEPS = ("train", "publish", "snapshot", "evaluate", "move_bookmark", "decide")
JOBS = {"train", "evaluate", "publish"}
PATIENCE = 400


def await_that(condition: Callable[[], Any], what: str, patience: float = PATIENCE) -> Any:
    deadline = time.monotonic() + patience
    while not (found := condition()):
        assert time.monotonic() < deadline, what
        time.sleep(0.05)
    return found


class Reader(threading.Thread):
    """Reads as a shop does, the pointer and then that model; `wrong` holds what no reader may ever meet."""

    def __init__(self, db: Database[dict[str, Any]]) -> None:
        super().__init__(daemon=True)
        self.db, self.stopped, self.reads = db, threading.Event(), 0
        self.wrong: list[str] = []

    def run(self) -> None:
        while not self.stopped.wait(0.05):
            pointer = self.db.pointers.find_one({"_id": "champion"})
            model = self.db.models.find_one({"_id": pointer["model_id"]}) if pointer else None
            served = self.db[store.recommendations(model["_id"])].count_documents({}) if model else -1
            if model is None or served != model["users_served"]:
                self.wrong.append(f"{pointer}: {served} lists")
            self.reads += 1


def victim(platform: Platform, step: str, task: dict[str, Any]) -> list[psutil.Process]:
    """The processes to kill: of a Spark step its JVM and Python, of another the process of the task."""
    if step in JOBS:
        job = f"spark_jobs/{step}.py"
        return [p for p in processes.of_platform(platform.config.state) if any(job in part for part in _line(p))]
    with contextlib.suppress(psutil.Error):
        return [psutil.Process(task["pid"])] if task.get("pid") else []
    return []


def _line(process: psutil.Process) -> list[str]:
    with contextlib.suppress(psutil.Error):
        return process.cmdline()
    return []


def kill_in(platform: Platform, api: AirflowApi, run_id: str, step: str) -> bool:
    """kill -9 in the step `step` of a run; False where it was over before it could be met."""

    def running() -> dict[str, Any] | None:
        tasks = {task["task_id"]: task for task in api.tasks(RETRAIN, run_id)}
        return tasks[step] if step in tasks and tasks[step]["state"] in ("running", "skipped", *FINISHED) else None

    task = await_that(running, f"{step} did not start")
    while task["state"] == "running":
        found = victim(platform, step, task)
        for process in found:
            with contextlib.suppress(psutil.Error):
                process.kill()
        if found:
            return True
        task = running() or task
    return False


def test_nothing_is_forgotten_whatever_step_is_killed(platform: Platform) -> None:
    full = os.environ.get("TIDEMARK_FULL") == "1"
    config = platform.config
    db, bookmark = store.connect(config), Bookmark(config)
    topic = topics.name(topics.INTERACTIONS, config)
    reader = Reader(db)
    reader.start()
    killed: dict[str, int] = {}
    with AirflowApi(config) as api:
        for step in itertools.islice(itertools.cycle(STEPS), 10 if full else 1):
            await_that(lambda: _waits(api), "the watch does not wait")
            known = {run["dag_run_id"] for run in api.runs(RETRAIN)}
            before = db.interactions.count_documents({"source": "stream"})
            count = config.retrain_mark + 50
            sent = platform.tidemark(
                "simulate", "--count", str(count), "--rate", "0", "--seed", str(len(killed) + before)
            )
            assert sent.returncode == 0, sent.stderr
            (run,) = await_that(
                lambda known=known: [r for r in api.runs(RETRAIN) if r["dag_run_id"] not in known], "no retrain started"
            )
            hit = kill_in(platform, api, run["dag_run_id"], step)
            killed[step] = killed.get(step, 0) + hit
            state = await_that(
                lambda run=run: next(
                    (s for s in [api.run(RETRAIN, run["dag_run_id"])["state"]] if s in FINISHED), None
                ),
                f"the retrain killed in {step} does not end",
            )
            assert state == "success", f"killed in {step}"
            tries = {t["task_id"]: t["try_number"] for t in api.tasks(RETRAIN, run["dag_run_id"])}
            assert (tries[step] > 1) == hit, (step, tries)
            folder = artifacts.run_folder(config.artifacts_root, RETRAIN, run["dag_run_id"])
            snapshot = progress.Snapshot.from_dict(artifacts.read_json(f"{folder}/snapshot.json")["stream"])
            assert snapshot.unlearned == count
            lag = bookmark.lag()
            assert {p.partition: p.committed for p in lag.partitions} == snapshot.next_offsets
            assert lag.total == 0
            assert db.interactions.count_documents({"source": "stream"}) == before + count
            assert len([r for r in api.runs(RETRAIN) if r["dag_run_id"] not in known]) == 1
    reader.stopped.set()
    reader.join(60)
    print(f"kills that met their step: {killed}; {reader.reads:,} reads of the champion, {len(reader.wrong)} wrong")
    assert sum(killed.values()) > 0
    assert reader.wrong == []
    ends = progress.read(db, topic)
    assert ends is not None
    assert ends.next_offsets == bookmark.ends()


def _waits(api: AirflowApi) -> bool:
    newest = api.runs(WATCH, 1)
    tasks = api.tasks(WATCH, newest[0]["dag_run_id"]) if newest else []
    return any(task["task_id"] == "lag_over_mark" and task["state"] == "deferred" for task in tasks)
