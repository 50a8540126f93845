"""Exploration and graph export at the size that is promised: 1,000,000 reviews, 1,000,000 edges.

    make bench-explore
    make bench-explore ARGS="--reviews 100000 --halves explore"

Built-in reviews are stored in a MongoDB of the benchmark's own, which is removed at the end; for the graph each user gets a
list of recommendations besides (items drawn by popularity, since only their number matters). Then each half runs as its DAG
runs it: one spark-submit with the same settings, and the drawing after it. Seconds count from the submit to the manifest.
Driver memory is the highest resident memory of the JVM and of the Python that drives it, together; where Spark runs on one
machine the JVM is the executor too. Python workers (they score the sentiment) are shown beside it.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from benchmarks import subjects
from benchmarks.servers import own_servers

LOOK_EVERY = 0.1
MOST_SECONDS, MOST_GB = 180.0, 2.0


def fill(reviews: int, work: Path) -> None:
    """Generate and load `reviews` built-in reviews and their products, as `load_reviews` does."""
    from tidemark.reviews import builtin, load, releases
    from tidemark.spark.session import end, session, submit_conf
    from tidemark.storage import mongo

    size = builtin.Size(reviews, max(5_000, reviews // 20), max(2_000, reviews // 50))
    sources = builtin.write(size, 42, str(work / "builtin"))
    landed = [
        releases.land(source, kind, "auto", str(work))
        for source, kind in zip(sources, ("reviews", "products"), strict=True)
    ]
    plan = load.Plan(landed[0], landed[1], str(work / "staged"))
    spark = session("bench-fill", **load.SESSION | submit_conf(short=True))
    load.load(spark, mongo.connect(), plan, load.validate(spark, plan, str(work / "docs")))
    end(spark)


class Memory:
    """The highest resident memory, bytes, of a submit's driver (the JVM and its Python) and of its Python workers."""

    def __init__(self) -> None:
        self.driver: dict[int, int] = {}
        self.workers = 0

    def look(self, submit: psutil.Process) -> None:
        """Take note of the processes that there are now; what the JVM forks for a moment is no process of its own."""
        workers = 0
        for process in [submit, *submit.children(recursive=True)]:
            try:
                command = process.cmdline()
                python = bool(command) and Path(command[0]).name.startswith("python")
                if process.pid == submit.pid or (python and any("spark_jobs/" in part for part in command)):
                    self.driver[process.pid] = max(self.driver.get(process.pid, 0), subjects.peak(process.pid))
                elif python:
                    workers += process.memory_info().rss
            except (psutil.Error, OSError):
                continue
        self.workers = max(self.workers, workers)


def submit(job: str, run: str, memory: str, arguments: list[str] | None = None) -> tuple[float, Memory]:
    """Submit `spark_jobs/<job>.py` as the DAGs do; seconds, and what it held."""
    from tidemark.settings import ROOT
    from tidemark.spark.session import submit_conf

    conf = submit_conf(short=True) | {"spark.pyspark.driver.python": sys.executable}
    command = [str(Path(sys.executable).with_name("spark-submit")), "--master", "local[*]", "--driver-memory", memory]
    command += [part for key, value in conf.items() for part in ("--conf", f"{key}={value}")]
    command += [str(ROOT / "spark_jobs" / f"{job}.py"), "--run", run, *(arguments or [])]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    env = os.environ | {"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}", "PATH": path}
    started, held = time.perf_counter(), Memory()
    with psutil.Popen(command, env=env) as process:
        while process.poll() is None:
            held.look(process)
            time.sleep(LOOK_EVERY)
    if process.returncode:
        raise SystemExit(f"{job} ended with {process.returncode}")
    return time.perf_counter() - started, held


def explored(run: str) -> dict[str, Any]:
    """Explore and draw."""
    from tidemark.exploration import sampling
    from tidemark.settings import settings
    from tidemark.storage import mongo

    config = settings()
    params = {"rows": config.sample_rows, "fraction": None, "seed": 42}
    sampling.begin(mongo.connect(), params, run)
    seconds, held = submit("explore_reviews", run, config.explore_memory)
    # A process of its own, as a task is: what it imports is on its clock.
    drawing = (
        f"from tidemark.charts import exploration as e; print(e.draw({run!r}, 'explore_reviews', 'bench')['verdict'])"
    )
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", drawing], check=True)
    return _figures(
        "explore", seconds, time.perf_counter() - started, held, mongo.connect()["reviews"].count_documents({})
    )


