"""A window beyond one machine, as it grows: made-up interactions in MongoDB, then `train`, `evaluate` and `publish` as Airflow submits
them, on a standalone Spark master with two workers of this machine and a driver of 1 GB.

python -m benchmarks.window --pairs 1000000,5000000
python -m benchmarks.window --pairs 100000 --kill     # an executor is killed in every job

Of `n` pairs there are `n / 4` users and `n / 40` items. Memory is the highest resident set of a kind of process, of all of the kind
together, looked at every second; shuffle is what tasks wrote for others, by Spark's event log.
"""

import argparse
import json
import os
import re
import shlex
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from pymongo.write_concern import WriteConcern
from rich.console import Console
from rich.table import Table

from benchmarks import servers, subjects
from tidemark.local.ports import free_port
from tidemark.registry import champion
from tidemark.retraining import decide, snapshot
from tidemark.settings import ROOT, settings
from tidemark.spark import session
from tidemark.storage import artifacts, mongo, run_folder

JOBS = {"train": run_folder.TRAIN, "evaluate": run_folder.EVALUATE, "publish": run_folder.PUBLISH}
A_USER, AN_ITEM = 4, 40
DRIVER_MEMORY, EXECUTOR_MEMORY = "1g", "2g"
BATCH = 10_000


def fill(n: int) -> int:
    """Store `n` interactions, or nearly: users with geometric counts, items by a power law, times at random. Gives how many."""
    db = mongo.connect()
    db.drop_collection("interactions")
    mongo.ensure(db, "interactions")
    fast = db["interactions"].with_options(write_concern=WriteConcern(w=1))
    rng = np.random.default_rng(5)
    n_users, n_items = n // A_USER, n // AN_ITEM
    user = np.repeat(np.arange(n_users), rng.geometric(1 / A_USER, n_users))
    # Everybody has a taste: most of what they take is of it, popular things more often.
    rank = np.minimum(rng.pareto(0.7, len(user)) * n_items / 400, n_items / 20 - 1).astype(np.int64)
    taste = np.where(rng.random(len(user)) < 0.8, user % 20, rng.integers(0, 20, len(user)))
    pairs = np.unique(user * n_items + rank * 20 + taste)
    seconds = rng.integers(0, 10**8, len(pairs))
    start = datetime(2020, 1, 1, tzinfo=UTC)

    def insert(at: int) -> None:
        some = zip(pairs[at : at + BATCH].tolist(), seconds[at : at + BATCH].tolist(), strict=True)
        documents = []
        for pair, second in some:
            own, item = f"U{pair // n_items:011}", f"I{pair % n_items:08}"
            documents.append(
                {"_id": f"review:{own}:{item}:0", "user_id": own, "item_id": item, "rating": None, "weight": 1.0,
                 "timestamp": start + timedelta(seconds=second), "source": "review"}
            )  # fmt: skip
        fast.insert_many(documents, ordered=False, bypass_document_validation=True)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(insert, range(0, len(pairs), BATCH)))
    return len(pairs)


@contextmanager
def cluster(folder: Path) -> Iterator[str]:
    """A standalone master and two workers of a core each; gives the master's address."""
    port, started = free_port(), []
    spark_class = Path(sys.executable).with_name("spark-class")
    environment = os.environ | {"SPARK_WORKER_DIR": str(folder / "work"), "SPARK_LOG_DIR": str(folder),
                                "SPARK_DAEMON_MEMORY": "256m", "SPARK_LOCAL_DIRS": str(folder / "local"),
                                "PATH": f"{spark_class.parent}{os.pathsep}{os.environ['PATH']}"}  # fmt: skip
    parts = [["org.apache.spark.deploy.master.Master", "--host", "127.0.0.1", "--port", str(port), "--webui-port", "0"]]
    worker = ["org.apache.spark.deploy.worker.Worker", "--host", "127.0.0.1", "--cores", "1", "--memory", EXECUTOR_MEMORY,
              "--webui-port", "0", f"spark://127.0.0.1:{port}"]  # fmt: skip
    parts += [worker, worker]
    try:
        for number, part in enumerate(parts):
            with (folder / f"spark-{number}.log").open("wb") as log:
                started.append(subprocess.Popen([str(spark_class), *part], env=environment, stdout=log, stderr=log))
            time.sleep(8 if number == 0 else 1)
        yield f"spark://127.0.0.1:{port}"
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait()


