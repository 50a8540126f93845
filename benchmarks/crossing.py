"""From the mark that is crossed to the training and to the new champion, again and again, on a platform of its own that
holds the built-in data and is as `make run` leaves it."""

from datetime import UTC, datetime
from operator import not_

import numpy as np
import psutil
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from tidemark.local import follow, processes
from tidemark.local.airflow_client import FINISHED, AirflowApi
from tidemark.local.supervision import Supervisor
from tidemark.local.throwaway import own_platform
from tidemark.local.tide_demo import RETRAIN, WATCH, send_past_the_mark
from tidemark.registry import champion
from tidemark.settings import Settings
from tidemark.storage import mongo
from tidemark.stream.bookmark import Bookmark

PATIENCE = 600
"""Seconds in which what must come about has."""

until = Retrying(stop=stop_after_delay(PATIENCE), wait=wait_fixed(1), retry=retry_if_result(not_))
"""Asks once a second whether something has come about: more often would cost what is measured."""


def measure(crossings: int) -> dict[str, float]:
    """Cross the mark so often; seconds to the DAG run, to the first line of `train`, and to the pointer that has moved.

    And the memory that each service holds afterwards, by proportional set size.
    """
    with own_platform("--whole") as config, AirflowApi(config) as api:
        taken = [_cross(config, api, seed) for seed in range(crossings)]
        held = {s.name: processes.memory(psutil.Process(s.pid)) / 2**20 for s in Supervisor(config).services() if s.pid}
    training, live = [one["training"] for one in taken], [one["live"] for one in taken if "live" in one]
    figures = {
        "crossing to DAG run, p50 s": float(np.quantile([one["run"] for one in taken], 0.5)),
        "crossing to training, p50 s": float(np.quantile(training, 0.5)),
        "crossing to training, p95 s": float(np.quantile(training, 0.95)),
        "crossings": len(taken),
        "of which went live": len(live),
    }
    if live:
        figures |= {"crossing to live, p50 s": float(np.quantile(live, 0.5)), "crossing to live, most s": max(live)}
    return figures | {f"memory of {name}, MB": most for name, most in held.items()}


def _cross(config: Settings, api: AirflowApi, seed: int) -> dict[str, float]:
    """Once the watch waits: cross, and follow the retrain to its end."""
    db, bookmark = mongo.connect(config), Bookmark(config)
    until(follow.waits, api, WATCH, "lag_over_mark")
    known = follow.run_ids(api, RETRAIN)
    crossed = datetime.fromtimestamp(send_past_the_mark(config, db, bookmark, seed, rate=0), UTC)
    run_id = follow.next_run(api, RETRAIN, known, PATIENCE)
    if run_id is None:
        raise SystemExit("no retrain started")
    until(lambda: api.run(RETRAIN, run_id)["state"] in FINISHED)
    run, tasks = api.run(RETRAIN, run_id), {task["task_id"]: task for task in api.tasks(RETRAIN, run_id)}
    if run["state"] != "success":
        raise SystemExit(f"the retrain failed: { {name: task['state'] for name, task in tasks.items()} }")
    at = {"run": run["start_date"], "training": tasks["train"]["start_date"]}
    took = {name: (datetime.fromisoformat(when) - crossed).total_seconds() for name, when in at.items()}
    pointer = champion.pointer(db)
    if pointer and pointer["moved_at"] > crossed:
        took["live"] = (pointer["moved_at"] - crossed).total_seconds()
    return took
