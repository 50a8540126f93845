"""Servers of HTTP that are measured: started as the platform starts its own; what they use, they and all their workers."""

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil

from tidemark.local import ports, shop_services
from tidemark.local.command import Command
from tidemark.settings import ROOT, Settings

STARTING = 120.0
"""Seconds that a server may take to answer."""


class Family:
    """A server's processes.

    Args:
        pid: of the one that was started.
        port: where it answers on the loopback.
    """

    def __init__(self, pid: int, port: int) -> None:
        self._first = psutil.Process(pid)
        self.pid = pid
        self.address = ("127.0.0.1", port)

    def workers(self) -> list[psutil.Process]:
        """Those that answer: the children, or the only process there is."""
        return self._first.children(recursive=True) or [self._first]

    def cpu(self) -> float:
        """Seconds of CPU that all of them, the living and those that ended, have used."""
        total = 0.0
        for one in {self._first, *self.workers()}:
            with contextlib.suppress(psutil.Error):
                times = one.cpu_times()
                total += times.user + times.system
        ended = self._first.cpu_times()
        return total + ended.children_user + ended.children_system

    def own_memory(self) -> list[float]:
        """MiB of each worker, what several share counted by its part (PSS)."""
        return [one.memory_full_info().pss / 2**20 for one in self.workers()]


@contextmanager
def served(command: Command, port: int, path: str, log: Path) -> Iterator[Family]:
    """A server for the length of a block, from when `path` is answered with 200.

    Raises:
        RuntimeError: it is not, within `STARTING`; the message ends with what it said.
    """
    with command.running(log) as process:
        deadline = time.monotonic() + STARTING
        while not _answers(port, path):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{' '.join(command.argv[:4])} did not start: {log.read_text()[-2_000:]}")
            time.sleep(0.2)
        yield Family(process.pid, port)


def storefront(config: Settings, folder: Path) -> contextlib.AbstractContextManager[Family]:
    """The storefront, ready to answer."""
    command = shop_services.command(config, shop_services.STOREFRONT)
    return served(command, config.shop_port, "/readyz", folder / "storefront.log")


def live(config: Settings, folder: Path) -> contextlib.AbstractContextManager[Family]:
    """The live process."""
    command = shop_services.command(config, shop_services.LIVE)
    return served(command, config.shop_live_port, "/live/healthz", folder / "live.log")


def gunicorn(
    config: Settings, folder: Path, app: str, path: str, workers: int = 0
) -> contextlib.AbstractContextManager[Family]:
    """`app` under gunicorn's threads, with as many workers and threads as Granian has.

    Args:
        config: the settings.
        folder: for its log and its metrics.
        app: as `module:name`.
        path: answered with 200 once it is ready.
        workers: processes; 0: as the storefront.
    """
    port, metrics = ports.free_port(), folder / f"gunicorn-metrics-{app.partition(':')[0]}"
    metrics.mkdir()
    threads = shop_services.GRANIAN["--blocking-threads"]
    argv = [sys.executable, "-m", "gunicorn", "--worker-class", "gthread", "--threads", threads]
    argv += [
        "--workers",
        str(workers or config.shop_workers),
        "--bind",
        f"127.0.0.1:{port}",
        "--no-control-socket",
        app,
    ]
    environment = {
        "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)]),
        "OPENBLAS_NUM_THREADS": shop_services.ONE_THREAD,
        "PROMETHEUS_MULTIPROC_DIR": str(metrics),
    }
    return served(Command(argv, environment), port, path, folder / f"{metrics.name}.log")


@contextmanager
def fitting(folder: Path) -> Iterator[None]:
    """A model is fitted (`serve_fit`), from before the block to its end.

    Raises:
        RuntimeError: it does not begin within `STARTING`.
    """
    log = folder / "fit.log"
    environment = {"PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
    with log.open("wb") as output:
        process = Command([sys.executable, "-m", "benchmarks.serve_fit"], environment).start(output.fileno())
    try:
        deadline = time.monotonic() + STARTING
        while "fitting" not in (said := log.read_text()):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"no model is being fitted: {said[-2_000:]}")
            time.sleep(0.2)
        yield
    finally:
        process.kill()  # nothing that it has is worth keeping
        process.wait()


def empty(config: Settings, folder: Path) -> contextlib.AbstractContextManager[Family]:
    """The empty Flask route under the same server, with the same options."""
    port = ports.free_port()
    arguments = shop_services.arguments(config, shop_services.STOREFRONT)
    arguments = ["benchmarks.empty_flask:app" if a == "tidemark.storefront.wsgi:app" else a for a in arguments]
    arguments[arguments.index("--port") + 1] = str(port)
    environment = {"PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
    return served(Command([sys.executable, "-m", *arguments], environment), port, "/", folder / "empty.log")


def _answers(port: int, path: str) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}{path}", timeout=5, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False
