"""How fast the storefront answers, and how much of the machine that takes: on servers of its own, a champion that was made up,
and the storefront as the platform starts it.

Rows are measured in rounds, one after the other in each, so that whatever else the machine does meets all of them. CPU is
of all processes of the server, in microseconds for each answer; where the machine is shared, it says more than the rate.

make bench-serve
make bench-serve ARGS="--full"      longer, and streams for two minutes
make bench-serve ARGS="--only 'stored;304' --users 1000000"
make bench-serve ARGS="--big"       a million items of 64 factors, of a category and of all: how long, and how much memory
make bench-serve ARGS="--big --tail 0.6"    the same, the factors' lengths as unlike as those that ALS learns
"""

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
from rich.console import Console
from rich.table import Table

from benchmarks import serve_guesses, serve_musts, serve_servers, serve_streams, serve_world, subjects
from benchmarks.http_load import Load, cpu_microseconds, load, request
from benchmarks.serve_musts import (
    BIG,
    BIG_WHOLE,
    CALM,
    EMPTY,
    EMPTY_GUNICORN,
    FILTERED,
    FITTING,
    FOLDED,
    GUESSED,
    HALF,
    KNOWN,
    POPULAR,
    SENT,
    STORED,
    STORED_GUNICORN,
)
from benchmarks.serve_servers import Family
from benchmarks.serve_world import CATEGORIES, LISTED, World
from benchmarks.servers import own_servers
from tidemark.settings import Settings, settings

CONNECTIONS = 32
ASKED = 20_000
"""Different users whose lists are asked for, over and over."""
BATCH, SENDERS = 100, 8
FOLDED_A_SECOND, NEW, CACHED = 40, 400, 200
"""Users a second who are folded in for the first time, those there are for a round, and those whose history is known."""
CALM_A_SECOND = 1_000
"""As a shop is read that has most of its machine to spare."""
BIG_ITEMS, BIG_USERS = 1_000_000, 1_000


@dataclass(frozen=True)
class Row:
    """One thing that is measured.

    Args:
        name: what it is.
        server: what answers.
        requests: gives those of the next round.
        connections: kept open.
        rate: a second, of an open loop; 0: closed; None: half of what the row `stored` had.
        counted: what one answer brings: interactions of a batch.
        beside: what else the machine does meanwhile.
    """

    name: str
    server: Family
    requests: Callable[[], list[bytes]]
    connections: int = CONNECTIONS
    rate: float | None = 0
    counted: int = 1
    beside: Callable[[], AbstractContextManager[None]] = nullcontext


@dataclass(frozen=True)
class Servers:
    """What is asked: the storefront and the empty route, under Granian and under gunicorn."""

    shop: Family
    empty: Family
    shop_gunicorn: Family | None
    empty_gunicorn: Family | None


def rows(world: World, servers: Servers, folder: Path) -> list[Row]:
    """What is asked of the servers; `sending` makes the tail longer, so it is not among the rounds of the others."""
    shop = servers.shop
    bearer = f"Bearer {world.key}"
    rng = np.random.default_rng(11)

    def lists(users: list[str], query: str = "", tag: str = "other") -> list[bytes]:
        path = "/api/v1/users/{}/recommendations?n=" + str(LISTED) + query
        return [request(path.format(user), Authorization=bearer, If_None_Match=tag) for user in users]

    asked = [world.users[n] for n in rng.integers(0, len(world.users), ASKED).tolist()]
    stored = lists(asked)
    known = lists(asked, tag=_etag(shop, world))
    filtered = lists(world.newcomers[:CACHED], f"&category=c{CATEGORIES // 2}")
    whole = lists(world.newcomers[:CACHED])
    popular = [request(f"/api/v1/popular?n={LISTED}&category=c{n}", Authorization=bearer) for n in range(CATEGORIES)]
    unseen = iter(range(CACHED, len(world.newcomers), NEW))
    found = [
        Row(EMPTY, servers.empty, lambda: [request("/")]),
        Row(STORED, shop, lambda: stored),
        Row(KNOWN, shop, lambda: known),
        Row(HALF, shop, lambda: stored, rate=None),
        Row(CALM, shop, lambda: stored, rate=CALM_A_SECOND),
        Row(GUESSED, shop, lambda: stored, rate=CALM_A_SECOND, beside=lambda: serve_guesses.guessing(shop.address)),
        Row(FITTING, shop, lambda: stored, beside=lambda: serve_servers.fitting(folder)),
        Row(FILTERED, shop, lambda: filtered, 4),
        Row(BIG, shop, lambda: filtered, 4),
        Row(BIG_WHOLE, shop, lambda: whole, 4),
        Row(POPULAR, shop, lambda: popular, 4),
        Row(FOLDED, shop, lambda: lists(_some(world.newcomers, next(unseen))), 4, FOLDED_A_SECOND),
    ]
    if servers.empty_gunicorn and servers.shop_gunicorn:
        found.insert(1, Row(EMPTY_GUNICORN, servers.empty_gunicorn, lambda: [request("/")]))
        found.insert(3, Row(STORED_GUNICORN, servers.shop_gunicorn, lambda: stored))
    return found


