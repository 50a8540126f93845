"""Reviews loaded a second: this platform beside one process of plain pymongo that upserts the same documents.

    make bench-load                                   # 100,000 and 1,000,000 reviews
    make bench-load ARGS="--sizes 100000 --repeat 3"
    make bench-load ARGS="--parquet 1000000,10000000" # interactions of any team (benchmarks/interaction_files.py)

Ours reads gzipped JSON, checks every row, cleans texts, drops duplicates, passes the gate, and upserts reviews, products
and interactions. pymongo is handed finished documents (reviews and interactions) and only upserts them: `ReplaceOne`,
unordered, batches of 5,000, majority writes, the same validators and indexes; reading them is not on its clock. Both
write to the same server, in turns; pymongo as it comes (retryable writes), ours as `tidemark.storage.mongo.write` does (without).
A MongoDB of the benchmark's own is started and removed.

`ours/s` and `ratio` count validate and load; `upserts alone` holds load, by itself, against pymongo, which does no more.
"""

import argparse
import os
import statistics
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import interaction_files, subjects
from benchmarks.plain_upserts import plain
from benchmarks.servers import own_servers

PEAK = "peak_mb"


def ours(db: Any, plan: Any, folder: Path) -> dict[str, float]:
    """Load `plan` with a session of its own, as the two jobs do; seconds of each part, and the driver's peak memory."""
    from pyspark import SparkContext

    from tidemark.reviews import load
    from tidemark.settings import settings
    from tidemark.spark.session import end, session, submit_conf

    started = time.perf_counter()
    conf = submit_conf(short=True) | {"spark.driver.memory": settings().spark_driver_memory}
    spark = session("bench-load", **load.SESSION | conf)
    ready = time.perf_counter()
    validated = load.validate(spark, plan, str(folder / "docs"))
    validated_at = time.perf_counter()
    load.load(spark, db, plan, validated)
    loaded = time.perf_counter()
    assert SparkContext._gateway is not None
    most = subjects.peak(SparkContext._gateway.proc.pid) + subjects.peak(os.getpid())
    end(spark)
    return {
        "session": ready - started,
        "validate": validated_at - ready,
        "load": loaded - validated_at,
        PEAK: most / 2**20,
        "rows": validated["reviews"]["read"],
    }


def measure(size: int, repeat: int, work: Path) -> dict[str, Any]:
    """Both, in turns, `repeat` times at `size` reviews; medians."""
    from tidemark.reviews import builtin, load, releases
    from tidemark.storage import mongo

    users, items = max(5_000, size // 20), max(2_000, size // 50)
    reviews, products = builtin.write(builtin.Size(size, users, items), 42, str(work / "builtin"))
    started = time.perf_counter()
    landed = [
        releases.land(reviews, "reviews", "auto", str(work)),
        releases.land(products, "products", "auto", str(work)),
    ]
    land = time.perf_counter() - started
    plan = load.Plan(landed[0], landed[1], str(work / "staged"))
    db, runs, plains = mongo.connect(), [], []
    for _ in range(repeat):
        for name in ("reviews", "products", "interactions", "rejects", "loads"):
            db[name].drop()
        runs.append(ours(db, plan, work))
        plains.append(plain(db, ("reviews", "interactions")))
    middle = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
    ours_seconds, plain_seconds = middle["validate"] + middle["load"], statistics.median(plains)
    return middle | {
        "reviews": size,
        "land": land,
        "repeat": repeat,
        "plain": plain_seconds,
        "ours_per_second": size / ours_seconds,
        "plain_per_second": size / plain_seconds,
        "ratio": plain_seconds / ours_seconds,
        "ratio_of_upserts": plain_seconds / middle["load"],
    }


def show(results: list[dict[str, Any]]) -> None:
    """Print the table."""
    table = Table(title="Loading reviews: seconds, and reviews a second beside plain pymongo (higher is better)")
    heads = [
        "reviews",
        "land",
        "session",
        "validate",
        "load",
        "pymongo",
        "ours/s",
        "pymongo/s",
        "ratio",
        "upserts alone",
    ]
    for head in [*heads, "driver MB"]:
        table.add_column(head, justify="right")
    for r in results:
        seconds = [f"{r[k]:.1f}" for k in ("land", "session", "validate", "load", "plain")]
        rates = [f"{r[k]:,.0f}" for k in ("ours_per_second", "plain_per_second")]
        ratios = [f"{r['ratio']:.2f}", f"{r['ratio_of_upserts']:.2f}", f"{r[PEAK]:,.0f}"]
        table.add_row(f"{r['reviews']:,}", *seconds, *rates, *ratios)
    console = Console(width=140)
    console.print(table)
    if len(results) > 1:
        small, large = results[0], results[-1]
        growth = (large["validate"] + large["load"]) / (small["validate"] + small["load"])
        console.print(f"{large['reviews'] / small['reviews']:.0f} times the reviews took {growth:.1f} times as long.")


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="100000,1000000", help="numbers of reviews, separated by commas")
    parser.add_argument("--repeat", type=int, default=1, help="turns of each, of which the median counts")
    parser.add_argument(
        "--parquet", help="numbers of interactions in Parquet, separated by commas, in place of reviews"
    )
    arguments = parser.parse_args()
    if arguments.parquet:
        with own_servers("mongo") as folder:
            interaction_files.main([int(size) for size in arguments.parquet.split(",")], folder)
        return
    with own_servers("mongo") as folder:
        results = [measure(int(size), arguments.repeat, folder) for size in arguments.sizes.split(",")]
    show(results)
    subjects.save("load", results)


if __name__ == "__main__":
    main()
