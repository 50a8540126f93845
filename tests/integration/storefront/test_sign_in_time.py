"""Nobody learns by the time that a wrong password takes whether the account is there.

`TIDEMARK_FULL=1` makes 200 attempts of each kind, and holds the time on the wall to the bound too; else the CPU's alone, which
others on the machine do not change, and what MongoDB is asked.
"""

import os
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from pymongo import MongoClient
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

from tests.support import signed_in
from tests.support.signed_in import EMAIL, PASSWORD, Browser
from tests.support.waiting import eventually
from tidemark.settings import Settings
from tidemark.storefront import sign_ins
from tidemark.storefront.accounts import Accounts

FULL = bool(os.environ.get("TIDEMARK_FULL"))
ATTEMPTS = 200 if FULL else 30
WARM = 3
"""Attempts before those that count: what is made once is made then."""
BOUND = 0.005
"""Seconds between the medians; a password that is not hashed is some 40 ms less."""
UNKNOWN = {"an account that is not there": "nobody@tidemark.example", "no email at all": "nobody"}


class Asked(CommandListener):
    """What MongoDB was asked since `names` was emptied."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def started(self, event: CommandStartedEvent) -> None:
        self.names.append(event.command_name)

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """Nothing."""

    def failed(self, event: CommandFailedEvent) -> None:
        """Nothing."""


@pytest.fixture
def worker(mongo_db: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Browser, Asked]]:
    """A browser on a worker that counts attempts and refuses none, and what that asks."""
    for name in ("PER_ACCOUNT", "PER_ADDRESS"):
        monkeypatch.setattr(sign_ins, name, 1_000_000)
    asked = Asked()
    client: MongoClient[dict[str, Any]] = MongoClient(mongo_db.mongo_uri, tz_aware=True, event_listeners=[asked])
    db = client[mongo_db.mongo_database]
    Accounts(db, patience=30).add(EMAIL, PASSWORD)
    app, *_ = signed_in.on(db, mongo_db)
    yield Browser(app), asked
    client.close()


@pytest.mark.parametrize("kind", UNKNOWN)
def test_a_wrong_password_takes_as_long_whether_the_account_is_there(worker: tuple[Browser, Asked], kind: str) -> None:
    browser, asked = worker
    token = browser.token()

    def attempt(email: str) -> tuple[float, float, list[str]]:
        """Seconds of CPU and on the wall, and what MongoDB was asked; again where that had no time, on a busy machine."""

        def once() -> tuple[float, float] | None:
            asked.names.clear()
            wall, cpu = time.perf_counter(), time.thread_time()
            answer = browser.post("/sign-in", {"csrf_token": token, "email": email, "password": "a wrong password"})
            spent = time.thread_time() - cpu, time.perf_counter() - wall
            assert answer.status_code in (403, 503)
            return spent if answer.status_code == 403 else None

        return *eventually(once, 60, "MongoDB does not answer", every=0.5), list(asked.names)

    taken: dict[str, list[tuple[float, float]]] = {EMAIL: [], UNKNOWN[kind]: []}
    commands: dict[str, list[list[str]]] = {EMAIL: [], UNKNOWN[kind]: []}
    for number in range(WARM + ATTEMPTS):
        for email in sorted(taken, reverse=bool(number % 2)):  # neither is always the first
            *spent, names = attempt(email)
            if number >= WARM:
                taken[email].append((spent[0], spent[1]))
                commands[email].append(names)
    known, unknown = (np.median(np.array(of), axis=0) for of in taken.values())
    between = dict(zip(("cpu", "wall"), np.abs(known - unknown).round(5).tolist(), strict=True))
    assert commands[EMAIL] == commands[UNKNOWN[kind]], "the one asks MongoDB for what the other does not"
    assert between["cpu"] <= BOUND, between
    assert not FULL or between["wall"] <= BOUND, between
