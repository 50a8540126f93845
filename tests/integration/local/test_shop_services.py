"""The storefront's server as it is kept here: it answers, a dead worker is replaced, and a killed one leaves nobody behind."""

import contextlib
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import psutil
import pytest

from tests.support.own_settings import local_settings
from tests.support.waiting import eventually
from tidemark.local import become, processes, shop_services
from tidemark.local.layout import state_folder
from tidemark.settings import Settings

APP = "tests.support.hello:app"


@pytest.fixture
def config(tmp_path: Path) -> Iterator[Settings]:
    config = local_settings(tmp_path).model_copy(update={"shop_workers": 2})
    yield config
    processes.end(processes.of_platform(state_folder(config)), patience=3)


def started(config: Settings, log: Path) -> psutil.Process:
    """The server with two workers of `hello`, once it answers."""
    command = shop_services.command(config, "storefront")
    mark = {processes.MARK: str(state_folder(config))}
    with log.open("ab") as output:
        child = replace(command, argv=[*command.argv[:-1], APP], env={**command.env, **mark}).start(output)
    server = psutil.Process(child.pid)
    eventually(lambda: len(workers(server)) == 2 and shop_services.unhealthy(config) == ["live"], 60, log.read_text)
    return server


def workers(server: psutil.Process) -> set[int]:
    return {child.pid for child in server.children()}


def answering(config: Settings) -> int:
    """Who answers; a connection of its own, so that each worker gets its turn."""
    return int(httpx.get(shop_services.url(config), trust_env=False).text)


def test_a_worker_that_is_killed_is_replaced_while_the_other_answers(config: Settings, tmp_path: Path) -> None:
    server = started(config, tmp_path / "log")
    before = workers(server)
    killed, left = sorted(before)
    os.kill(killed, signal.SIGKILL)

    def replaced() -> bool:
        with contextlib.suppress(httpx.TransportError):  # a request that the killed one had taken
            assert answering(config) != killed
        return len(workers(server) - before) == 1

    eventually(replaced, 60, (tmp_path / "log").read_text)
    assert left in workers(server)
    server.terminate()
    server.wait(30)
    assert processes.of_platform(state_folder(config)) == []


def test_workers_of_a_killed_server_are_ended_before_the_next_one_starts(
    config: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    server = started(config, tmp_path / "log")
    orphans = workers(server)
    server.kill()
    server.wait()
    assert answering(config) in orphans, "they end by themselves now: become.py need not look for them"
    found = processes.of_platform(state_folder(config))
    assert {process.pid for process in found} == orphans, "a title that Granian gave them hides whose they are"

    monkeypatch.setattr(os, "getppid", os.getpid)  # this process keeps the services
    become._end_orphans(config, "live")
    assert {process.pid for process in processes.of_platform(state_folder(config))} == orphans
    become._end_orphans(config, "storefront")
    assert processes.of_platform(state_folder(config)) == []
    assert "ending 2 processes that a killed storefront has left" in capsys.readouterr().out
    next_one = started(config, tmp_path / "log")
    assert answering(config) in workers(next_one)
