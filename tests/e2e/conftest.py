"""One whole platform, started once by the command that a person uses, on free ports and with state of its own."""

import os
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest
from dotenv import dotenv_values

from tests.support import browser as chromium
from tests.support.secrets_in_logs import keep_all_of
from tidemark.local import dotenv, postgres, processes, throwaway
from tidemark.local.airflow_client import AirflowApi
from tidemark.local.layout import state_folder
from tidemark.local.supervision import Service, Supervisor
from tidemark.settings import ROOT, Settings

# The platform runs as a person's does, without what tests are given (tests/conftest.py).
os.environ.pop("OPENBLAS_NUM_THREADS", None)

SMALL = {"builtin_reviews": 6000, "builtin_users": 400, "builtin_items": 150}
LONGEST_RUN = 900


@dataclass
class Watch:
    """What a platform's processes show to everybody on the machine, seen again and again while it works."""

    state: Path
    listening: set[tuple[str, str, int]] = field(default_factory=set)
    command_lines: set[str] = field(default_factory=set)
    seen: int = 0

    def look(self) -> None:
        """Add what can be seen now."""
        for process in processes.of_platform(self.state):
            try:
                self.command_lines.add("\0".join(process.cmdline()))
                for connection in process.net_connections("inet"):
                    if connection.status == psutil.CONN_LISTEN:
                        self.listening.add((process.name(), connection.laddr.ip, connection.laddr.port))
            except psutil.Error:
                continue  # it has ended meanwhile
        self.seen += 1

    def until(self, done: threading.Event) -> None:
        """Look every second until `done`."""
        while not done.wait(1):
            self.look()


class Platform:
    """A platform with a state folder, an env file and ports of its own."""

    def __init__(self, folder: Path, **more: Any) -> None:
        """Nothing is started; its passwords are still to be made up. `more`: settings of its own."""
        self.folder, self.env_file = folder, folder / "env"
        self.watch = Watch(folder / "state")
        self.first_output = ""
        small = {"mongo_cache_gb": 0.25, "spark_master": "local[2]", "spark_driver_memory": "1g"}
        throwaway.write_env_file(self.env_file, self.watch.state, lineage="lineage.jsonl", **small, **more)

    @property
    def config(self) -> Settings:
        """Its settings as they are now."""
        return keep_all_of(throwaway.settings_of(self.env_file, self.watch.state))

    @property
    def passwords(self) -> dict[str, str]:
        """Every password that was made up for it."""
        values = dotenv_values(self.env_file)
        return {name: values[dotenv.variable(name)] or "" for name in dotenv.GENERATED}

    def tidemark(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run the command `tidemark` on it, and watch it meanwhile."""
        done = threading.Event()
        watcher = threading.Thread(target=self.watch.until, args=(done,))
        watcher.start()
        try:
            return throwaway.command(
                self.env_file, *arguments, cwd=self.folder, capture_output=True, timeout=LONGEST_RUN
            )
        finally:
            done.set()
            watcher.join()

    def run(self) -> "subprocess.CompletedProcess[str]":
        """`tidemark run` on a small set of built-in data."""
        return self.tidemark("run", "--whole", *(f"--load={name}={value}" for name, value in SMALL.items()))

    def services(self) -> dict[str, Service]:
        """Its services by name."""
        return {service.name: service for service in Supervisor(self.config).services()}

    def end(self) -> None:
        """Stop it, whatever state it is in; its logs stay, what it has outside its state folder goes."""
        self.tidemark("stop")
        processes.end(processes.of_platform(state_folder(self.config)))
        postgres.remove(self.config)


@pytest.fixture(scope="session")
def shots(request: pytest.FixtureRequest) -> chromium.Shots:
    """Below `.tidemark/screenshots`, or where `--screenshots` says."""
    return chromium.Shots(Path(request.config.getoption("--screenshots") or ROOT / ".tidemark" / "screenshots"))


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A platform on which `tidemark run` has succeeded."""
    platform = Platform(tmp_path_factory.mktemp("platform"))
    try:
        first = platform.run()
        assert first.returncode == 0, first.stdout[-3_000:] + first.stderr[-5_000:]
        platform.first_output = first.stdout
        yield platform
    finally:
        platform.end()


@pytest.fixture
def api(platform: Platform) -> Iterator[AirflowApi]:
    """Its Airflow."""
    with AirflowApi(platform.config) as api:
        yield api
