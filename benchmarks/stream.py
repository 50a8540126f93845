"""How fast the stream is: `python benchmarks/stream.py [--messages 300000]`, on servers of its own that end with it.

Sustained ingest beside the bare rate of the same messages into `foreachBatch` without a store; delay at 1,000 a second;
lag of 64 partitions; fold-in with top 20; memory; and, on a whole platform, from the mark that is crossed to the
training and to the new champion. Prints a table, and saves it with the machine's name as JSON.
"""

import argparse
import bisect
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from confluent_kafka import Producer
from confluent_kafka.admin import NewPartitions
from rich.console import Console
from rich.table import Table
from scipy.sparse import random_array

from benchmarks import crossing
from benchmarks.servers import own_servers
from tidemark.models.fold_in import FoldIn
from tidemark.settings import ROOT, settings
from tidemark.storage import mongo
from tidemark.stream import progress, topics
from tidemark.stream.bookmark import Bookmark
from tidemark.stream.simulation import Catalogue, Shoppers

console = Console()
Figures = dict[str, float]


@contextmanager
def _ingest(log: Path) -> Iterator[psutil.Process]:
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "spark_jobs" / "ingest_interactions.py")],
            env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(60)


def _family(process: psutil.Process, of: Callable[[psutil.Process], float]) -> float:
    total = 0.0
    for one in [process, *process.children(recursive=True)]:
        try:
            total += of(one)
        except psutil.Error:
            continue
    return total


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system + times.children_user + times.children_system)


def _messages(count: int) -> list[tuple[str, bytes]]:
    users, items = (
        [f"{first}{number:012d}" for number in range(many)] for first, many in (("A", 20_000), ("B", 5_000))
    )
    known = Catalogue(
        users, items, random_array((len(users), len(items)), density=0.001, format="csr", rng=1).astype("f4")
    )
    return list(islice(Shoppers(known, settings(), seed=1).messages(), count))


def _send(messages: list[tuple[str, bytes]], topic: str) -> None:
    producer = Producer(topics.producer_config())
    for key, value in messages:
        while True:
            try:
                producer.produce(topic, value, key=key)
                break
            except BufferError:
                producer.poll(0.1)
    assert producer.flush(300) == 0


def _wait(process: psutil.Process, until: Callable[[], bool], log: Path, patience: float = 300) -> None:
    start = time.monotonic()
    while not until():
        if process.status() == psutil.STATUS_ZOMBIE or time.monotonic() - start > patience:
            sys.exit(f"the ingest does not go on: {log.read_text()[-2_000:]}")
        time.sleep(0.05)


def _stored(db: Any, topic: str) -> int:
    known = progress.read(db, topic)
    return sum(known.next_offsets.values()) if known else 0


def sustained(count: int, folder: Path, bookmark: Bookmark, db: Any) -> Figures:
    """Messages a second, from the first batch stored to the last (the start of Spark told apart)."""
    _send(_messages(count), bookmark.topic)
    start = time.monotonic()
    with _ingest(folder / "ingest.log") as process:
        _wait(process, lambda: _stored(db, bookmark.topic) > 0, folder / "ingest.log")
        first = _stored(db, bookmark.topic)
        began, cpu = time.monotonic(), _family(process, _cpu)
        first_cpu = cpu
        _wait(process, lambda: _stored(db, bookmark.topic) >= count, folder / "ingest.log")
        took, cpu = time.monotonic() - began, _family(process, _cpu) - cpu
        memory = _family(process, lambda one: one.memory_info().rss) / 1e6
    assert db.interactions.count_documents({}) == count
    return {
        "first batch after start, s": began - start,
        "first batch after start, CPU-s": first_cpu,
        "ingest, interactions/s": (count - first) / took,
        "ingest, CPU-s per 100,000": cpu / (count - first) * 100_000,
        "ingest, resident MB at the end": memory,
    }


def bare(count: int, folder: Path, bookmark: Bookmark) -> Figures:
    """The same messages into `foreachBatch` with nothing behind it."""
    from tidemark.spark.session import session
    from tidemark.stream.interaction_ingest import InteractionIngest

    config, ends = settings(), []
    spark = session("bare", **{"spark.master": config.ingest_master, "spark.driver.memory": config.ingest_memory})
    ingest = InteractionIngest(config, None, bookmark)  # type: ignore[arg-type]
    source = ingest.stream(spark, json.dumps({bookmark.topic: dict.fromkeys("0123", 0)}))

    def swallow(batch: Any, _number: int) -> None:
        batch.write.format("noop").mode("overwrite").save()
        ends.append(time.monotonic())

    query = source.writeStream.foreachBatch(swallow).option("checkpointLocation", str(folder / "bare"))
    running_query = query.trigger(availableNow=True).start()
    running_query.awaitTermination()
    spark.stop()
    batches = len(ends)
    return {"bare foreachBatch, messages/s": count * (batches - 1) / batches / (ends[-1] - ends[0])}


