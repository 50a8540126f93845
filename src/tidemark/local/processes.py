"""Which processes belong to a platform: all that descend from its supervisor carry a mark in their environment."""

import contextlib
from pathlib import Path

import psutil

MARK = "TIDEMARK_PLATFORM"
"""Environment variable that names the state folder; the supervisor is started with it, all else inherits it."""

SERVICE = "TIDEMARK_SERVICE"
"""Environment variable that names the service: what a killed one has left behind is known by it."""


def platform_of(process: psutil.Process) -> str | None:
    """The state folder of the platform that `process` belongs to, or None."""
    return _variable(process, MARK)


def service_of(process: psutil.Process) -> str | None:
    """The service that `process` is a part of, where it says so, or None."""
    return _variable(process, SERVICE)


def _variable(process: psutil.Process, name: str) -> str | None:
    with contextlib.suppress(psutil.Error, OSError):
        return process.environ().get(name)
    return None


def of_platform(state: Path) -> list[psutil.Process]:
    """Every living process of the platform with this state folder, tasks and Spark drivers included."""
    marked = [process for process in psutil.process_iter() if platform_of(process) == str(state)]
    members = {process.pid: process for process in marked}
    # What changed its user may hide its environment from us; its parent does not.
    for process in marked:
        with contextlib.suppress(psutil.Error):
            members |= {child.pid: child for child in process.children(recursive=True)}
    return [
        process for process in members.values() if process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    ]


def end(processes: list[psutil.Process], patience: float = 15) -> None:
    """Ask `processes` to end, and end those that have not after `patience` seconds."""
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.terminate()
    _, left = psutil.wait_procs(processes, timeout=patience)
    for process in left:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(left, timeout=5)


def memory(process: psutil.Process) -> int:
    """Bytes of memory that the process and its descendants hold (proportional set size: what they share counts once)."""
    total = 0
    for member in [process, *process.children(recursive=True)]:
        with contextlib.suppress(psutil.Error, OSError):
            info = member.memory_full_info()
            total += getattr(info, "pss", info.rss)
    return total
