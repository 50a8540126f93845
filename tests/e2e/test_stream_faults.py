"""Retrains that the lag starts, on the whole platform, while what they need is killed or away: nothing is forgotten.

`TIDEMARK_FULL=1` kills ten retrains, one after the other, and has MongoDB away for three minutes; without it one is
killed, and MongoDB is away until a task has failed of it.
"""

import contextlib
import itertools
import json
import os
import threading
import time
from typing import Any

import psutil
import pytest
from pymongo.database import Database

from tests.e2e.conftest import Platform
from tests.support.runs import ended, task_states
from tests.support.waiting import eventually
from tidemark.local import follow, processes
from tidemark.local.airflow_client import FINISHED, AirflowApi
from tidemark.local.supervision import Supervisor
from tidemark.storage import artifacts, mongo, run_folder
from tidemark.stream import progress, topics
from tidemark.stream.bookmark import Bookmark
from tidemark.stream.sending import Sender

pytestmark = pytest.mark.timeout(3_000)

FULL = os.environ.get("TIDEMARK_FULL") == "1"
RETRAIN, WATCH = "retrain_recommender", "watch_interactions"
STEPS = ("train", "publish", "snapshot", "evaluate", "move_bookmark", "decide")
JOBS = {"train", "evaluate", "publish"}
PATIENCE = 400
AWAY = 180
"""Seconds that MongoDB is away."""


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
            served = self.db[mongo.recommendations(model["_id"])].count_documents({}) if model else -1
            if model is None or served != model["users_served"]:
                self.wrong.append(f"{pointer}: {served} lists")
            self.reads += 1


class Crossing:
    """One crossing of the mark: what was there before it, the retrain that it starts, and what must hold afterwards."""

    def __init__(self, platform: Platform, api: AirflowApi) -> None:
        """Waits until the watch does."""
        self.config, self.api = platform.config, api
        self.db, self.bookmark = mongo.connect(self.config), Bookmark(self.config)
        eventually(lambda: follow.waits(api, WATCH, "lag_over_mark"), PATIENCE, "the watch does not wait", 0.5)
        eventually(self._stored, PATIENCE, "the ingest is behind", 0.5)
        self.known = {run["dag_run_id"] for run in api.runs(RETRAIN)}
        self.before = self.db.interactions.count_documents({"source": "stream"})
        self.waiting = self.bookmark.lag().total  # what shoppers did before
        self.count = self.config.retrain_mark + 50

    def _stored(self) -> bool:
        """Whether all that came before is in the database."""
        known = progress.read(self.db, self.bookmark.topic)
        return known is not None and all(known.next_offsets.get(n, 0) >= end for n, end in self.bookmark.ends().items())

    def _new(self) -> list[str]:
        return [run["dag_run_id"] for run in self.api.runs(RETRAIN) if run["dag_run_id"] not in self.known]

    def run(self) -> str:
        """The retrain that it started, as soon as there is one."""
        return eventually(self._new, PATIENCE, "no retrain started", 0.2)[0]

    def holds(self) -> None:
        """One retrain, which succeeded; its snapshot has all that was sent, and the lag fell by exactly that."""
        run_id = self.run()
        assert ended(self.api, RETRAIN, run_id) == "success", task_states(self.api, RETRAIN, run_id)
        folder = run_folder.of(self.config.artifacts_root, RETRAIN, run_id)
        snapshot = progress.Snapshot.from_document(artifacts.read_json(f"{folder}/snapshot.json")["stream"])
        assert snapshot.unlearned == self.waiting + self.count
        lag = self.bookmark.lag()
        assert {p.partition: p.committed for p in lag.partitions} == snapshot.next_offsets
        assert lag.total == 0
        assert self.db.interactions.count_documents({"source": "stream"}) == self.before + self.count
        assert self._new() == [run_id]


def victims(platform: Platform, step: str, task: dict[str, Any]) -> list[psutil.Process]:
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

    task = eventually(running, PATIENCE, f"{step} did not start")
    while task and task["state"] == "running":
        found = victims(platform, step, task)
        for process in found:
            with contextlib.suppress(psutil.Error):
                process.kill()
        if found:
            return True
        task = running()
    return False


def test_nothing_is_forgotten_whatever_step_is_killed(platform: Platform, api: AirflowApi) -> None:
    reader = Reader(mongo.connect(platform.config))
    reader.start()
    killed: dict[str, int] = {}
    for step in itertools.islice(itertools.cycle(STEPS), 10 if FULL else 1):
        crossing = Crossing(platform, api)
        seed = str(crossing.before + len(killed))
        sent = platform.tidemark("simulate", "--count", str(crossing.count), "--rate", "0", "--seed", seed)
        assert sent.returncode == 0, sent.stderr
        hit = kill_in(platform, api, crossing.run(), step)
        crossing.holds()
        tries = {task["task_id"]: task["try_number"] for task in api.tasks(RETRAIN, crossing.run())}
        assert (tries[step] > 1) == hit, (step, tries)
        killed[step] = killed.get(step, 0) + hit
    reader.stopped.set()
    reader.join(60)
    print(f"kills that met their step: {killed}; {reader.reads:,} reads of the champion, {len(reader.wrong)} wrong")
    assert sum(killed.values()) > 0
    assert reader.wrong == []


def test_a_mark_that_is_crossed_while_mongodb_is_away_is_learned_from_when_it_is_back(
    platform: Platform, api: AirflowApi
) -> None:
    crossing, supervisor = Crossing(platform, api), Supervisor(platform.config)
    taken = crossing.db.interactions.find({}, {"user_id": 1, "item_id": 1}).limit(crossing.count)
    messages = [(one["user_id"], json.dumps({k: one[k] for k in ("user_id", "item_id")}).encode()) for one in taken]
    assert len(messages) == crossing.count
    gone = time.monotonic()
    supervisor.stop_services(["mongo"])
    try:
        sender = Sender(platform.config)
        for user, message in messages:
            sender.send(user, message)
        assert sender.flush()
        run_id = crossing.run()

        def refused() -> bool:
            return task_states(api, RETRAIN, run_id).get("snapshot") in ("up_for_retry", "failed")

        eventually(refused, PATIENCE, "nobody missed MongoDB", 0.5)
        assert task_states(api, RETRAIN, run_id)["snapshot"] == "up_for_retry"
        if FULL:
            time.sleep(max(0.0, AWAY - (time.monotonic() - gone)))
    finally:
        supervisor.start_services(["mongo"])
    away = time.monotonic() - gone
    crossing.holds()
    tries = {task["task_id"]: task["try_number"] for task in api.tasks(RETRAIN, run_id)}["snapshot"]
    print(
        f"MongoDB was away for {away:.0f} s; the retrain had ended {time.monotonic() - gone - away:.0f} s later, try {tries}"
    )


def test_what_is_stored_is_all_that_came(platform: Platform) -> None:
    ends = progress.read(mongo.connect(platform.config), topics.name(topics.INTERACTIONS, platform.config))
    assert ends is not None
    assert ends.next_offsets == Bookmark(platform.config).ends()
