"""The three servers by name, and how to have one for the length of a `with` block (what the tests stand on)."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Protocol, cast

from tidemark.local import kafka, mongo, postgres
from tidemark.local.command import Command
from tidemark.local.layout import log_file
from tidemark.settings import Settings


class Server(Protocol):
    """What each server's module answers."""

    def command(self, config: Settings) -> Command:
        """Make what the server needs before it starts, and say how to start it."""

    def is_up(self, config: Settings) -> bool:
        """Whether it answers."""

    def provision(self, config: Settings, timeout: float = 60) -> None:
        """Wait until it answers and make in it what the platform needs; done again, it changes nothing."""


SERVERS: dict[str, Server] = {
    name: cast(Server, module)
    for name, module in cast(dict[str, ModuleType], {"mongo": mongo, "kafka": kafka, "postgres": postgres}).items()
}


@contextmanager
def running(name: str, config: Settings) -> Iterator["subprocess.Popen[bytes]"]:
    """The server `name` ready for use, as a child of this process; it ends with the block."""
    log = Path(log_file(config, name))
    with SERVERS[name].command(config).running(log) as process:
        try:
            SERVERS[name].provision(config)
            yield process
        except Exception as error:
            if process.poll() is not None:
                raise RuntimeError(f"{name} ended with {process.returncode}: {log.read_text()[-2_000:]}") from error
            raise
