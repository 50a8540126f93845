"""Start, stop and remove a platform, whatever state it was left in."""

import fcntl
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import psutil

from tidemark.errors import PlatformError
from tidemark.local import airflow, dotenv, ingest_service, kafka, mongo, ports, postgres, processes, shop_services
from tidemark.local.layout import log_file, private_folder, socket_folder, state_folder
from tidemark.local.servers import SERVERS
from tidemark.local.supervision import FAILED, STOPPED, Supervisor, log_tail
from tidemark.local.terminal import step
from tidemark.settings import Settings, settings
from tidemark.storage import mongo as storage

GB = 1 << 30
NEEDED_GB = 2


@contextmanager
def alone(config: Settings) -> Iterator[None]:
    """Within it no other command starts, stops or removes this platform; waits for one that does."""
    with (private_folder(state_folder(config)) / "lock").open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with step("waiting for another tidemark command"):
                fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def prepare() -> Settings:
    """The settings, every password made up, and a private state folder with room in it.

    Raises:
        PlatformError: the disk is full.
        SettingError: a setting cannot work.
    """
    dotenv.fill()
    config = settings()
    private_folder(state_folder(config))
    free = shutil.disk_usage(state_folder(config)).free / GB
    if free < NEEDED_GB:
        raise PlatformError(
            f"{free:.1f} GB are free at {state_folder(config)}, {NEEDED_GB} are needed. Make room, or set TIDEMARK_STATE"
        )
    return config


def unfinished_restore(config: Settings) -> Path:
    """The folder that is there from when a restore begins to put things in place until all are."""
    return state_folder(config) / "restored"


def require_whole(config: Settings) -> None:
    """Raise `PlatformError` where a restore was killed half-way: what is there is of two platforms."""
    if unfinished_restore(config).exists():
        raise PlatformError("A restore of this platform was not finished: run make restore FROM=... again")


def start(config: Settings) -> None:
    """Start what is not running, and wait until all of it is at work, but for the ingest: see `await_ingest`.

    Raises:
        PlatformError: a restore was not finished, a port is taken, or a service does not come up; the message has the end of its log.
    """
    require_whole(config)
    supervisor = Supervisor(config)
    if supervisor.is_running() and not supervisor.is_current():
        with step("stopping: the settings have changed"):
            stop(config)
    if not supervisor.is_running():
        _end_leftovers(config)
        _require_free_ports(config)
        with step("supervisor"):
            supervisor.start()
    supervisor.start_services(list(SERVERS))
    for name, server in SERVERS.items():
        with step(name):
            _wait(supervisor, name, partial(server.provision, config, 90))
    with step("Airflow's database"):
        airflow.provision(config)
    supervisor.start_services([*airflow.COMPONENTS, *shop_services.NAMES])
    with step("Airflow"):
        _wait(supervisor, "airflow-api-server", partial(_await_health, supervisor, partial(airflow.unhealthy, config)))
    with step("storefront"):
        _wait(
            supervisor,
            shop_services.STOREFRONT,
            partial(_await_health, supervisor, partial(_missing, supervisor, config)),
        )
    supervisor.start_services([ingest_service.NAME])  # its JVM starts while others have something to do


def await_ingest(config: Settings, patience: float = 180) -> None:
    """Wait until the ingest, which `start` started, stores what comes by Kafka.

    Raises:
        PlatformError: it does not come up, or not within `patience` seconds; the message has the end of its log.
    """
    supervisor = Supervisor(config)
    with step(ingest_service.NAME):
        _wait(supervisor, ingest_service.NAME, partial(_await_ingest, supervisor, config, patience))


def _await_ingest(supervisor: Supervisor, config: Settings, patience: float) -> None:
    db, deadline = storage.connect(config), time.monotonic() + patience
    while not (supervisor.state(ingest_service.NAME) == "RUNNING" and ingest_service.has_begun(db, config)):
        if supervisor.state(ingest_service.NAME) in STOPPED:
            raise _failure(supervisor, ingest_service.NAME)
        if time.monotonic() > deadline:
            raise _failure(supervisor, ingest_service.NAME, f"has not begun after {patience:.0f} s")
        time.sleep(0.5)


def _wait(supervisor: Supervisor, name: str, task: Callable[[], None]) -> None:
    """Run `task`, which waits for the service `name`; give up at once when the supervisor has."""
    problem: list[BaseException] = []

    def attempt() -> None:
        try:
            task()
        except BaseException as error:
            problem.append(error)

    # A thread that is abandoned with the process: what it waits for will not come.
    worker = threading.Thread(target=attempt, daemon=True)
    worker.start()
    while worker.is_alive():
        worker.join(0.2)
        if worker.is_alive() and supervisor.state(name) in FAILED:
            raise _failure(supervisor, name)
    if problem and supervisor.state(name) != "RUNNING":
        raise _failure(supervisor, name) from problem[0]
    if problem:
        raise problem[0]


