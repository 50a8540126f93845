"""Ports on the loopback: which one a setting means, and who holds it when it is taken."""

import contextlib
import secrets
import socket

import psutil

from tidemark.errors import SettingError
from tidemark.local.processes import platform_of

LOOPBACK = "127.0.0.1"

SERVER_PORTS = range(10_240, 32_768)
"""Below those that Linux gives to outgoing connections: none of them takes a port before its server listens on it."""

_given: set[int] = set()


def loopback_port(variable: str, address: str) -> int:
    """The port in `address` ("127.0.0.1:27117"), the value of the setting `variable`.

    Raises:
        SettingError: it names another machine, or several.
    """
    host, _, port = address.partition(":")
    if host not in (LOOPBACK, "localhost") or not port.isdigit():
        raise SettingError(
            f"{variable}={address}: the servers of make run listen on this machine alone; give 127.0.0.1 and a port, "
            "or run the DAGs on a cluster of your own (docker-compose.yaml)"
        )
    return int(port)


def free_port() -> int:
    """A port that nothing listens on at this moment, and that this process was not given before."""
    free = [port for port in secrets.SystemRandom().sample(SERVER_PORTS, 50) if port not in _given and is_free(port)]
    _given.add(free[0])
    return free[0]


def is_free(port: int) -> bool:
    """Whether a server could listen on `port` of the loopback now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def holder(port: int) -> str:
    """Who listens on `port`, as far as this user may see: "mongod (pid 4711) of the platform in /home/me/.tidemark"."""
    with contextlib.suppress(psutil.Error):
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr[1:] == (port,) and connection.pid:
                with contextlib.suppress(psutil.Error):
                    process = psutil.Process(connection.pid)
                    owner = platform_of(process)
                    return f"{process.name()} (pid {process.pid})" + (f" of the platform in {owner}" if owner else "")
    return "another process"
