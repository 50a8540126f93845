"""Simulated shoppers."""

import json
from collections import Counter, defaultdict
from datetime import UTC, datetime
from itertools import islice

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from tidemark.contracts.messages import DeadLetter
from tidemark.interactions.from_messages import Interaction, Weights, parse
from tidemark.settings import Settings
from tidemark.stream.simulation import POISON, Catalogue, Shoppers

HAD = np.random.default_rng(5).random((200, 300)) < np.repeat(np.repeat(np.eye(4) * 0.25 + 0.01, 50, 0), 75, 1)
"""Four kinds of users, each with a quarter of the items to their taste."""
KNOWN = Catalogue([f"u{n}" for n in range(200)], [f"i{n}" for n in range(300)], csr_matrix(HAD.astype(np.float32)))
CONFIG = Settings(_env_file=None)
WEIGHTS = Weights(CONFIG.weight_of_event, CONFIG.event_default)


def read(value: bytes) -> Interaction | DeadLetter:
    return parse(value, "t", 0, 0, datetime(2026, 1, 1, tzinfo=UTC), WEIGHTS)


def sent(count: int, **options: float) -> list[tuple[str, bytes]]:
    return list(islice(Shoppers(KNOWN, CONFIG, **options).messages(), count))  # type: ignore[arg-type]


def test_the_same_seed_sends_the_same() -> None:
    assert sent(5_000, seed=3, poison=0.1) == sent(5_000, seed=3, poison=0.1)
    assert sent(100, seed=3) != sent(100, seed=4)


def test_every_message_is_an_interaction_and_all_poison_a_dead_letter() -> None:
    assert all(isinstance(read(value), Interaction) for _, value in sent(5_000))
    assert all(isinstance(read(value), DeadLetter) for value in POISON)
    dead = sum(isinstance(read(value), DeadLetter) for _, value in sent(20_000, poison=0.05))
    assert 800 < dead < 1_200


def test_shoppers_have_tastes() -> None:
    """Two halves of a shopper's history are more alike than the histories of two shoppers."""
    by_user = defaultdict(list)
    for user, value in sent(40_000, strangers=0.0):
        by_user[user].append(json.loads(value)["item_id"])
    busy = [items for _, items in sorted(by_user.items(), key=lambda x: -len(x[1]))[:40]]

    def alike(one: list[str], other: list[str]) -> float:
        a, b = Counter(one), Counter(other)
        return sum(a[i] * b[i] for i in a) / np.sqrt(sum(v * v for v in a.values()) * sum(v * v for v in b.values()))

    own = np.mean([alike(items[::2], items[1::2]) for items in busy])
    others = np.mean([alike(busy[n][::2], busy[n - 1][1::2]) for n in range(len(busy))])
    assert own > others + 0.3


def test_tastes_are_those_of_the_data() -> None:
    """Most of what a shopper does is within the quarter of the items that their kind has had."""
    events = [(int(user[1:]), int(json.loads(value)["item_id"][1:])) for user, value in sent(8_000, strangers=0.0)]
    at_home = np.mean([user // 50 == item // 75 for user, item in events])
    assert 0.7 < at_home < 0.9


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (2, 2), (3, 40)])
def test_the_smallest_catalogues_can_be_shopped_in(shape: tuple[int, int]) -> None:
    known = Catalogue(
        [f"u{n}" for n in range(shape[0])], [f"i{n}" for n in range(shape[1])], csr_matrix(np.ones(shape, np.float32))
    )
    assert len(list(islice(Shoppers(known, CONFIG).messages(), 10))) == 10


def test_what_is_wanted_may_be_replaced() -> None:
    plain, other = (
        [json.loads(value)["item_id"] for _, value in islice(Shoppers(KNOWN, CONFIG, instead_of=how).messages(), 50)]
        for how in (str, "x{}".format)
    )
    assert [f"x{item}" for item in plain] == other