def delay(seconds: int, folder: Path, bookmark: Bookmark, db: Any) -> Figures:
    """From sending to stored with its progress noted, at 1,000 a second."""
    sent: dict[int, tuple[list[int], list[float]]] = {number: ([], []) for number in bookmark.partitions()}

    def report(error: Any, message: Any, at: float) -> None:
        assert error is None
        sent[message.partition()][0].append(message.offset())
        sent[message.partition()][1].append(at)

    producer = Producer(topics.producer_config())
    seen: dict[int, int] = dict(bookmark.ends())
    log = folder / "ingest.log"
    with _ingest(log) as process:
        _wait(process, lambda: _stored(db, bookmark.topic) >= sum(seen.values()), log)
        producer.produce(bookmark.topic, "u:warm")
        producer.flush()
        _wait(process, lambda: _stored(db, bookmark.topic) >= sum(bookmark.ends().values()), log)
        base, start, delays = bookmark.ends(), time.monotonic(), []
        messages = _messages(seconds * 1_000)
        done = dict(base)
        number = 0
        while True:
            now = time.monotonic()
            while number < len(messages) and number <= (now - start) * 1_000:
                key, value = messages[number]
                producer.produce(bookmark.topic, value, key=key, on_delivery=lambda e, m, at=now: report(e, m, at))
                number += 1
            producer.poll(0)
            known = progress.read(db, bookmark.topic)
            now = time.monotonic()
            for partition, upto in (known.next_offsets if known else {}).items():
                offsets, times = sent[partition]
                low, high = bisect.bisect_left(offsets, done[partition]), bisect.bisect_left(offsets, upto)
                delays += [now - at for at in times[low:high]]
                done[partition] = max(done[partition], offsets[high - 1] + 1 if high else done[partition])
            if len(delays) >= len(messages):
                break
            time.sleep(0.02)
    return {
        "delay at 1,000/s, p50 s": float(np.quantile(delays, 0.5)),
        "delay at 1,000/s, p95 s": float(np.quantile(delays, 0.95)),
    }


def lag_of_64(bookmark: Bookmark) -> Figures:
    """One measurement of the lag, on a client that is connected."""
    admin = topics.admin_client()
    admin.create_partitions([NewPartitions(bookmark.topic, 64)])[bookmark.topic].result(30)
    while len(bookmark.partitions()) < 64:
        time.sleep(0.1)
    bookmark.commit(bookmark.ends())
    taken = []
    for _ in range(300):
        start = time.perf_counter()
        bookmark.lag()
        taken.append((time.perf_counter() - start) * 1e3)
    return {
        "lag of 64 partitions, p50 ms": float(np.quantile(taken, 0.5)),
        "lag of 64 partitions, p99 ms": float(np.quantile(taken, 0.99)),
    }


def fold_in() -> Figures:
    """25,000 items by 64 factors, a history of 200, top 20."""
    rng = np.random.default_rng(0)
    fold = FoldIn(rng.normal(size=(25_000, 64)).astype(np.float32), 1.0, 40.0)
    taken = []
    for _ in range(300):
        items = rng.choice(25_000, 200, replace=False)
        start = time.perf_counter()
        fold.recommend(items, np.ones(200, np.float32), 20)
        taken.append((time.perf_counter() - start) * 1e3)
    return {
        "fold-in and top 20, p50 ms": float(np.quantile(taken, 0.5)),
        "fold-in and top 20, p95 ms": float(np.quantile(taken, 0.95)),
    }


def _say(figures: Figures) -> Figures:
    for what, value in figures.items():
        console.print(f"{what}: {value:,.2f}")
    return figures


def main() -> None:
    """Run all parts, print, save."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--messages", type=int, default=300_000)
    asked.add_argument("--seconds", type=int, default=60, help="of the delay's measurement")
    asked.add_argument("--crossings", type=int, default=10, help="of the mark, on a whole platform; 0: none")
    asked.add_argument("--save", type=Path, default=ROOT / "benchmarks" / "results" / "stream.json")
    given = asked.parse_args()
    if given.messages <= 2 * settings().ingest_batch:
        asked.error(f"--messages: a rate needs more than two batches of the ingest, {2 * settings().ingest_batch:,}")
    figures = _say(fold_in())
    if given.crossings:
        figures |= _say(crossing.measure(given.crossings))
    with own_servers("mongo", "kafka") as folder:
        bookmark, db = Bookmark(settings()), mongo.connect()
        figures |= _say(sustained(given.messages, folder, bookmark, db))
        figures |= _say(bare(given.messages, folder, bookmark))
        figures |= _say(delay(given.seconds, folder, bookmark, db))
        figures |= _say(lag_of_64(bookmark))
    figures["ingest / bare"] = figures["ingest, interactions/s"] / figures["bare foreachBatch, messages/s"]
    machine = f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[1]:.1f}"
    table = Table("figure", "value", title=f"The stream, {given.messages:,} messages ({machine})")
    for what, value in figures.items():
        table.add_row(what, f"{value:,.2f}")
    console.print(table)
    given.save.parent.mkdir(parents=True, exist_ok=True)
    given.save.write_text(
        json.dumps({"machine": machine, "messages": given.messages, "figures": figures}, indent=2) + "\n"
    )


if __name__ == "__main__":
    main()
