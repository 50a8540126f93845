"""`python -m tidemark.local.become mongo`: become one service. The supervisor runs this, so that no secret is an argument."""

import os
import sys

import psutil

from tidemark.errors import TidemarkError
from tidemark.local import airflow, ingest_service, processes
from tidemark.local.command import Command
from tidemark.local.layout import state_folder
from tidemark.local.servers import SERVERS
from tidemark.settings import Settings, settings


def _end_orphans(config: Settings) -> None:
    """End the workers, and the Spark drivers below them, of a scheduler that was killed: their tasks will be tried again,
    and two drivers of one task must never work at once."""
    keeper = psutil.Process(os.getppid())
    kept = {keeper.pid, *(child.pid for child in keeper.children(recursive=True))}
    orphans = [process for process in processes.of_platform(state_folder(config)) if process.pid not in kept]
    if orphans:
        print(f"ending {len(orphans)} processes that a killed scheduler has left", flush=True)
        processes.end(orphans)


def _command(config: Settings, name: str) -> Command:
    if name in SERVERS:
        return SERVERS[name].command(config)
    return ingest_service.command(config) if name == ingest_service.NAME else airflow.command(config, name)


def main() -> int:
    """Prepare and become the service that the argument names."""
    name = sys.argv[1]
    os.umask(0o077)
    try:
        config = settings()
        if name == "airflow-scheduler":
            _end_orphans(config)
        _command(config, name).become()
    except (TidemarkError, RuntimeError, OSError) as error:
        print(f"{name} cannot start: {error}", flush=True)
    return 1


if __name__ == "__main__":
    sys.exit(main())
