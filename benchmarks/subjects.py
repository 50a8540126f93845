"""What is measured side by side: each subject in a process of its own, its CPU-seconds with those of all it started."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from tidemark.settings import settings


def cpu_seconds() -> float:
    """CPU of this process, of the children it has waited for, and of all its descendants that live."""
    own = psutil.Process()
    alive = [p.cpu_times() for p in own.children(recursive=True)]
    times = own.cpu_times()
    ended = times.children_user + times.children_system
    return float(times.user + times.system + ended + sum(t.user + t.system for t in alive))


def peak(pid: int) -> int:
    """Highest resident memory of a process so far, bytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
    return 0


@contextmanager
def measured(into: dict[str, Any]) -> Iterator[None]:
    """Add `cpu_seconds` and `wall_seconds` of the block to `into`."""
    wall, cpu = time.monotonic(), cpu_seconds()
    yield
    into |= {"cpu_seconds": cpu_seconds() - cpu, "wall_seconds": time.monotonic() - wall}


def run(script: str, subject: str, *arguments: str) -> dict[str, Any]:
    """Run `script --subject <subject>` in a process of its own; the figures that it printed last."""
    command = [sys.executable, script, "--subject", subject, *arguments]
    process = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    figures: dict[str, Any] = json.loads(process.stdout.strip().splitlines()[-1])
    return {"subject": subject} | figures


def report(name: str, title: str, rows: list[dict[str, Any]], baseline: str = "tidemark") -> None:
    """Print `rows` as a table, with each one's CPU beside the baseline's, and keep them in `<state>/benchmarks`."""
    base = next(r["cpu_seconds"] for r in rows if r["subject"] == baseline)
    for row in rows:
        row["cpu_ratio"] = row["cpu_seconds"] / base
    table = Table(title=title)
    for column in rows[0]:
        table.add_column(column.replace("_", " "), justify="left" if column == "subject" else "right")
    for row in rows:
        table.add_row(*(f"{v:.4g}" if isinstance(v, float) else str(v) for v in row.values()))
    Console(width=160).print(table)
    save(name, rows)


def save(name: str, figures: Any) -> None:
    """Keep `figures` as `<state>/benchmarks/<name>.json`."""
    path = settings().state / "benchmarks" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(figures, indent=2) + "\n")
    print(f"saved: {path}")
