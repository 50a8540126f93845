"""Before anything is started: room on the disk, and one command at a time."""

import itertools
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.own_settings import local_settings
from tidemark.errors import PlatformError
from tidemark.local import airflow, lifecycle, ports, shop_services
from tidemark.local.layout import log_file, state_folder
from tidemark.settings import Settings, settings


def test_a_full_disk_is_told_before_anything_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEMARK_ENV_FILE", str(tmp_path / "env"))
    monkeypatch.setenv("TIDEMARK_STATE", str(tmp_path / "state"))
    settings.cache_clear()
    assert state_folder(lifecycle.prepare()) == tmp_path / "state"
    monkeypatch.setattr(lifecycle, "NEEDED_GB", 1 << 40)
    with pytest.raises(PlatformError, match=r"GB are free at .*state.* are needed"):
        lifecycle.prepare()


def test_a_second_command_waits_for_the_first(tmp_path: Path) -> None:
    config = local_settings(tmp_path)
    order: list[str] = []
    inside = threading.Event()

    def second() -> None:
        inside.wait(60)
        with lifecycle.alone(config):
            order.append("second")

    waiting = threading.Thread(target=second)
    waiting.start()
    with lifecycle.alone(config):
        inside.set()
        waiting.join(0.5)
        assert waiting.is_alive(), "it did not wait"
        order.append("first")
    waiting.join(60)
    assert order == ["first", "second"]


def test_leftovers_that_name_a_dead_or_foreign_process_are_left_alone(tmp_path: Path) -> None:
    import os

    config = local_settings(tmp_path)
    data = config.state / "postgres" / "data"
    data.mkdir(parents=True)
    for pid in ("", "not a pid", str(os.getpid()), "4194304"):
        (data / "postmaster.pid").write_text(pid)
        assert lifecycle._orphaned_postgres(config, set()) == []


class Kept:
    """A supervisor whose services do as they are told; `states` are those that the ingest shows, one after the other."""

    def __init__(self, config: Settings, happened: list[str], states: Iterator[str]) -> None:
        self.config, self.happened, self.states, self.is_up = config, happened, states, False

    def is_running(self) -> bool:
        return self.is_up

    def start(self) -> None:
        self.is_up = True

    def start_services(self, names: list[str]) -> None:
        self.happened += [f"start {name}" for name in names]

    def state(self, name: str) -> str:
        return next(self.states) if name == "ingest" else "RUNNING"

    def stop_services(self, names: list[str]) -> None:
        self.happened.append(f"stop {' '.join(names)}")

    def shut_down(self) -> None:
        self.is_up = False


class Answers:
    """A server that is ready at once."""

    def __init__(self, name: str, happened: list[str]) -> None:
        self.name, self.happened = name, happened

    def provision(self, config: Settings, timeout: float) -> None:
        self.happened.append(f"{self.name} is ready")


