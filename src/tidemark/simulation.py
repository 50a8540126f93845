"""Simulated shoppers over the known catalogue, and review files as a stream: what `tidemark simulate` and `replay` send."""

import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pymongo.database import Database

from tidemark.errors import BadInputError, NotEnoughDataError
from tidemark.settings import Settings

TASTES = 24
"""Kinds of shoppers. Each likes its own part of the catalogue far more than the rest."""
SHARES = {"view": 0.62, "click": 0.2, "wish": 0.04, "cart": 0.09, "purchase": 0.05}
"""How often a simulated event is of which type, of those that the settings know."""
BLOCK = 4_096
Keyed = tuple[str, bytes]
"""The key (the user) and the value of a message."""

POISON = (
    b"\xff\xfe not UTF-8",
    b"not JSON",
    b"null",
    b'["user", "item"]',
    b'{"item_id": "no-user"}',
    b'{"user_id": "u", "item_id": "i", "rating": 6}',
    b'{"user_id": "u", "item_id": "i", "timestamp": 32503680000}',
    b'{"user_id": "u\\u0000", "item_id": "i"}',
    b'{"user_id": {"$gt": ""}, "item_id": "i"}',
    b'{"user_id": "u", "item_id": "i", "$where": "1"}',
    b'{"user_id": "u", "item_id": "i", "schema_version": 2}',
    b'{"user_id": "u", "item_id": "i", "deep": ' + b"[" * 100 + b"]" * 100 + b"}",
)
"""What the real world sends now and then; each is a dead letter."""


@dataclass(frozen=True)
class Catalogue:
    """What is known: items with how often they were taken, and users."""

    items: list[str]
    counts: NDArray[np.float64]
    users: list[str]


def catalogue(db: Database[dict[str, Any]], most: int = 50_000) -> Catalogue:
    """The items (the `most` popular ones) and users of the stored interactions.

    Raises:
        NotEnoughDataError: there are none.
    """
    by_item: list[dict[str, Any]] = [
        {"$group": {"_id": "$item_id", "n": {"$sum": 1}}},
        {"$sort": {"n": -1, "_id": 1}},
        {"$limit": most},
    ]
    found = list(db.interactions.aggregate(by_item, allowDiskUse=True))
    by_user: list[dict[str, Any]] = [{"$group": {"_id": "$user_id"}}, {"$sort": {"_id": 1}}, {"$limit": most}]
    users = [row["_id"] for row in db.interactions.aggregate(by_user, allowDiskUse=True)]
    if not found or not users:
        raise NotEnoughDataError(
            "no interactions are stored, so no catalogue is known: run load_reviews first (make run)"
        )
    return Catalogue([row["_id"] for row in found], np.array([row["n"] for row in found], dtype=np.float64), users)


class Shoppers:
    """Shoppers with tastes; the same seed and catalogue give the same messages.

    Args:
        known: what they shop in.
        config: the event types that messages may name.
        seed: of everything that is random.
        poison: share of messages that are broken, 0 to 1.
        strangers: share of events by users that were never seen before.
    """

    def __init__(
        self, known: Catalogue, config: Settings, *, seed: int = 0, poison: float = 0.0, strangers: float = 0.02
    ) -> None:
        self._known, self._poison, self._strangers = known, poison, strangers
        self._random = np.random.default_rng(seed)
        liking = known.counts[None, :] ** 0.6 * np.exp(self._random.normal(0, 1.6, (TASTES, len(known.items))))
        self._likes = np.cumsum(liking / liking.sum(axis=1, keepdims=True), axis=1)
        # A user's taste is by the name, so that another run with another seed meets the same people.
        self._taste = np.array([zlib.crc32(user.encode()) % TASTES for user in known.users])
        types = [t for t in SHARES if t in config.weight_of_event] or [config.event_default]
        shares = np.array([SHARES.get(t, 1.0) for t in types])
        self._types, self._shares = types, shares / shares.sum()
        self._new = f"new-{seed}-"

    def messages(self) -> Iterator[Keyed]:
        """Messages without end."""
        number = 0
        while True:
            for message in self._block():
                number += 1
                if self._poison and self._random.random() < self._poison:
                    yield message[0], POISON[number % len(POISON)]
                else:
                    yield message

    def _block(self) -> Iterator[Keyed]:
        draw, known = self._random, self._known
        # Some shop often and most seldom: the square of a uniform number.
        who = (draw.random(BLOCK) ** 2 * len(known.users)).astype(int)
        strangers, numbers = draw.random(BLOCK) < self._strangers, draw.integers(0, 1_000, BLOCK)
        tastes = np.where(strangers, numbers % TASTES, self._taste[who])
        # Now and then everybody takes something out of the way.
        tastes = np.where(draw.random(BLOCK) < 0.1, draw.integers(0, TASTES, BLOCK), tastes)
        picks, chance = np.zeros(BLOCK, dtype=int), draw.random(BLOCK)
        for taste in range(TASTES):
            of_taste = tastes == taste
            picks[of_taste] = np.searchsorted(self._likes[taste], chance[of_taste])
        picks = np.minimum(picks, len(known.items) - 1)
        types = draw.choice(len(self._types), BLOCK, p=self._shares)
        for user, stranger, number, item, kind in zip(who, strangers, numbers, picks, types, strict=True):
            user_id = f"{self._new}{number}" if stranger else known.users[user]
            yield (
                user_id,
                json.dumps(
                    {"user_id": user_id, "item_id": known.items[item], "event_type": self._types[kind]}
                ).encode(),
            )


_FIELDS = {
    "user_id": ("user_id", "reviewerID"),
    "item_id": ("parent_asin", "item_id", "asin"),
    "rating": ("overall", "rating"),
    "timestamp": ("unixReviewTime", "timestamp"),
}


@dataclass(frozen=True)
class Recording:
    """A review file as a stream: messages in time order with the time (seconds since 1970) of each."""

    messages: list[Keyed]
    seconds: NDArray[np.float64]
    skipped: int


def recording(path: Path) -> Recording:
    """Read a file of Amazon reviews (2014, 2018 or 2023; `.gz` or not), or of interactions with our own names.

    Raises:
        BadInputError: no such file, nothing in it, or nothing that is a review.
    """
    if not path.is_file():
        raise BadInputError(f"no file {path}: give a file of reviews, one JSON object a line")
    rows: list[tuple[float, str, bytes]] = []
    skipped = 0
    try:
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
            for line in lines:
                row = _row(line)
                if row is None:
                    skipped += 1
                else:
                    rows.append(row)
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        raise BadInputError(f"{path} cannot be read to its end ({error}): is it whole?") from None
    if not rows:
        raise BadInputError(f"{path} holds no review: a line is a JSON object with {', '.join(sorted(_names()))}")
    rows.sort(key=lambda row: row[0])
    return Recording([(user, value) for _, user, value in rows], np.array([row[0] for row in rows]), skipped)


def _names() -> set[str]:
    return {names[-1] for names in _FIELDS.values()}


def _row(line: str) -> tuple[float, str, bytes] | None:
    try:
        found = json.loads(line)
        message = {
            field: next(found[name] for name in names if found.get(name) is not None)
            for field, names in _FIELDS.items()
        }
        at = float(message["timestamp"])
    except (ValueError, TypeError, AttributeError, StopIteration, RecursionError):
        return None
    seconds = at / 1000 if at >= 1e11 else at
    return seconds, str(message["user_id"]), json.dumps(message).encode()
