"""What a training holds in memory, by its phases, as the window grows: made-up pairs, each size in a process of its own.

python -m benchmarks.memory --pairs 1000000,5000000,20000000
"""

import argparse
import json
import logging
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from tidemark.evaluation import splits
from tidemark.models import fallback
from tidemark.models.pairs import Pairs
from tidemark.retraining import grids, portfolio, search

A_USER, ITEMS = 10, 200_000
"""Pairs of a user in the mean, and items at most."""
BUDGET = grids.BUDGETS["implicit"]


def made(n: int) -> Pairs:
    """`n` pairs: users with geometric counts, items by a power law, times at random."""
    rng = np.random.default_rng(5)
    drawn, n_items = n * 2 // A_USER, min(ITEMS, n // 20)
    user = np.repeat(np.arange(drawn, dtype=np.int32), rng.geometric(1 / A_USER, drawn))
    item = np.minimum(rng.pareto(0.8, len(user)) * 3, n_items - 1).astype(np.int32)
    _, first = np.unique(user.astype(np.int64) * n_items + item, return_index=True)
    user, item = user[first][:n], item[first][:n]  # some are drawn twice
    count, n_users = len(user), int(user[-1]) + 1
    return Pairs(
        users=np.array([f"U{number:011}" for number in range(n_users)], object),
        items=np.array([f"I{number:08}" for number in range(n_items)], object),
        user_num=user,
        item_num=item,
        weight=np.ones(count, np.float32),
        rating=np.full(count, np.nan, np.float32),
        timestamp=rng.integers(1_600_000_000_000_000, 1_700_000_000_000_000, count),
    )


def one(n: int) -> None:
    """Train on `n` pairs; prints its figures as JSON."""
    rows: list[dict[str, Any]] = []

    def phase(name: str, work: Callable[[], Any]) -> Any:
        cpu = time.process_time()
        result = work()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        rows.append({"phase": name, "peak_gib": peak, "cpu_s": time.process_time() - cpu})
        return result

    pairs = phase("pairs", lambda: made(n))
    split = phase("split", lambda: splits.hold_out(pairs))
    choice = phase("search", lambda: search.choose(split.train, "implicit", "implicit", {}, None))
    fit = choice.search.fit if choice.search else None
    found = phase("blend", lambda: portfolio.search(split.train, choice.recommender, BUDGET, fit))
    phase("fit", lambda: fallback.fit(found.recommender, pairs))
    print(json.dumps({"pairs": len(pairs), "users": pairs.shape[0], "items": pairs.shape[1], "rows": rows,
                      "picked": str(found.recommender)}))  # fmt: skip


def main() -> None:
    """Each size in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", default="1000000,5000000,20000000", help="sizes, by commas")
    parser.add_argument("--one", type=int, help="this size alone, in this process")
    given = parser.parse_args()
    logging.basicConfig(level=logging.ERROR)
    if given.one:
        one(given.one)
        return
    table = Table("pairs", "users", "items", "phase", "peak, GiB", "CPU-s", title="What a training holds")
    for n in map(int, given.pairs.split(",")):
        command = [sys.executable, "-m", "benchmarks.memory", "--one", str(n)]
        told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
        for row in told["rows"]:
            figures = f"{row['peak_gib']:.2f}", f"{row['cpu_s']:.1f}"
            table.add_row(*(f"{told[name]:,}" for name in ("pairs", "users", "items")), row["phase"], *figures)
        print(told["picked"])
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
