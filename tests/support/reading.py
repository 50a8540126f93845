"""A steady load of reads: threads that ask the storefront's API, each over a connection that stays, and note what came."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.support.own_shop import OwnShop

PAUSE = 0.04
"""Seconds between two reads of a thread: the servers that the test is about need the machine too."""

Check = Callable[[dict[str, Any]], bool]


@dataclass
class Reads:
    """What came of them.

    Attributes:
        statuses: how often each came.
        broken: connections that broke in the midst of a request, or were refused, with what.
        wrong: answers that `check` did not hold of, at most 20.
        models: model_id -> answers from it.
        times: of each answer when it was asked for (`time.monotonic()`), how long it took, and its model.
    """

    statuses: Counter[int] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    wrong: list[Any] = field(default_factory=list)
    models: Counter[str] = field(default_factory=Counter)
    times: list[tuple[float, float, str]] = field(default_factory=list)

    @property
    def all_answered(self) -> bool:
        """Whether each got its answer, a right one."""
        return set(self.statuses) == {200} and not self.broken and not self.wrong

    def __str__(self) -> str:
        return f"{dict(self.statuses)}, broken: {self.broken[:5]}, wrong: {self.wrong[:3]}"


@contextmanager
def reading(shop: OwnShop, users: Sequence[str], check: Check, threads: int = 6, n: int = 10) -> Iterator[Reads]:
    """Read recommendations of `users` in turn until the block ends; `check` is whether an answer is a right one."""
    reads, stop, lock = Reads(), threading.Event(), threading.Lock()

    def read(offset: int) -> None:
        with shop.client() as client:
            number = offset
            while not stop.is_set():
                user = users[number % len(users)]
                number += threads
                begun = time.monotonic()
                try:
                    answer = client.get(f"/api/v1/users/{user}/recommendations", params={"n": n})
                    told = answer.json()
                except (httpx.TransportError, ValueError) as error:
                    with lock:
                        reads.broken.append(f"{type(error).__name__}: {error}")
                    time.sleep(PAUSE)
                    continue
                took = time.monotonic() - begun
                right = answer.status_code == 200 and check(told)
                with lock:
                    reads.times.append((begun, took, str(told.get("model_id"))))
                    reads.statuses[answer.status_code] += 1
                    reads.models[str(told.get("model_id"))] += 1
                    if not right and len(reads.wrong) < 20:
                        reads.wrong.append(told)
                time.sleep(PAUSE)

    pool = [threading.Thread(target=read, args=(offset,)) for offset in range(threads)]
    for thread in pool:
        thread.start()
    try:
        yield reads
    finally:
        stop.set()
        for thread in pool:
            thread.join()
