"""`python -m tidemark.local.become mongo`: become one service. The supervisor runs this, so that no secret is an argument."""

import os
import sys

import psutil

from tidemark.errors import TidemarkError
from tidemark.local import airflow, ingest_service, processes, shop_services
from tidemark.local.command import Command
from tidemark.local.layout import state_folder
from tidemark.local.servers import SERVERS
from tidemark.settings import Settings, settings

SCHEDULER = "airflow-scheduler"


def _end_orphans(config: Settings, name: str) -> None:
    """End what a killed process of the service `name` has left.

    Of a scheduler those are its workers, and the Spark drivers below them: their tasks will be tried again, and two drivers
    of one task must never work at once. Of the storefront its workers, which would go on answering on the same port, with
    the settings and the code of before.
    """
    keeper = psutil.Process(os.getppid())
    kept = {keeper.pid, *(child.pid for child in keeper.children(recursive=True))}
    orphans = [process for process in processes.of_platform(state_folder(config)) if process.pid not in kept]
    if name != SCHEDULER:
        orphans = [process for process in orphans if processes.service_of(process) == name]
    if orphans:
        print(f"ending {len(orphans)} processes that a killed {name} has left", flush=True)
        processes.end(orphans, patience=15 if name == SCHEDULER else 3)


def _command(config: Settings, name: str) -> Command:
    if name in SERVERS:
        return SERVERS[name].command(config)
    if name in shop_services.NAMES:
        return shop_services.command(config, name)
    return ingest_service.command(config) if name == ingest_service.NAME else airflow.command(config, name)


def main() -> int:
    """Prepare and become the service that the argument names."""
    name = sys.argv[1]
    os.umask(0o077)
    try:
        config = settings()
        if name in (SCHEDULER, shop_services.STOREFRONT):
            _end_orphans(config, name)
        _command(config, name).become()
    except (TidemarkError, RuntimeError, OSError) as error:
        print(f"{name} cannot start: {error}", flush=True)
    return 1


if __name__ == "__main__":
    sys.exit(main())
