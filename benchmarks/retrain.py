"""A whole retrain through Airflow: amazon_book stored as interactions, from the start of `retrain_recommender` to the new
champion live for all users, on a platform of its own with default settings.

make bench-retrain
make bench-retrain ARGS="--sizes 100000,400000,1600000"    # how the time grows, on made-up interactions
"""

import argparse
import contextlib
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from rich.console import Console
from rich.table import Table

from benchmarks import amazon_book, subjects
from tidemark.errors import UnreachableError
from tidemark.evaluation import ranking_metrics
from tidemark.local import follow, processes
from tidemark.local.airflow_client import FINISHED, AirflowApi
from tidemark.local.throwaway import own_platform
from tidemark.registry import champion
from tidemark.settings import Settings
from tidemark.storage import artifacts, mongo, run_folder

DAG = "retrain_recommender"
TARGET_SECONDS = 120
LOOK_EVERY, ASK_EVERY = 5.0, 0.5
"""Seconds between two looks at every process, which cost what they measure, and between two questions for the champion."""


class Machine:
    """What the platform's processes cost, looked at again and again: CPU by process, memory at its highest."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.first: dict[tuple[int, float], float] = {}
        self.last: dict[tuple[int, float], float] = {}
        self.peak = self.driver_peak = 0

    def look(self, *, begin: bool = False) -> None:
        """Take note; a process that starts and ends between two looks is missed."""
        memory = driver = 0
        for process in processes.of_platform(self.state):
            try:
                times, key = process.cpu_times(), (process.pid, process.create_time())
                held = process.memory_full_info().pss
                memory += held
                driver += held * any("spark_jobs/" in part for part in process.cmdline())
            except psutil.Error:
                continue
            self.last[key] = times.user + times.system
            self.first.setdefault(key, self.last[key] if begin else 0.0)
        self.peak, self.driver_peak = max(self.peak, memory), max(self.driver_peak, driver)

    def cpu_seconds(self) -> float:
        """Since the look that began."""
        return sum(seconds - self.first[key] for key, seconds in self.last.items())


def fill(config: Settings, rows: list[tuple[str, str]]) -> None:
    """Store the pairs as interactions, as a load of reviews would have."""
    db = mongo.connect(config)
    mongo.ensure(db, "interactions")
    when = datetime(2020, 1, 1, tzinfo=UTC)
    for start in range(0, len(rows), 5_000):
        documents = [
            {
                "_id": f"review:{user}:{item}:{int(when.timestamp())}",
                "user_id": user,
                "item_id": item,
                "rating": None,
                "weight": 1.0,
                "timestamp": when,
                "source": "review",
            }
            for user, item in rows[start : start + 5_000]
        ]
        db["interactions"].insert_many(documents, ordered=False)


def made_up(n: int, seed: int = 0) -> list[tuple[str, str]]:
    """Pairs of `n / 20` users and `n / 100` items, long-tailed, in 40 tastes."""
    rng = np.random.default_rng(seed)
    n_users, n_items, tastes = n // 20, n // 100, 40
    users = (rng.random(2 * n) ** 1.5 * n_users).astype(np.int64)
    ranks = (rng.random(2 * n) ** 3 * (n_items // tastes)).astype(np.int64)
    own = rng.random(2 * n) < 0.7
    items = ranks * tastes + np.where(own, users % tastes, rng.integers(0, tastes, 2 * n))
    pairs = np.unique(users * n_items + items)
    kept = rng.permutation(pairs)[:n]
    return [(f"u{pair // n_items:07}", f"i{pair % n_items:06}") for pair in kept.tolist()]


def retrain(config: Settings, conf: dict[str, Any]) -> dict[str, Any]:
    """Trigger the DAG with `conf` and watch it to its end."""
    db, machine = mongo.connect(config), Machine(config.state)
    with AirflowApi(config) as api:
        follow.await_dag(api, DAG)
        machine.look(begin=True)
        started, before = time.monotonic(), champion.pointer(db)
        run_id, live = api.trigger(DAG, conf), 0.0
        state, next_look = "queued", started
        while state not in FINISHED:
            if not live and champion.pointer(db) != before:
                live = time.monotonic() - started
            if time.monotonic() >= next_look:
                machine.look()
                next_look = time.monotonic() + LOOK_EVERY
            with contextlib.suppress(UnreachableError):  # a busy machine may let one question wait too long
                state = api.run(DAG, run_id)["state"]
            time.sleep(ASK_EVERY)
        done = time.monotonic() - started
        tasks = api.tasks(DAG, run_id)
    if state != "success":
        raise SystemExit(f"the run ended as {state}: {[(t['task_id'], t['state']) for t in tasks]}")
    lasted = {t["task_id"]: round(t["duration"] or 0, 1) for t in tasks}
    return {
        "seconds_to_live": live or done,
        "seconds_to_report": done,
        "cpu_seconds": machine.cpu_seconds(),
        "driver_peak_gb": machine.driver_peak / 2**30,
        "platform_peak_gb": machine.peak / 2**30,
        "tasks": lasted,
    } | phases_of(run_folder.of(config.artifacts_root, DAG, run_id))


def phases_of(run: str) -> dict[str, dict[str, float]]:
    """Where the seconds of the jobs before the pointer moves went."""
    jobs = (run_folder.TRAIN, run_folder.EVALUATE, run_folder.PUBLISH)
    kept = {name: artifacts.read_json(f"{run}/{name}")["phases"] for name in jobs}
    return {f"phases of {name}": {one["phase"]: one["seconds"] for one in phases} for name, phases in kept.items()}


def quality(config: Settings, folder: Path) -> dict[str, Any]:
    """What is stored for the users, against amazon_book's own test split."""
    db = mongo.connect(config)
    model = champion.live(db)
    assert model
    pairs = amazon_book.train(folder)
    test = amazon_book.truth(folder, pairs)
    users = ranking_metrics.measurable_users(pairs, test)
    place = {user: row for row, user in enumerate(pairs.users[users].tolist())}
    lists = np.full((len(users), 20), -1, np.int32)
    for document in db[mongo.recommendations(model["_id"])].find():
        if (row := place.get(document["_id"])) is not None:
            names = [item["item_id"] for item in document["items"]]
            lists[row, : len(names)] = np.searchsorted(pairs.items, names)
    kept = {name: model[name] for name in ("users_served", "params")}
    return kept | amazon_book.figures(lists, users, test)