def sending(world: World, shop: Family) -> Row:
    """Interactions of people whom nobody asks about, in batches."""
    rng = np.random.default_rng(13)

    def batch(number: int) -> bytes:
        items = rng.integers(0, len(world.items), BATCH).tolist()
        sent = [
            {"user_id": f"S{number:05}{place:03}", "item_id": world.items[item], "event_type": "purchase"}
            for place, item in enumerate(items)
        ]
        return json.dumps({"interactions": sent}).encode()

    bodies = [
        request(
            "/api/v1/interactions",
            method="POST",
            body=batch(number),
            Authorization=f"Bearer {world.key}",
            Content_Type="application/json",
        )
        for number in range(200)
    ]
    return Row(SENT, shop, lambda: bodies, SENDERS, counted=BATCH)


def _some(users: list[str], start: int) -> list[str]:
    """Those of one round: nobody is asked for a second time."""
    return users[start : start + NEW]


def _etag(shop: Family, world: World) -> str:
    """Of anybody who has done nothing since the model was made: it is the same for all of them."""
    host, port = shop.address
    answer = httpx.get(
        f"http://{host}:{port}/api/v1/users/{world.users[0]}/recommendations?n={LISTED}",
        headers={"Authorization": f"Bearer {world.key}"},
        trust_env=False,
    )
    return str(answer.raise_for_status().headers["ETag"])


def measure(row: Row, seconds: float, rate: float) -> dict[str, Any]:
    """One round of a row."""

    def run() -> Load:
        return load(row.server.address, row.requests(), connections=row.connections, seconds=seconds, rate=rate)

    with row.beside():
        got, cpu = cpu_microseconds(row.server.cpu, run)
    wrong = got.failed + sum(count for status, count in got.statuses.items() if status not in (200, 202, 304))
    return {
        "rate": got.rate * row.counted,
        "p50_ms": got.percentile(50),
        "p99_ms": got.percentile(99),
        "cpu_us": cpu,
        "errors": wrong,
        "statuses": {str(status): count for status, count in got.statuses.items()},
        "load": os.getloadavg()[0],
    }


def rounds(all_rows: list[Row], count: int, seconds: float) -> dict[str, list[dict[str, Any]]]:
    """Row -> its rounds. The first, short round of each is not counted: caches fill and code warms up in it."""
    found: dict[str, list[dict[str, Any]]] = {row.name: [] for row in all_rows}
    for number in range(count + 1):
        for row in all_rows:
            rate = row.rate
            if rate is None:
                known = [each["rate"] for each in found.get(STORED, ())]
                rate = (statistics.median(known) if known else 1_000.0) / 2
            figures = measure(row, 1.0 if number == 0 else seconds, rate)
            if number:
                found[row.name].append(figures)
    return found


