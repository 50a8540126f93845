"""Exploration and graph export at the size that is promised: 1,000,000 reviews, 1,000,000 edges.

    make bench-explore
    make bench-explore ARGS="--reviews 100000 --halves explore"

Built-in reviews are stored in a MongoDB of the benchmark's own, which is removed at the end. Then each half runs as its DAG
runs it: one spark-submit with the same settings, and the drawing after it. Seconds count from the submit to the manifest.
Driver memory is the highest resident memory of the JVM and of the Python that drives it, together; where Spark runs on one
machine the JVM is the executor too. Python workers (they score the sentiment) are shown beside it.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

SHORT_JOB = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"  # as the DAGs submit these jobs
LOOK_EVERY = 0.1
MOST_SECONDS, MOST_GB = 180.0, 2.0


def own_server(state: Path) -> Any:
    """Settings of a MongoDB of the benchmark's own; this process and those it starts mean it from here on."""
    from tidemark.local import ports
    from tidemark.settings import settings

    state.mkdir(parents=True)
    os.environ |= {
        "TIDEMARK_ENV_FILE": os.devnull,
        "TIDEMARK_STATE": str(state),
        "TIDEMARK_MONGO_HOSTS": f"127.0.0.1:{ports.free_port()}",
        "TIDEMARK_MONGO_PASSWORD": uuid.uuid4().hex,
        "TIDEMARK_MONGO_ROOT_PASSWORD": uuid.uuid4().hex,
        "SPARK_LOCAL_IP": "127.0.0.1",
    }
    settings.cache_clear()
    return settings()


def fill(reviews: int, work: Path) -> None:
    """Generate and load `reviews` built-in reviews and their products, as `load_reviews` does."""
    from pyspark import SparkContext

    from tidemark import builtin, landing, loads, store
    from tidemark.spark import session

    size = builtin.Size(reviews, max(5_000, reviews // 20), max(2_000, reviews // 50))
    sources = builtin.write(size, 42, str(work / "builtin"))
    landed = [
        landing.land(source, kind, "auto", str(work))
        for source, kind in zip(sources, ("reviews", "products"), strict=True)
    ]
    plan = loads.Plan(landed[0], landed[1], str(work / "staged"))
    spark = session("bench-fill", **loads.SESSION | {"spark.driver.extraJavaOptions": SHORT_JOB})
    loads.load(spark, store.connect(), plan, loads.validate(spark, plan, str(work / "docs")))
    gateway = SparkContext._gateway
    assert gateway is not None
    spark.stop()
    gateway.shutdown()
    gateway.proc.stdin.close()  # the JVM ends when its caller does
    gateway.proc.wait()
    SparkContext._gateway = SparkContext._jvm = None


class Memory:
    """The highest resident memory, bytes, of a submit's driver and of its Python workers."""

    def __init__(self) -> None:
        self.driver: dict[int, int] = {}
        self.workers = 0

    def look(self, submit: psutil.Process) -> None:
        """Take note of the processes that there are now."""
        workers = 0
        for process in [submit, *submit.children(recursive=True)]:
            try:
                held, command = process.memory_info().rss, " ".join(process.cmdline())
            except psutil.Error:
                continue
            if "pyspark/daemon" in command or "pyspark.daemon" in command:
                workers += held
            else:
                self.driver[process.pid] = max(self.driver.get(process.pid, 0), held)
        self.workers = max(self.workers, workers)


def submit(job: str, run: str, memory: str, arguments: list[str] | None = None) -> tuple[float, Memory]:
    """Submit `spark_jobs/<job>.py` as the DAGs do; seconds, and what it held."""
    from tidemark.settings import ROOT
    from tidemark.spark import submit_conf

    conf = submit_conf() | {"spark.pyspark.driver.python": sys.executable}
    conf["spark.driver.extraJavaOptions"] += f" {SHORT_JOB}"
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
    from tidemark import sampling, store
    from tidemark.settings import settings

    config = settings()
    params = {"rows": config.sample_rows, "fraction": None, "seed": 42}
    sampling.begin(store.connect(), params, run)
    seconds, held = submit("explore_reviews", run, config.explore_memory)
    # A process of its own, as a task is: what it imports is on its clock.
    drawing = (
        f"from tidemark.charts import exploration as e; print(e.draw({run!r}, 'explore_reviews', 'bench')['verdict'])"
    )
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", drawing], check=True)
    return _figures(
        "explore", seconds, time.perf_counter() - started, held, store.connect()["reviews"].count_documents({})
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


HALVES = {"explore": explored}


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
    from tidemark.local.servers import running
    from tidemark.settings import settings

    saved = settings().state / "benchmarks" / "explore.json"
    work = Path(tempfile.mkdtemp(prefix="tidemark-bench-"))
    try:
        with running("mongo", own_server(work / "state")):
            fill(arguments.reviews, work)
            shutil.rmtree(work / "staged", ignore_errors=True)
            results = [HALVES[half](str(work / "runs" / half)) for half in arguments.halves.split(",")]
        if arguments.keep:
            shutil.copytree(work / "runs", arguments.keep, dirs_exist_ok=True)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    saved.parent.mkdir(parents=True, exist_ok=True)
    saved.write_text(json.dumps(results, indent=2))
    within = show(results)
    print(f"saved as {saved}")
    sys.exit(0 if within else 1)


if __name__ == "__main__":
    main()
