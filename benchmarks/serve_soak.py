"""Whether the storefront's server holds: a steady load for an hour, while workers are killed and models change.

A person who reads the end of it knows whether a request failed that was in no killed worker, whether an answer was empty or
put together from two models, whether memory grows, and whether the server itself complained.

make bench-soak
make bench-soak ARGS="--minutes 2"
"""

import argparse
import os
import re
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import psutil

from benchmarks import serve_servers, serve_world, subjects
from benchmarks.http_load import request
from benchmarks.serve_servers import Family
from benchmarks.serve_world import CATEGORIES, LISTED, World
from benchmarks.servers import own_servers
from benchmarks.soak_load import Question, Soak
from tidemark.registry import champion
from tidemark.settings import Settings, settings
from tidemark.storage import mongo

CONNECTIONS = 32
KILL_EVERY, SWAP_EVERY, MEASURE_EVERY = 120.0, 90.0, 10.0
"""Seconds from one to the next."""
SETTLED = 30.0
"""Seconds after a swap from which on every answer must be of the new model."""
POPULAR_EVERY = 10
"""One request of so many asks for what is popular in a category."""

_COMPLAINT = re.compile(
    r"panicked|Traceback|Segmentation|^\[(ERROR|CRITICAL)\]|^\S+ \S+ (ERROR|CRITICAL) ", re.MULTILINE
)
_OF_A_KILL = re.compile(r"^\[ERROR\] Unexpected exit from worker-\d+$")


class Models:
    """The two models in turn, and what each answer must say."""

    def __init__(self, config: Settings, world: World) -> None:
        self._db, self._world = mongo.connect(config), world
        self._older, self._newer = sorted(world.lists)
        self._live, self._since = self._newer, time.monotonic()
        self.moved = 0

    def move(self) -> None:
        """Swap to the newer model, or roll back to the older."""
        self.moved += 1
        by = f"soak-{self.moved}"
        if self._live == self._newer:
            champion.roll_back(self._db, None, by)
        else:
            champion.move_pointer(self._db, self._newer, by)
        self._live = self._older if self._live == self._newer else self._newer
        self._since = time.monotonic()

    def questions(self) -> Iterator[Question]:
        """Stored lists of users at random, and now and then a category."""
        rng = np.random.default_rng(17)
        bearer = f"Bearer {self._world.key}"
        while True:
            for row in rng.integers(0, len(self._world.users), 1_000).tolist():
                if row % POPULAR_EVERY == 0:
                    path = f"/api/v1/popular?n={LISTED}&category=c{row % CATEGORIES}"
                    yield request(path, Authorization=bearer), self._popular
                else:
                    path = f"/api/v1/users/{self._world.users[row]}/recommendations?n={LISTED}"
                    yield request(path, Authorization=bearer), lambda *came, row=row: self._listed(row, *came)

    def _listed(self, row: int, status: int, body: bytes, sent: float) -> str:
        """What is wrong with a user's list: it must be the one of the model that it names, item by item."""
        if problem := self._answer(status, body, sent):
            return problem
        told = orjson.loads(body)
        wanted = [self._world.items[number] for number in self._world.lists[told["model_id"]][row, :LISTED].tolist()]
        if told["user_id"] != self._world.users[row]:
            return "of another user"
        return "" if [item["item_id"] for item in told["items"]] == wanted else "not the list of the model it names"

    def _popular(self, status: int, body: bytes, sent: float) -> str:
        return self._answer(status, body, sent)

    def _answer(self, status: int, body: bytes, sent: float) -> str:
        if status != 200:
            return f"status {status}"
        try:
            told = orjson.loads(body)
        except orjson.JSONDecodeError:
            return "no JSON"
        if told["model_id"] not in self._world.lists:
            return "of no model"
        if len(told["items"]) != LISTED:
            return "empty" if not told["items"] else "short"
        # Sent before it was due to have settled, an answer may be of either.
        return "of the model before" if told["model_id"] != self._live and sent - self._since > SETTLED else ""