def summed(found: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """One line a row: medians over its rounds, and the rate's least and most."""
    lines = []
    for name, each in found.items():
        of = {key: [one[key] for one in each] for key in ("rate", "p50_ms", "p99_ms", "cpu_us")}
        line: dict[str, Any] = {"row": name}
        line |= {"rate": statistics.median(of["rate"]), "least": min(of["rate"]), "most": max(of["rate"])}
        line |= {key: statistics.median(of[key]) for key in ("p50_ms", "p99_ms", "cpu_us")}
        lines.append(line | {"errors": sum(one["errors"] for one in each)})
    base = next((line["cpu_us"] for line in lines if line["row"] == EMPTY), None)
    for line in lines:
        line["of_empty"] = base / line["cpu_us"] if base and line["cpu_us"] else None
    return lines


def run(config: Settings, folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    """Build, start, measure, stop."""
    count, seconds = (5, 10.0) if given.full else (3, 4.0)
    newcomers = CACHED + (count + 1) * NEW
    wanted = set(given.only.split(";")) if given.only else set()
    begun = time.monotonic()
    world = serve_world.build(config, folder, given.users, given.items, newcomers, tail=given.tail)
    print(f"{given.users:,} users, {given.items:,} items: built in {time.monotonic() - begun:.0f} s")
    with ExitStack() as stack:
        shop = stack.enter_context(serve_servers.storefront(config, folder))
        empty = stack.enter_context(serve_servers.empty(config, folder))
        with ExitStack() as beside:
            both: list[Family | None] = [None, None]
            if not wanted or wanted & {STORED_GUNICORN, EMPTY_GUNICORN}:
                apps = (("tidemark.storefront.wsgi:app", "/readyz"), ("benchmarks.empty_flask:app", "/"))
                both = [beside.enter_context(serve_servers.gunicorn(config, folder, *app)) for app in apps]
            every = rows(world, Servers(shop, empty, *both), folder)
            chosen = [row for row in every if (row.name in wanted if wanted else row.name not in (BIG, BIG_WHOLE))]
            found = rounds(chosen, count, seconds)
        memory = shop.own_memory()
        if not wanted or SENT in wanted:
            found |= rounds([sending(world, shop)], count, seconds)
        figures: dict[str, Any] = {"rows": summed(found), "rounds": found, "worker_pss_mib": memory}
    if not wanted or "streams" in wanted:
        figures["streams"] = serve_streams.measure(config, folder, 120 if given.full else 30)
    return figures


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.2f}" if value < 10 else f"{value:,.0f}"
    return "-" if value is None else str(value)


def main() -> int:
    """Measure, print, save; 1 where anything was answered wrongly."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--users", type=int, default=100_000, help="with a stored list of 20")
    asked.add_argument("--items", type=int, default=25_000, help="with 64 factors each")
    asked.add_argument("--full", action="store_true", help="five rounds of 10 s, streams for two minutes")
    asked.add_argument("--only", default="", help="rows, with semicolons between")
    asked.add_argument("--big", action="store_true", help=f"only the rows `{BIG}` and `{BIG_WHOLE}`")
    asked.add_argument("--tail", type=float, default=0.0, help=serve_world.TAIL)
    given = asked.parse_args()
    if given.big:
        given.users, given.items, given.only = BIG_USERS, BIG_ITEMS, f"{BIG};{BIG_WHOLE}"
    before = os.getloadavg()[0]
    with own_servers("mongo", "kafka") as folder:
        figures = run(settings(), folder, given)
    machine = {
        "cores": psutil.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "machine": platform.platform(),
        "python": platform.python_version(),
        "load_before": before,
        "load_after": os.getloadavg()[0],
    }
    table = Table(title=f"The storefront: {given.users:,} users x 20, {given.items:,} items x 64")
    names = ("row", "rate", "least", "most", "p50_ms", "p99_ms", "cpu_us", "of_empty", "errors")
    for name in names:
        table.add_column(name.replace("_", " "), justify="left" if name == "row" else "right")
    for line in figures["rows"]:
        table.add_row(*(_shown(line[name]) for name in names))
    console = Console(width=140)
    console.print(table)
    print(f"memory of the workers (PSS, MiB): {', '.join(f'{each:.0f}' for each in figures['worker_pss_mib'])}")
    musts = serve_musts.judged({line["row"]: line for line in figures["rows"]})
    musts += serve_musts.of_memory(figures["worker_pss_mib"])
    if streams := figures.get("streams"):
        musts += serve_musts.of_streams(streams)
        print("streams: " + ", ".join(f"{name} {value:,.4g}" for name, value in streams.items()))
    judged = Table("row", "must", "", title="What must be, on a machine that does nothing else")
    for must in musts:
        judged.add_row(*must)
    console.print(judged)
    print(f"machine: {machine}")
    subjects.save(
        "serve",
        {"users": given.users, "items": given.items, "tail": given.tail, "machine": machine, "musts": musts} | figures,
    )
    return 1 if any(line["errors"] for line in figures["rows"]) else 0


if __name__ == "__main__":
    sys.exit(main())