def _failure(supervisor: Supervisor, name: str, what: str = "does not start") -> PlatformError:
    log = log_file(supervisor.config, name)
    return PlatformError(f"{name} {what}. The end of {log}:\n{log_tail(log)}")


def _missing(supervisor: Supervisor, config: Settings) -> list[str]:
    """The storefront's services that are not at work; who counts clicks answers nobody, so it is asked of the supervisor."""
    if silent := shop_services.unhealthy(config):
        return silent
    return [] if supervisor.state(shop_services.ENGAGEMENT) == "RUNNING" else [shop_services.ENGAGEMENT]


def _await_health(supervisor: Supervisor, unhealthy: Callable[[], list[str]], patience: float = 300) -> None:
    """Wait until `unhealthy` names no service any more; give up when the supervisor has given up one of those."""
    deadline = time.monotonic() + patience
    while missing := unhealthy():
        for name in missing:
            if supervisor.state(name) in FAILED:
                raise _failure(supervisor, name)
        if time.monotonic() > deadline:
            raise PlatformError(f"{', '.join(missing)}: not at work after {patience:.0f} s. See: make logs")
        time.sleep(0.5)


def _require_free_ports(config: Settings) -> None:
    wanted = {
        mongo.port(config): "TIDEMARK_MONGO_HOSTS",
        kafka.port(config): "TIDEMARK_KAFKA_BOOTSTRAP",
        config.kafka_controller_port: "TIDEMARK_KAFKA_CONTROLLER_PORT",
        config.airflow_port: "TIDEMARK_AIRFLOW_PORT",
        config.shop_port: "TIDEMARK_SHOP_PORT",
        config.shop_live_port: "TIDEMARK_SHOP_LIVE_PORT",
    }
    if len(wanted) < 6:
        raise PlatformError(
            f"Two servers cannot share a port: give {', '.join(wanted.values())} and the others each their own"
        )
    taken = [(port, variable) for port, variable in wanted.items() if not ports.is_free(port)]
    if taken:
        said = ", ".join(f"{port} ({variable}) by {ports.holder(port)}" for port, variable in taken)
        raise PlatformError(f"Ports are taken: {said}. Stop that, or set other ports in {dotenv.env_file()}")


def _end_leftovers(config: Settings) -> None:
    """End what a killed supervisor has left behind; nothing keeps it any more."""
    left = processes.of_platform(state_folder(config))
    left += _orphaned_postgres(config, {process.pid for process in left})
    if left:
        with step(f"ending {len(left)} processes that were left behind"):
            processes.end(left)
    for name in ("supervisor.sock", "supervisord.pid"):
        (socket_folder(config) / name).unlink(missing_ok=True)


def _orphaned_postgres(config: Settings, known: set[int]) -> list[psutil.Process]:
    """PostgreSQL by its own pid file, where it runs as a user whose environment we cannot read."""
    data = postgres.data_folder(config)
    try:
        process = psutil.Process(int((data / "postmaster.pid").read_text().split()[0]))
        ours = process.name() == "postgres" and str(data) in process.cmdline()
    except (OSError, ValueError, IndexError, psutil.Error):
        return []
    return [process] if ours and process.pid not in known else []


def stop(config: Settings) -> bool:
    """Stop all services in order: the storefront, Airflow, the ingest, then Kafka, MongoDB and PostgreSQL.

    False: nothing was running.
    """
    supervisor = Supervisor(config)
    was_running = supervisor.is_running()
    if was_running:
        with step("stopping the storefront"):
            supervisor.stop_services(list(shop_services.NAMES))
        with step("stopping Airflow"):
            supervisor.stop_services(list(airflow.COMPONENTS))
            # Tasks that were at work end with Airflow, not after their database has gone.
            _end_tasks(config, supervisor)
        for name in (ingest_service.NAME, "kafka", "mongo", "postgres"):
            with step(f"stopping {name}"):
                supervisor.stop_services([name])
        with step("stopping the supervisor"):
            supervisor.shut_down()
    left = processes.of_platform(state_folder(config))
    left += _orphaned_postgres(config, {process.pid for process in left})
    processes.end(left)
    return was_running or bool(left)


def _end_tasks(config: Settings, supervisor: Supervisor) -> None:
    kept: set[int] = set()
    for service in supervisor.services():
        if service.pid:
            process = psutil.Process(service.pid)
            kept |= {process.pid, *(child.pid for child in process.children(recursive=True))}
    pid_file = socket_folder(config) / "supervisord.pid"
    kept.add(int(pid_file.read_text()))
    processes.end([process for process in processes.of_platform(state_folder(config)) if process.pid not in kept])


def remove(config: Settings) -> None:
    """Remove the state folder of a stopped platform, and what it has elsewhere."""
    sockets = socket_folder(config)
    postgres.remove(config)
    shutil.rmtree(state_folder(config))
    shutil.rmtree(sockets, ignore_errors=True)
