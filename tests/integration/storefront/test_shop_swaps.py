"""Models that come and go under readers of the real storefront, and whether all places say the same of one."""

import math
import os
import re
import time
from itertools import pairwise

import numpy as np
import psutil
import pytest

from tests.support.machine import Machine
from tests.support.own_shop import GONE, PEOPLE, USERS, OwnShop
from tests.support.published import is_whole, model_id
from tests.support.reading import Reads, reading
from tests.support.waiting import eventually
from tidemark.local import processes
from tidemark.serving import pack
from tidemark.storage import mongo

FULL = bool(os.environ.get("TIDEMARK_FULL"))
PUBLISHED, ROLL_BACKS = (50, 20) if FULL else (8, 4)
CONNECTIONS = 32 if FULL else 16
LAST = 40 if FULL else 8
"""Moves over which memory is to be flat: before them what grows to its size has grown."""
FLAT = 0.05 if FULL else 0.1
OLDEST = 2.0
"""Seconds that a moved pointer may be unknown: what is promised, on a machine that does nothing else."""
FIRST = 100
"""The number of the first model here."""
READERS = USERS[200:]
"""Users who take nothing."""


def both(shop: OwnShop) -> set[str]:
    """The models that answer over a dozen new connections: any worker may take each."""
    return {shop.ask(f"/api/v1/users/{READERS[0]}/recommendations").json()["model_id"] for _ in range(12)}


def follows(shop: OwnShop, number: int) -> float:
    """Move the pointer, and wait until every worker answers from there; when it had moved, by `time.monotonic()`."""
    shop.models.move_to(number)
    moved = time.monotonic()
    eventually(
        lambda: (
            shop.ask(f"/api/v1/users/{READERS[0]}/recommendations").json()["model_id"] == model_id(number)
            and both(shop) == {model_id(number)}
        ),
        20,
        lambda: f"{time.monotonic() - moved:.1f} s after the pointer moved: {both(shop)}",
    )
    return moved


def oldest(reads: Reads, moves: list[tuple[float, str]]) -> float:
    """How long after the pointer had moved an answer was asked for that came from another model, at most: seconds.

    `moves`: when it had moved, and to which.
    """
    late = [0.0]
    for (moved, wanted), (until, _) in pairwise([*moves, (math.inf, "")]):
        late += [asked - moved for asked, _, model in reads.times if moved < asked < until and model != wanted]
    return max(late)


@pytest.mark.timeout(1_800 if FULL else 600)
def test_models_that_come_and_go_are_seen_by_nobody_but_in_what_is_answered(real_shop: OwnShop) -> None:
    shop = real_shop
    shop.every_worker()
    assert shop.storefront.process is not None
    moves = [FIRST + number for number in range(PUBLISHED)]
    for number in range(ROLL_BACKS):  # spread over them, to the one before
        place = (number + 1) * PUBLISHED // (ROLL_BACKS + 1) + number
        moves.insert(place + 1, moves[place - 1])
    held: list[int] = []
    moved: list[tuple[float, str]] = []
    there: set[int] = set()
    machine = Machine()
    with reading(shop, READERS, is_whole, CONNECTIONS) as reads:
        for number in moves:
            if number not in there:
                shop.models.publish(number, live=False, **shop.here())
                there.add(number)
            moved.append((follows(shop, number), model_id(number)))
            held.append(processes.memory(psutil.Process(shop.storefront.process.pid)))
    assert reads.all_answered, str(reads)
    assert set(reads.models) >= {model_id(number) for number in moves}
    old, allowed = oldest(reads, moved), OLDEST * machine.stretch()
    assert old <= allowed, f"{old:.1f} s, and {allowed:.1f} with what others take of the machine"
    last = held[-LAST:]
    assert max(last) <= (1 + FLAT) * np.median(last), [round(size / 1e6, 1) for size in held]
    assert min(last) >= (1 - FLAT) * np.median(last), [round(size / 1e6, 1) for size in held]
    assert shop.ask("/readyz").json()["model_id"] == model_id(moves[-1])


def test_api_pack_and_mongodb_say_the_same_of_every_user(real_shop: OwnShop) -> None:
    shop, number = real_shop, FIRST + PUBLISHED
    shop.models.publish(number, live=False, **shop.here())
    follows(shop, number)
    stored = {one["_id"]: one["items"] for one in shop.db[mongo.recommendations(model_id(number))].find()}
    mapped = pack.read(shop.config.packs_root / model_id(number))
    assert sorted(stored) == list(mapped.users) == sorted([*USERS, GONE])
    answers = {}
    for start in range(0, len(USERS), 100):
        body = {"users": USERS[start : start + 100], "n": 10}
        told = shop.ask("/api/v1/recommendations/batch", method="POST", json=body).json()["answers"]
        answers |= {answer["user_id"]: answer for answer in told}
    for row, user in enumerate(mapped.users):
        if user == GONE:
            continue
        wanted = [(item["item_id"], pytest.approx(item["score"])) for item in stored[user]]
        of_pack = zip((mapped.items[item] for item in mapped.lists[row]), mapped.scores[row].tolist(), strict=True)
        assert list(of_pack) == wanted, user
        answer = answers[user]
        assert (answer["model_id"], answer["method"]) == (model_id(number), "stored"), user
        assert [(item["item_id"], item["score"]) for item in answer["items"]] == wanted, user


def test_a_page_shows_what_the_api_answers(real_shop: OwnShop) -> None:
    page = real_shop.browser("shopper").get("/").text
    answer = real_shop.ask(f"/api/v1/users/{PEOPLE['shopper']}/recommendations").json()
    linked = list(dict.fromkeys(re.findall(r"/product\?item=([^&\"]+)", page)))
    wanted = [item["item_id"] for item in answer["items"]]
    assert len(linked) >= 6
    assert linked[:6] == wanted[:6]
