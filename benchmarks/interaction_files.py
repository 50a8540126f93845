"""Interactions loaded a second from Parquet: this platform beside one process of plain pymongo that upserts the same documents.

    make bench-load ARGS="--parquet 1000000,10000000"

Ours lands the file, judges every row, drops duplicates, passes the gate, and upserts; pymongo is handed finished documents and
only upserts them (see `benchmarks/load.py`), up to `PLAIN` of them. The driver's heap is 2 GB.
"""

import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

from benchmarks import subjects
from benchmarks.plain_upserts import plain

HEAP = "2g"
PLAIN = 1_000_000
CHUNK = 1_000_000


def write(path: Path, n: int) -> None:
    """`n` rows of Parquet: users, items, times and events, no two the same."""
    rng = np.random.default_rng(7)
    schema = pa.schema([("user_id", pa.string()), ("item_id", pa.string()), ("ts", pa.int64()), ("event", pa.string())])
    with pq.ParquetWriter(path, schema) as out:
        for start in range(0, n, CHUNK):
            size = min(CHUNK, n - start)
            users, items = rng.integers(0, max(n // 20, 10), size), rng.integers(0, max(n // 100, 10), size)
            events = np.array(["view", "cart", "purchase"])[rng.integers(0, 3, size)]
            times = 1_500_000_000_000 + (np.arange(start, start + size) * 1_000)
            columns = [pa.array([f"u{u}" for u in users.tolist()]), pa.array([f"i{i}" for i in items.tolist()])]
            out.write_table(pa.table([*columns, pa.array(times), pa.array(events.tolist())], schema=schema))


def measure(n: int, work: Path) -> dict[str, Any]:
    """One load of `n` rows, and where there are no more than `PLAIN`, pymongo after it."""
    from pyspark import SparkContext

    from tidemark.settings import settings
    from tidemark.sources import planning, reading, storing
    from tidemark.spark.session import end, session, submit_conf
    from tidemark.storage import mongo

    path, db = Path(settings().landing_root, f"{n}.parquet"), mongo.connect()
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path, n)
    for name in ("interactions", "interaction_details", "rejects", "loads"):
        db[name].drop()
    started = time.perf_counter()
    plan = planning.of_params(planning.INTERACTIONS, {"source": str(path)}, str(work / "staged"), settings())
    landed = time.perf_counter()
    spark = session("bench-load", **reading.OPTIONS | submit_conf(short=True) | {"spark.driver.memory": HEAP})
    ready = time.perf_counter()
    validated = storing.validate(spark, plan, str(work / "docs"))
    checked = time.perf_counter()
    storing.store(spark, db, plan, validated)
    stored = time.perf_counter()
    assert SparkContext._gateway is not None
    jvm = subjects.peak(SparkContext._gateway.proc.pid) / 2**20
    end(spark)
    assert db["interactions"].count_documents({}) == validated["counts"]["stored"] == n
    alone = plain(db, ("interactions",)) if n <= PLAIN else float("nan")
    path.unlink()
    return {
        "rows": n,
        "land": landed - started,
        "session": ready - landed,
        "validate": checked - ready,
        "store": stored - checked,
        "rows/s": n / (stored - started),
        "pymongo/s": n / alone,
        "store : pymongo": alone / (stored - checked),
        "JVM MB": jvm,
        "Python MB": subjects.peak(os.getpid()) / 2**20,
    }


def main(sizes: list[int], work: Path) -> None:
    """Measure each size, print, save."""
    results = [measure(size, work) for size in sizes]
    table = Table(
        *results[0], title="Loading interactions from Parquet: seconds, and rows a second beside plain pymongo"
    )
    for result in results:
        table.add_row(*(f"{value:,.4g}" if isinstance(value, float) else f"{value:,}" for value in result.values()))
    Console(width=140).print(table)
    subjects.save("interaction_files", {str(result["rows"]): result for result in results})