def _figures(half: str, seconds: float, drawing: float, held: Memory, size: int) -> dict[str, Any]:
    return {
        "half": half,
        "size": size,
        "seconds_submit": seconds,
        "seconds_draw": drawing,
        "seconds": seconds + drawing,
        "driver_gb": sum(held.driver.values()) / 2**30,
        "workers_gb": held.workers / 2**30,
    }


MODEL = "20200101T000000-00000000"

DRAW_GRAPH = """
import sys
from tidemark.charts import graph, style
from tidemark.storage import artifacts, run_folder
run = sys.argv[1]
shape = artifacts.read_json(f"{run}/{run_folder.GRAPH}")
for name, figure in (("degrees", graph.degrees(shape, "benchmark")),
                     ("top_products", graph.top_products(shape["top_products"], "benchmark")),
                     ("neighbourhood", graph.neighbourhood(shape["neighbourhood"], "benchmark"))):
    style.save(figure, run, name)
"""


def recommend(db: Any, run: str) -> None:
    """Leave what a published model leaves: its snapshot, its document, and a list for each user."""
    import numpy as np

    from tidemark.retraining import snapshot
    from tidemark.settings import settings
    from tidemark.storage import mongo

    snapshot.begin(db, run, MODEL, {"window": settings().window, "force": True})
    pairs = next(
        db["interactions"].aggregate([{"$group": {"_id": {"u": "$user_id", "i": "$item_id"}}}, {"$count": "n"}])
    )
    db["models"].insert_one({"_id": MODEL, "data": {"pairs": pairs["n"]}})
    items = [row["_id"] for row in db["interactions"].aggregate([{"$sortByCount": "$item_id"}])]
    rng, made = np.random.default_rng(1), datetime.now(UTC)
    name = mongo.recommendations(MODEL)
    mongo.ensure(db, name)
    lists = [
        {
            "_id": user,
            "model_id": MODEL,
            "made_at": made,
            "items": [
                {"item_id": items[place], "score": 1 / (rank + 1)}
                for rank, place in enumerate(
                    np.unique((len(items) * rng.random(40) ** 3).astype(int))[: settings().top_n]
                )
            ],
        }
        for user in db["interactions"].distinct("user_id")
    ]
    db[name].insert_many(lists, ordered=False)


def exported(run: str) -> dict[str, Any]:
    """Export the graph and draw it."""
    from tidemark.settings import settings
    from tidemark.storage import artifacts, mongo, run_folder

    recommend(mongo.connect(), run)
    seconds, held = submit("export_graph", run, settings().spark_driver_memory)
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", DRAW_GRAPH, run], check=True)
    edges = artifacts.read_json(f"{run}/{run_folder.GRAPH}")["counts"]["edges"]
    return _figures("graph", seconds, time.perf_counter() - started, held, edges)


HALVES = {"explore": explored, "graph": exported}


def show(results: list[dict[str, Any]]) -> bool:
    """Print the table; whether all is within bounds."""
    table = Table(title=f"At most {MOST_SECONDS:.0f} s and {MOST_GB:.0f} GB of driver memory, {os.cpu_count()} cores")
    for head in ("half", "size", "submit, s", "draw, s", "seconds", "driver, GB", "Python workers, GB"):
        table.add_column(head, justify="left" if head == "half" else "right")
    for r in results:
        figures = [f"{r[key]:.1f}" for key in ("seconds_submit", "seconds_draw", "seconds")]
        memory = [f"{r[key]:.2f}" for key in ("driver_gb", "workers_gb")]
        table.add_row(r["half"], f"{r['size']:,}", *figures, *memory)
    Console(width=120).print(table)
    return all(r["seconds"] <= MOST_SECONDS and r["driver_gb"] <= MOST_GB for r in results)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reviews", type=int, default=1_000_000, help="built-in reviews to explore")
    parser.add_argument("--halves", default=",".join(HALVES), help="which, separated by commas")
    parser.add_argument("--keep", type=Path, help="folder to keep the artifacts in")
    arguments = parser.parse_args()
    with own_servers("mongo") as folder:
        fill(arguments.reviews, folder)
        shutil.rmtree(folder / "staged", ignore_errors=True)
        results = [HALVES[half](str(folder / "runs" / half)) for half in arguments.halves.split(",")]
        if arguments.keep:
            shutil.copytree(folder / "runs", arguments.keep, dirs_exist_ok=True)
    within = show(results)
    subjects.save("explore", results)
    sys.exit(0 if within else 1)


if __name__ == "__main__":
    main()
