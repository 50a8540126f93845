"""Components of an Airflow of the test's own, as processes."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil

from tidemark.local import airflow, processes
from tidemark.local.command import Command
from tidemark.settings import Settings


@contextmanager
def component(config: Settings, name: str, log: Path, environment: Mapping[str, str]) -> Iterator[None]:
    """One of `airflow.COMPONENTS`, with `environment` on top of its own; it ends, with all its children, with the block."""
    command = airflow.command(config, name)
    with log.open("wb") as output:
        process = Command(command.argv, {**command.env, **environment}).start(output)
        try:
            yield
        finally:
            started = psutil.Process(process.pid)
            processes.end([started, *started.children(recursive=True)])