def slope(config: Settings, sizes: list[int]) -> dict[str, Any]:
    """Seconds to live at each size, one after the other, and how they grow: 1 is linear, 0 is not at all."""
    db, taken = mongo.connect(config), {}
    for size in sizes:
        db.drop_collection("interactions")
        fill(config, made_up(size))
        asked = {"window": size, "promote": "always", "force": True}
        taken[size] = {"pairs": db["interactions"].count_documents({}), **retrain(config, asked)}
    told = {f"{size:,}: {name}": figure for size, each in taken.items() for name, figure in each.items()}
    if len(sizes) < 2:
        return told
    first, last = taken[sizes[0]], taken[sizes[-1]]
    growth = np.log(last["seconds_to_live"] / first["seconds_to_live"]) / np.log(last["pairs"] / first["pairs"])
    more = (last["seconds_to_live"] - first["seconds_to_live"]) / (last["pairs"] - first["pairs"])
    return told | {
        "exponent (log seconds / log pairs)": float(growth),
        "seconds for each further 100,000": float(more * 100_000),
    }


def main() -> None:
    """Measure, print, save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=amazon_book.DATA, help="folder of amazon_book")
    parser.add_argument("--sizes", help="numbers of made-up interactions, separated by commas, in place of amazon_book")
    arguments = parser.parse_args()
    with own_platform("--no-job") as config:
        if arguments.sizes:
            figures = slope(config, [int(size) for size in arguments.sizes.split(",")])
        else:
            fill(config, amazon_book.rows(arguments.data, "train"))
            figures = retrain(config, {}) | quality(config, arguments.data)
    what = (
        "whole retrains by size"
        if arguments.sizes
        else f"a whole retrain of amazon_book (target: {TARGET_SECONDS} s to live)"
    )
    table = Table("figure", "value", title=what)
    for name, value in figures.items():
        table.add_row(name, f"{value:.4g}" if isinstance(value, float) else str(value))
    Console(width=120).print(table)
    subjects.save("retrain_slope" if arguments.sizes else "retrain", figures)


if __name__ == "__main__":
    main()