@pytest.fixture
def happened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is done to services and servers, none of which is real, in its order."""
    happened: list[str] = []
    monkeypatch.setattr(lifecycle, "SERVERS", {n: Answers(n, happened) for n in ("mongo", "kafka", "postgres")})
    monkeypatch.setattr(airflow, "provision", lambda config: happened.append("Airflow's database is ready"))
    monkeypatch.setattr(airflow, "unhealthy", lambda config: happened.append("Airflow is ready"))
    monkeypatch.setattr(shop_services, "unhealthy", lambda config: happened.append("the storefront is ready"))
    monkeypatch.setattr(lifecycle.storage, "connect", lambda config: None)
    monkeypatch.setattr(lifecycle.ingest_service, "has_begun", lambda db, config: True)
    monkeypatch.setattr(lifecycle.time, "sleep", lambda seconds: None)
    return happened


def supervisor_of(monkeypatch: pytest.MonkeyPatch, happened: list[str], *states: str) -> None:
    """From here on the supervisor is `Kept`; the last of `states` stays."""
    shown = itertools.chain(states, itertools.repeat(states[-1]))
    monkeypatch.setattr(lifecycle, "Supervisor", lambda config: Kept(config, happened, shown))


def test_the_ingest_is_started_with_the_others_and_last_and_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, happened: list[str]
) -> None:
    supervisor_of(monkeypatch, happened, "STARTING")  # for ever
    lifecycle.start(local_settings(tmp_path))
    servers = ["start mongo", "start kafka", "start postgres", "mongo is ready", "kafka is ready", "postgres is ready"]
    beside = [f"start {name}" for name in (*airflow.COMPONENTS, "storefront", "live", "engagement")]
    ready = ["Airflow's database is ready", *beside, "Airflow is ready", "the storefront is ready"]
    assert happened == [*servers, *ready, "start ingest"]


def test_the_ingest_is_waited_for_until_it_runs_and_has_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, happened: list[str]
) -> None:
    begun: list[Any] = [True, False, False]
    supervisor_of(monkeypatch, happened, "STARTING", "BACKOFF", "STARTING", "RUNNING")
    monkeypatch.setattr(lifecycle.ingest_service, "has_begun", lambda db, config: begun.pop())
    lifecycle.await_ingest(local_settings(tmp_path))
    assert begun == []


@pytest.mark.parametrize("states", [("STARTING", "BACKOFF", "FATAL"), ("STOPPED",)], ids=["given up", "stopped"])
def test_an_ingest_that_does_not_come_up_is_an_error_with_the_end_of_its_log(
    states: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, happened: list[str]
) -> None:
    config = local_settings(tmp_path)
    log_file(config, "ingest").write_text("first\nno memory for a heap of 900 TB\n")
    supervisor_of(monkeypatch, happened, *states)
    with pytest.raises(PlatformError, match=r"(?s)ingest does not start\..*ingest\.log.*no memory for a heap"):
        lifecycle.await_ingest(config)


def test_an_ingest_that_never_begins_is_an_error_with_the_end_of_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, happened: list[str]
) -> None:
    config = local_settings(tmp_path)
    log_file(config, "ingest").write_text("UnreachableError: Kafka does not answer; trying again in 15 s\n")
    supervisor_of(monkeypatch, happened, "RUNNING")
    monkeypatch.setattr(lifecycle.ingest_service, "has_begun", lambda db, config: False)
    with pytest.raises(PlatformError, match=r"(?s)not begun after 0 s.*trying again in 15 s"):
        lifecycle.await_ingest(config, patience=0)


def test_the_storefront_is_stopped_before_all_that_it_asks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, happened: list[str]
) -> None:
    supervisor_of(monkeypatch, happened, "RUNNING")
    monkeypatch.setattr(Kept, "is_running", lambda self: True)
    monkeypatch.setattr(lifecycle, "_end_tasks", lambda config, supervisor: None)
    assert lifecycle.stop(local_settings(tmp_path))
    others = ["ingest", "kafka", "mongo", "postgres"]
    assert happened == [
        *("stop storefront live engagement", f"stop {' '.join(airflow.COMPONENTS)}"),
        *(f"stop {name}" for name in others),
    ]


@pytest.mark.parametrize(
    ("silent", "given_up", "word"),
    [(["live"], "live", "no module named starlette"), ([], "engagement", "no topic")],
    ids=["one that answers", "one that answers nobody"],
)
def test_a_part_of_the_storefront_that_does_not_come_up_is_an_error_with_the_end_of_its_log(
    silent: list[str], given_up: str, word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, happened: list[str]
) -> None:
    config = local_settings(tmp_path)
    log_file(config, given_up).write_text(f"{word}\n")
    supervisor_of(monkeypatch, happened, "RUNNING")
    monkeypatch.setattr(Kept, "state", lambda self, name: "FATAL" if name == given_up else "RUNNING")
    monkeypatch.setattr(shop_services, "unhealthy", lambda config: silent)
    with pytest.raises(PlatformError, match=rf"(?s){given_up} does not start\..*{word}"):
        lifecycle.start(config)


@pytest.mark.parametrize("name", ["shop_port", "shop_live_port"])
def test_a_port_of_the_storefront_that_is_taken_is_told_with_its_setting(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = local_settings(tmp_path)
    monkeypatch.setattr(ports, "is_free", lambda port: port != getattr(config, name))
    with pytest.raises(PlatformError, match=rf"{getattr(config, name)} \(TIDEMARK_{name.upper()}\)"):
        lifecycle._require_free_ports(config)
    monkeypatch.setattr(ports, "is_free", lambda port: True)
    lifecycle._require_free_ports(config)
    with pytest.raises(PlatformError, match="cannot share a port"):
        lifecycle._require_free_ports(config.model_copy(update={name: config.airflow_port}))
