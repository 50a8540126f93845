"""Simulated shoppers over the known catalogue: what `tidemark simulate` sends."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pymongo.database import Database
from scipy.sparse import csr_matrix
from scipy.sparse.linalg import svds

from tidemark.errors import NotEnoughDataError
from tidemark.settings import Settings

TASTES = 24
"""Dimensions of taste: singular vectors of who had what."""
FAVOURITES = 50
"""Items that a shopper is most likely to want next; the first twice as likely as the second, and so on (harmonic)."""
ADVENTURE = 0.25
"""Share of events that have nothing to do with taste: something that others had."""
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
    """What is known: users, items, and who had what (CSR `(users, items)`, float32)."""

    users: list[str]
    items: list[str]
    had: csr_matrix


def catalogue(db: Database[dict[str, Any]], newest: int = 200_000) -> Catalogue:
    """Users and items of the `newest` stored interactions.

    Raises:
        NotEnoughDataError: there are none.
    """
    rows = db.interactions.find({}, {"_id": 0, "user_id": 1, "item_id": 1}).sort("timestamp", -1).limit(newest)
    pairs = sorted({(row["user_id"], row["item_id"]) for row in rows})
    if not pairs:
        raise NotEnoughDataError(
            "no interactions are stored, so no catalogue is known: run load_reviews first (make run)"
        )
    users, user_nums = np.unique([user for user, _ in pairs], return_inverse=True)
    items, item_nums = np.unique([item for _, item in pairs], return_inverse=True)
    ones = np.ones(len(pairs), np.float32)
    return Catalogue(
        users.tolist(), items.tolist(), csr_matrix((ones, (user_nums, item_nums)), (len(users), len(items)))
    )


class Shoppers:
    """Shoppers whose tastes are those of the catalogue's own data; the same seed and catalogue give the same messages.

    A shopper goes on as before: most of what they take is among the new items nearest to what they had, in the space of the
    largest singular vectors of who had what (PureSVD: Cremonesi, Koren, Turrin 2010). So a model can learn from the data
    what they will do, and beats popularity at it.

    Args:
        known: what they shop in.
        config: the event types that messages may name.
        seed: of everything that is random.
        poison: share of messages that are broken, 0 to 1.
        strangers: share of events by users that were never seen before.
        instead_of: what is taken in place of a known item that somebody wants.
    """

    def __init__(
        self,
        known: Catalogue,
        config: Settings,
        *,
        seed: int = 0,
        poison: float = 0.0,
        strangers: float = 0.02,
        instead_of: Callable[[str], str] = str,
    ) -> None:
        self._instead_of = instead_of
        self._known, self._poison, self._strangers = known, poison, strangers
        self._random = np.random.default_rng(seed)
        self._popular = np.cumsum(np.asarray(known.had.sum(axis=0)).ravel(), dtype=np.float64)
        self._of_users, self._of_items = _tastes(known.had)
        n_favourites = min(FAVOURITES, len(known.items))
        self._favourites = np.full((len(known.users), n_favourites), -1, np.int32)  # of a user when first met
        self._likely = np.cumsum(1 / np.arange(1, n_favourites + 1))
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
        who = np.where(strangers, numbers % len(known.users), who)  # a stranger has somebody's taste
        self._meet(np.unique(who))
        wish = np.searchsorted(self._likely, draw.random(BLOCK) * self._likely[-1])
        popular = np.searchsorted(self._popular, draw.random(BLOCK) * self._popular[-1])
        picks = np.where(draw.random(BLOCK) < ADVENTURE, popular, self._favourites[who, wish])
        types = draw.choice(len(self._types), BLOCK, p=self._shares)
        for user, stranger, number, item, kind in zip(who, strangers, numbers, picks, types, strict=True):
            user_id = f"{self._new}{number}" if stranger else known.users[user]
            item_id = self._instead_of(known.items[item])
            event = {"user_id": user_id, "item_id": item_id, "event_type": self._types[kind]}
            yield user_id, json.dumps(event).encode()

    def _meet(self, users: NDArray[np.int64]) -> None:
        """Find the favourites of those `users` who are new here."""
        new, n = users[self._favourites[users, 0] < 0], self._favourites.shape[1]
        for part in np.array_split(new, len(new) // 256 + 1):
            scores = self._of_users[part] @ self._of_items
            scores[self._known.had[part].nonzero()] = -np.inf  # what they have they do not want again
            best = (
                np.argpartition(-scores, n - 1, axis=1)[:, :n] if n < scores.shape[1] else np.argsort(-scores, axis=1)
            )
            order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1, kind="stable")
            self._favourites[part] = np.take_along_axis(best, order, axis=1)


def _tastes(had: csr_matrix) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Factors of users `(n_users, k)` and items `(k, n_items)`: the truncated singular value decomposition of `had`."""
    least = min(had.shape)
    if least <= 2:  # too small to tell tastes apart: all like what is popular
        return np.ones((had.shape[0], 1), np.float32), np.asarray(had.sum(axis=0), np.float32)
    left, values, right = svds(had, k=min(TASTES, least - 1), v0=np.ones(least, np.float32))
    return (left * values).astype(np.float32), right.astype(np.float32)
