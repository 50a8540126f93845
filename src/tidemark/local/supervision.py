"""One supervisor keeps every service of a platform: its configuration, its start, and how to talk to it."""

import hashlib
import os
import shlex
import subprocess
import sys
import xmlrpc.client
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any

from supervisor.xmlrpc import SupervisorTransport
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from tidemark import __version__
from tidemark.errors import PlatformError
from tidemark.local import ingest_service, processes, shop_services
from tidemark.local.airflow import COMPONENTS
from tidemark.local.layout import log_file, socket_folder, state_folder, write_private
from tidemark.local.servers import SERVERS
from tidemark.settings import ROOT, Settings

SERVICES = [*SERVERS, *COMPONENTS, *shop_services.NAMES, ingest_service.NAME]
"""In the order in which they start; they stop in the opposite one."""

FAILED = ("FATAL", "EXITED", "UNKNOWN")
STOPPED = ("STOPPED", *FAILED)


@dataclass(frozen=True)
class Service:
    """A service as the supervisor sees it: `state` is RUNNING, STARTING, BACKOFF, STOPPED, FATAL, ..."""

    name: str
    state: str
    pid: int
    uptime: float


def configuration(config: Settings) -> str:
    """supervisord.conf. It holds no secret: each service reads the settings itself."""
    sockets, state = socket_folder(config), state_folder(config)
    sections: dict[str, dict[str, object]] = {
        "unix_http_server": {"file": sockets / "supervisor.sock", "chmod": "0700"},
        "supervisord": {
            "logfile": log_file(config, "supervisord"),
            "logfile_maxbytes": "10MB",
            "logfile_backups": 1,
            "loglevel": "info",
            "pidfile": sockets / "supervisord.pid",
            "childlogdir": state / "logs",
            "directory": ROOT,
            "umask": "077",
            **({"user": "root"} if os.geteuid() == 0 else {}),
        },
        "rpcinterface:supervisor": {
            "supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"
        },
        "supervisorctl": {"serverurl": f"unix://{sockets / 'supervisor.sock'}"},
    }
    sections |= {f"program:{name}": _program(config, name, rank) for rank, name in enumerate(SERVICES)}
    text = "".join(
        f"[{section}]\n" + "".join(f"{key} = {_escape(value)}\n" for key, value in values.items()) + "\n"
        for section, values in sections.items()
    )
    return f"; Written by tidemark {__version__}. Settings: {_settings_digest(config)}\n{text}"


def _program(config: Settings, name: str, rank: int) -> dict[str, object]:
    return {
        "command": shlex.join([sys.executable, "-m", "tidemark.local.become", name]),
        "autostart": "false",  # tidemark run starts each when what it needs is healthy
        "autorestart": "true",
        "priority": rank,
        # Until it has run so long it is not taken for started: a JVM that cannot start needs a while to say so.
        "startsecs": 10 if name == ingest_service.NAME else 2,
        "startretries": 6,
        # PostgreSQL's "fast" shutdown; TERM would wait for every client to leave.
        "stopsignal": "INT" if name == "postgres" else "TERM",
        "stopwaitsecs": 30,
        "stopasgroup": "true" if name == ingest_service.NAME else "false",  # its JVM is a child that must stop with it
        "killasgroup": "true",
        "redirect_stderr": "true",
        "stdout_logfile": log_file(config, name),
        "stdout_logfile_maxbytes": "10MB",
        "stdout_logfile_backups": 2,
    }


def _escape(value: object) -> str:
    return str(value).replace("%", "%%")


def _settings_digest(config: Settings) -> str:
    plain = sorted((name, repr(getattr(value, "get_secret_value", lambda v=value: v)())) for name, value in config)
    return hashlib.sha256(repr(plain).encode()).hexdigest()


class Supervisor:
    """The supervisor of one platform."""

    def __init__(self, config: Settings) -> None:
        """Of the platform with the state folder of `config`; nothing is started."""
        self.config = config
        self.file = state_folder(config) / "supervisord.conf"

    @contextmanager
    def _rpc(self) -> Iterator[Any]:
        if not self.file.exists():
            raise FileNotFoundError(f"{self.file}: no supervisor was ever started here")
        socket = f"unix://{socket_folder(self.config) / 'supervisor.sock'}"
        # The address is a form: the transport goes to the Unix socket.
        proxy = xmlrpc.client.ServerProxy("http://127.0.0.1", transport=SupervisorTransport(None, None, socket))
        with proxy:
            yield proxy.supervisor

    def is_running(self) -> bool:
        """Whether the supervisor answers."""
        try:
            with self._rpc() as rpc:
                return bool(rpc.getState()["statename"] == "RUNNING")
        except (OSError, HTTPException, xmlrpc.client.Error):
            return False

    def is_current(self) -> bool:
        """Whether it runs with the present settings."""
        return self.file.exists() and self.file.read_text() == configuration(self.config)

    def start(self) -> None:
        """Start the supervisor, without any service.

        Raises:
            PlatformError: it did not come up; the message has the reason.
        """
        write_private(self.file, configuration(self.config))
        state = str(state_folder(self.config))
        mark = {processes.MARK: state, "TIDEMARK_STATE": state, "PYTHONPATH": str(ROOT / "src")}
        done = subprocess.run(
            [sys.executable, "-m", "supervisor.supervisord", "-c", str(self.file)],
            env=os.environ | mark,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode or not _within(20, self.is_running):
            raise PlatformError(f"The supervisor does not start: {(done.stderr or done.stdout).strip()[-500:]}")

    def services(self) -> list[Service]:
        """Every service; all STOPPED where the supervisor does not run."""
        try:
            with self._rpc() as rpc:
                known = {info["name"]: info for info in rpc.getAllProcessInfo()}
        except (OSError, HTTPException, xmlrpc.client.Error):
            known = {}
        return [
            Service(
                name,
                info["statename"] if info else "STOPPED",
                info["pid"] if info else 0,
                info["now"] - info["start"] if info and info["pid"] else 0,
            )
            for name in SERVICES
            for info in [known.get(name)]
        ]

    def state(self, name: str) -> str:
        """The state of one service."""
        return next(service.state for service in self.services() if service.name == name)

    def start_services(self, names: list[str]) -> None:
        """Start those of `names` that do not run; does not wait for them."""
        with self._rpc() as rpc:
            for service in self.services():
                if service.name in names and service.state in STOPPED:
                    rpc.startProcess(service.name, False)

    def stop_services(self, names: list[str], patience: float = 45) -> None:
        """Ask all of `names` to stop at once, and wait for them."""
        with self._rpc() as rpc:
            for service in self.services():
                if service.name in names and service.state not in STOPPED:
                    rpc.stopProcess(service.name, False)
        _within(patience, lambda: all(s.state in STOPPED for s in self.services() if s.name in names))

    def shut_down(self) -> None:
        """End the supervisor itself."""
        with self._rpc() as rpc:
            rpc.shutdown()
        _within(20, lambda: not self.is_running())


def _within(seconds: float, condition: Any) -> bool:
    patience = Retrying(
        stop=stop_after_delay(seconds),
        wait=wait_fixed(0.1),
        retry=retry_if_result(lambda done: not done),
        retry_error_callback=lambda _: False,
    )
    return bool(patience(condition))


def log_tail(path: Path, lines: int = 15) -> str:
    """The last lines of a log."""
    if not path.exists():
        return ""
    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - 20_000))
        return "\n".join(stream.read().decode(errors="replace").splitlines()[-lines:])
