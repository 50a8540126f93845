"""Simulated shoppers and recordings."""

import gzip
import json
from collections import Counter, defaultdict
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from tidemark.contracts.messages import DeadLetter
from tidemark.errors import BadInputError
from tidemark.interactions.from_messages import Interaction, Weights, parse
from tidemark.settings import Settings
from tidemark.stream.simulation import POISON, Catalogue, Shoppers, recording

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


@pytest.mark.parametrize(
    ("line", "item"),
    [
        ({"reviewerID": "U", "asin": "I", "overall": 4.0, "unixReviewTime": 1_400_000_000}, "I"),
        ({"user_id": "U", "asin": "V", "parent_asin": "I", "rating": 4.0, "timestamp": 1_400_000_000_000}, "I"),
    ],
)
def test_a_recording_is_in_time_order(tmp_path: Path, line: dict[str, object], item: str) -> None:
    time = "unixReviewTime" if "unixReviewTime" in line else "timestamp"
    later = line | {time: line[time] + 86_400_000, "asin": "Z", "parent_asin": "Z"}
    path = tmp_path / "reviews.json.gz"
    with gzip.open(path, "wt") as out:
        out.write(f"{json.dumps(later)}\n{json.dumps(line)}\nnot a review\n[1]\n")
    found = recording(path)
    assert found.skipped == 2
    first = read(found.messages[0][1])
    assert isinstance(first, Interaction)
    assert (first.user_id, first.item_id, first.rating, first.timestamp.year) == ("U", item, 4.0, 2014)
    assert found.seconds[0] == 1_400_000_000 < found.seconds[1]


def test_files_that_are_no_recording(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="no file"):
        recording(tmp_path / "missing")
    (tmp_path / "empty").touch()
    with pytest.raises(BadInputError, match="no review"):
        recording(tmp_path / "empty")
    (tmp_path / "cut.gz").write_bytes(gzip.compress(b'{"a": 1}\n' * 1_000)[:-20])
    with pytest.raises(BadInputError, match="is it whole"):
        recording(tmp_path / "cut.gz")