class Watch:
    """The highest resident memory of each kind of process of a job, and one executor that is killed, where that is wanted."""

    def __init__(self, driver: int, kill_after: float | None) -> None:
        self.driver, self.kill_after, self.began = driver, kill_after, time.monotonic()
        self.peaks: dict[str, float] = defaultdict(float)
        self.killed = 0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._go, daemon=True)
        self.thread.start()

    def _go(self) -> None:
        while not self.over.wait(1):
            held: dict[str, float] = defaultdict(float)
            executors = []
            for process in psutil.Process().children(recursive=True):
                try:
                    kind = self._kind(process)
                    if kind:
                        held[kind] += process.memory_info().rss / 2**20
                    if kind == "executors' JVM":
                        executors.append(process)
                except psutil.Error:
                    continue
            for kind, megabytes in held.items():
                self.peaks[kind] = max(self.peaks[kind], megabytes)
            late = self.kill_after is not None and time.monotonic() - self.began > self.kill_after
            if late and executors and not self.killed:
                executors[0].kill()
                self.killed += 1

    def _kind(self, process: psutil.Process) -> str:
        line = " ".join(process.cmdline())
        if "CoarseGrainedExecutorBackend" in line:
            return "executors' JVM"
        if "pyspark.daemon" in line or "pyspark/daemon" in line:
            return "executors' Python"
        if process.pid == self.driver:
            return "driver's JVM"
        return "driver's Python" if "spark_jobs/" in line and "java" not in line else ""


def submit(job: str, run: str, master: str, folder: Path, kill_after: float | None) -> dict[str, Any]:
    """One job, as Airflow submits it; its seconds, memory and shuffle."""
    events = folder / "events" / f"{job}-{time.time_ns()}"
    events.mkdir(parents=True)
    own = {
        "spark.executor.memory": "1200m", "spark.executor.cores": "1", "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1", "spark.eventLog.enabled": "true", "spark.eventLog.dir": events.as_uri(),
        "spark.eventLog.compress": "false", "spark.eventLog.rolling.enabled": "false",
        "spark.executorEnv.PYTHONPATH": str(ROOT / "src"), "spark.pyspark.python": sys.executable,
        "spark.pyspark.driver.python": sys.executable,
    }  # fmt: skip
    conf = [part for key, value in (session.submit_conf() | own).items() for part in ("--conf", f"{key}={value}")]
    command = [
        str(Path(sys.executable).with_name("spark-submit")),
        "--master",
        master,
        "--driver-memory",
        DRIVER_MEMORY,
    ]
    command += [*conf, str(ROOT / "spark_jobs" / f"{job}.py"), "--run", run]
    log, began, cpu = folder / f"{job}.log", time.monotonic(), _cpu()
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out)
        watch = Watch(process.pid, kill_after)
        code = process.wait()
    watch.over.set()
    watch.thread.join()
    if code:
        raise SystemExit(f"{job} ended with {code}: {shlex.join(command)}\n{log.read_text()[-4_000:]}")
    phases = artifacts.read_json(f"{run}/{JOBS[job]}")["phases"]
    return {
        "seconds": time.monotonic() - began,
        "cpu_seconds": _cpu() - cpu,
        "memory_mb": {kind: round(megabytes) for kind, megabytes in watch.peaks.items()},
        "shuffle_mb": _shuffled(events) / 2**20,
        "executors_killed": watch.killed,
        "executors_lost": len(re.findall(r"Lost executor", log.read_text())),
        "phases": {one["phase"]: one["seconds"] for one in phases},
    }


def _cpu() -> float:
    """CPU of all processes of the benchmark but MongoDB, dead ones included as far as they were waited for."""
    own = os.times()
    alive = 0.0
    for process in psutil.Process().children(recursive=True):
        try:
            if "mongod" not in process.name():
                times = process.cpu_times()
                alive += times.user + times.system + times.children_user + times.children_system
        except psutil.Error:
            continue
    return own.user + own.system + own.children_user + own.children_system + alive


