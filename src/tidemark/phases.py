"""Phases: where the seconds of a job went: a line each in its log, and a list in what it leaves in the run folder."""

import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import psutil

Document = dict[str, Any]

log = logging.getLogger(__name__)

_kept: ContextVar[list[Document] | None] = ContextVar("phases", default=None)


def _jvm() -> psutil.Process | None:
    """The JVM that spark-submit became, which started this process; None where nobody submitted it."""
    return psutil.Process(os.getppid()) if "PYSPARK_GATEWAY_PORT" in os.environ else None


def _cpu_seconds() -> float:
    """CPU of this process, all threads, and of the JVM that started it; a session's Python workers are not in it."""
    own, jvm = time.process_time(), _jvm()
    times = jvm.cpu_times() if jvm else None
    return own + times.user + times.system if times else own


def _keep(name: str, seconds: float, cpu_seconds: float) -> None:
    log.info("%s: %.1f s (%.1f s of CPU)", name, seconds, cpu_seconds)
    kept = _kept.get()
    if kept is not None:
        kept.append({"phase": name, "seconds": round(seconds, 2), "cpu_seconds": round(cpu_seconds, 2)})


@contextmanager
def phase(name: str) -> Iterator[None]:
    """Log how long the block took, wall and CPU, and keep it where `job` is around it. Phases are not nested."""
    wall, cpu = time.monotonic(), _cpu_seconds()
    yield
    _keep(name, time.monotonic() - wall, _cpu_seconds() - cpu)


@contextmanager
def job() -> Iterator[Callable[[], Document]]:
    """The body of a job. Gives a function that tells, for the job's result, `seconds` since the body began and `phases`:
    of each, in order, `{phase, seconds, cpu_seconds}`.

    The first phase of a submitted job is `start`: JVM, Python, imports; `seconds` leaves it out.
    """
    began, token = time.monotonic(), _kept.set([])
    if jvm := _jvm():
        _keep("start", time.time() - jvm.create_time(), _cpu_seconds())
    try:
        yield lambda: {"seconds": round(time.monotonic() - began, 1), "phases": _kept.get()}
    finally:
        _kept.reset(token)