class Memory:
    """Of the server's processes over time.

    PSS is what they take of the machine. Whether it grows is told by what is theirs alone and in no file (`Anonymous`) of
    the oldest worker, which is never killed, and of the supervisor: the pages of a mapped pack are the kernel's to take.
    """

    def __init__(self, shop: Family) -> None:
        self._shop = shop
        self.samples: list[dict[str, float]] = []

    def measure(self, at: float) -> None:
        """Now, `at` seconds after the start."""
        with suppress(psutil.Error, OSError, ValueError, IndexError):  # a worker that ends while it is looked at
            workers = sorted(self._shop.workers(), key=psutil.Process.create_time)
            each = [_rollup(worker.pid) for worker in workers]
            sample = {"at": at, "pss": sum(one["Pss"] for one in each), "workers": len(workers)}
            sample |= {"oldest": each[0]["Anonymous"], "supervisor": _rollup(self._shop.pid)["Anonymous"]}
            self.samples.append(sample)

    def drift(self, name: str) -> float:
        """MiB an hour over the last two thirds: the slope of a line through all samples."""
        if len(self.samples) < 6:
            return float("nan")
        late = self.samples[len(self.samples) // 3 :]
        return float(np.polyfit([one["at"] for one in late], [one[name] for one in late], 1)[0] * 3_600)


def _rollup(pid: int) -> dict[str, float]:
    """MiB by name, of Linux' `smaps_rollup`."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    return {name: int(value.split()[0]) / 1024 for name, _, value in (line.partition(":") for line in lines)}


def _kill(shop: Family, soak: Soak) -> int:
    """Kill the youngest worker; returns its process, or 0 where there is only one: the other must answer meanwhile."""
    workers = sorted(shop.workers(), key=psutil.Process.create_time)
    if len(workers) < 2:
        return 0
    worker = workers[-1]
    worker.suspend()  # so that it takes no connection between the looking and the killing
    soak.killing({one.raddr.port for one in worker.net_connections("tcp") if one.raddr})
    worker.kill()
    return worker.pid


def _complaints(log: Path) -> list[str]:
    """Lines of the server's log that say that something is wrong, but for those that say that a worker was killed."""
    lines = log.read_text(errors="replace").splitlines()
    return [line[:300] for line in lines if _COMPLAINT.search(line) and not _OF_A_KILL.match(line)]


def run(config: Settings, folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    """Start, load, disturb, stop."""
    world = serve_world.build(config, folder, given.users, given.items, 0, models=2)
    seconds, killed = given.minutes * 60, 0
    with serve_servers.storefront(config, folder) as shop:
        models, memory = Models(config, world), Memory(shop)
        soak = Soak(shop.address, models.questions(), CONNECTIONS, given.rate)
        loading = threading.Thread(target=soak.run, args=(seconds,), name="load")
        begun = time.monotonic()
        loading.start()
        # The shorter the soak, the sooner: two minutes see each of them too.
        pace = min(1.0, given.minutes / 8)
        kill_at, swap_at, measure_at, told_at = KILL_EVERY * pace, SWAP_EVERY * pace, 0.0, 60.0
        while loading.is_alive():
            loading.join(1)
            at = time.monotonic() - begun
            if at >= measure_at:
                memory.measure(at)
                measure_at += MEASURE_EVERY
            if seconds - at > 20 and at >= kill_at:
                killed += bool(_kill(shop, soak))
                kill_at += KILL_EVERY * pace
            if at >= swap_at:
                models.move()
                swap_at += SWAP_EVERY * pace
            if at >= told_at:
                print(_line(at, soak, memory, killed, models.moved), flush=True)
                told_at += 60.0
    heard = soak.heard
    complaints = _complaints(folder / "storefront.log")
    return {
        "minutes": given.minutes,
        "rate": given.rate,
        "answers": sum(heard.statuses.values()),
        "statuses": {str(status): count for status, count in sorted(heard.statuses.items())},
        "wrong": dict(heard.wrong),
        "kills": killed,
        "in_killed": heard.in_killed,
        "in_queue": heard.in_queue,
        "broken": dict(heard.broken),
        "refused": heard.refused,
        "left_out": heard.left_out,
        "faults": heard.faults,
        "swaps": models.moved,
        "p99_ms": float(np.percentile(heard.took, 99) * 1_000) if heard.took else float("nan"),
        "pss_mib": [round(one["pss"], 1) for one in memory.samples],
        "oldest_mib": [round(one["oldest"], 1) for one in memory.samples],
        "drift_mib_an_hour": {name: memory.drift(name) for name in ("oldest", "supervisor", "pss")},
        "complaints": complaints[:100],
        "load": os.getloadavg(),
    }


def _line(at: float, soak: Soak, memory: Memory, killed: int, moved: int) -> str:
    heard, newest = soak.heard, memory.samples[-1] if memory.samples else {}
    p99 = float(np.percentile(list(heard.took)[-10_000:], 99) * 1_000) if heard.took else float("nan")
    return (
        f"{at / 60:5.1f} min: {sum(heard.statuses.values()):,} answers, p99 {p99:.0f} ms, wrong {sum(heard.wrong.values())}, "
        f"broken {sum(heard.broken.values())}, {killed} kills (with {heard.in_killed} + {heard.in_queue} requests), {moved} swaps, "
        f"PSS {newest.get('pss', 0):.0f} MiB, oldest worker's own {newest.get('oldest', 0):.1f} MiB"
        + "".join(f"; at {second:.0f} s {fault}" for second, fault in heard.faults[-3:])
    )


def main() -> int:
    """Soak, print, save; 1 where anything was wrong that no kill explains."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--minutes", type=float, default=60)
    asked.add_argument("--rate", type=float, default=300, help="requests a second")
    asked.add_argument("--users", type=int, default=100_000)
    asked.add_argument("--items", type=int, default=25_000)
    given = asked.parse_args()
    with own_servers("mongo", "kafka") as folder:
        figures = run(settings(), folder, given)
    for name, value in figures.items():
        print(f"{name}: {value}")
    unexplained = sum(figures["wrong"].values()) + sum(figures["broken"].values())
    drift = figures["drift_mib_an_hour"]
    print(
        f"errors that no kill explains: {unexplained}; complaints of the server: {len(figures['complaints'])}; "
        f"memory over the last two thirds: the oldest worker {drift['oldest']:+.1f} MiB an hour, "
        f"the supervisor {drift['supervisor']:+.1f}, all PSS {drift['pss']:+.1f}"
    )
    subjects.save("serve_soak", figures)
    return 1 if unexplained or figures["complaints"] else 0


if __name__ == "__main__":
    sys.exit(main())