def _shuffled(events: Path) -> int:
    """Bytes that tasks wrote for others."""
    total = 0
    for path in (path for path in events.rglob("*") if path.is_file()):
        for line in path.open():
            if line.startswith('{"Event":"SparkListenerTaskEnd"'):
                metrics = json.loads(line).get("Task Metrics") or {}
                total += (metrics.get("Shuffle Write Metrics") or {}).get("Shuffle Bytes Written", 0)
    return total


def one(n: int, master: str, folder: Path, asked: dict[str, Any], *, kill: bool) -> dict[str, Any]:
    """Train, evaluate and publish `n` pairs."""
    began = time.monotonic()
    stored = fill(n)
    filled = time.monotonic() - began
    db, run = mongo.connect(), f"{settings().artifacts_root}/window/{n}"
    assert (
        snapshot.begin(db, run, snapshot.model_id(f"window {n}", datetime.now(UTC)), asked | {"window": stored}) is None
    )
    told: dict[str, Any] = {"stored": stored, "fill_seconds": filled}
    for job in JOBS:
        told[job] = submit(job, run, master, folder, 45.0 if kill else None)
        if job == "evaluate":
            decided = decide.register(db, run)
            assert decided["publish"], decided
        print(json.dumps({job: told[job]}), flush=True)
    live = champion.live(db)
    assert live and live["_id"] == decided["model"], "it did not go live"
    return told | {name: live["data"][name] for name in ("pairs", "users", "items", "sampled_users", "measured_users")} | {
        "users_served": live["users_served"], "pack_mb": live["pack"]["bytes"] / 2**20, "left_out": live["why"].get("left_out", ""),
        "ndcg_at_10": {name: found["ndcg_at_10"] for name, found in live["metrics"].items() if "ndcg_at_10" in found},
    }  # fmt: skip


def main() -> None:
    """Each size after the other, on one cluster."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", default="1000000,5000000,20000000", help="sizes, by commas")
    parser.add_argument("--factors", type=int, default=64)
    parser.add_argument("--iterations", type=int, default=10)
    parser.add_argument("--kill", action="store_true", help="kill an executor in every job, 45 s after it began")
    given = parser.parse_args()
    asked = {
        "engine": "spark", "feedback": "implicit", "top_n": 10, "diversity": 0.0, "new_item_share": 0.0, "promote": "always",
        "require_approval": False, "force": True, "search": "never", "factors": given.factors, "regularization": 0.05,
        "alpha": 40.0, "iterations": given.iterations,
    }  # fmt: skip
    found: dict[str, Any] = {}
    with servers.own_servers("mongo") as folder, cluster(folder) as master:
        os.environ["TIDEMARK_SPARK_MASTER"] = master
        settings.cache_clear()
        for n in map(int, given.pairs.split(",")):
            found[str(n)] = one(n, master, folder, asked, kill=given.kill)
    table = Table(
        "pairs", "job", "seconds", "CPU-s", "shuffle, MB", "driver JVM", "driver Python", "executors", "Python"
    )
    for told in found.values():
        for job in JOBS:
            row, held = told[job], told[job]["memory_mb"]
            kinds = ("driver's JVM", "driver's Python", "executors' JVM", "executors' Python")
            numbers = (f"{row['seconds']:.0f}", f"{row['cpu_seconds']:.0f}", f"{row['shuffle_mb']:.0f}")
            table.add_row(f"{told['pairs']:,}", job, *numbers, *(f"{held.get(kind, 0):,} MB" for kind in kinds))
    Console(width=150).print(table)
    sizes = [(told["pairs"], sum(told[job]["seconds"] for job in JOBS)) for told in found.values()]
    if len(sizes) > 1:
        (few, short), (many, long) = sizes[0], sizes[-1]
        print(f"slope (log seconds / log pairs): {np.log(long / short) / np.log(many / few):.2f}")
    subjects.save("window", found)


if __name__ == "__main__":
    main()
