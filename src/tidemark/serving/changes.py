"""Changes: what others write to MongoDB while a worker serves, read a little at a time: items, and who was erased.

Documents bear the time at which they were written. Each look reads from a little before the newest time that it has
seen, for clocks differ and a write that began earlier may end later; what it has seen already it passes over.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo.database import Database

from tidemark.serving.details import CHANGE_FIELDS
from tidemark.serving.kept_tombstones import KeptTombstones
from tidemark.settings import Settings
from tidemark.storage.patience import brief
from tidemark.storage.tombstones import Tombstones

Document = dict[str, Any]

OVERLAP = timedelta(seconds=10)
"""How much later than it says a document may appear."""
PATIENCE = 3.0
"""Seconds that one look may take."""

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Seen:
    """How far a collection was read.

    Args:
        until: the newest time that was seen, or from when on it matters.
        near: `_id` -> time of what was seen and will be read again.
    """

    until: datetime = LONG_AGO
    near: Mapping[str, datetime] = field(default_factory=dict)

    @property
    def since(self) -> datetime:
        """From when on to read."""
        return self.until - OVERLAP if self.until > LONG_AGO else LONG_AGO

    def after(self, documents: Iterable[Document], at: str, now: datetime) -> tuple[list[Document], "Seen"]:
        """What of `documents` is new, and how far was read with them.

        Args:
            documents: those from `since` on.
            at: their field of the time.
            now: by this host's clock. A document of later than that was written by a clock that is ahead: what others
                write meanwhile must not be taken for old because of it.
        """
        documents = list(documents)
        new = [document for document in documents if self.near.get(document["_id"]) != document[at]]
        until = max([self.until, *(min(document[at], now) for document in documents)])
        read = Seen(until)
        near = dict(self.near) | {document["_id"]: document[at] for document in documents}
        return new, Seen(until, {key: time for key, time in near.items() if time >= read.since})


def of_items(db: Database[Document], seen: Seen) -> tuple[list[Document], Seen]:
    """The items that were changed since, with `CHANGE_FIELDS`, and how far that was read.

    Raises:
        UnreachableError: MongoDB does not answer.
    """
    with brief(PATIENCE, or_refused=True):
        found = list(db["items"].find({"updated_at": {"$gte": seen.since}}, CHANGE_FIELDS))
    return seen.after(found, "updated_at", datetime.now(UTC))


class Erased:
    """Users who are erased; `user_id in erased` costs two microseconds, and next to nothing where nobody is.

    Args:
        db: the platform's database, with the collection `erased`: `{_id: tombstone, erased_at}`.
        config: the settings, with the secret of the tombstones, and where this host keeps them.
    """

    def __init__(self, db: Database[Document], config: Settings) -> None:
        secret = config.shop_secret.get_secret_value()
        self._db, self._kept = db, KeptTombstones(config.packs_root, secret)
        # Known from the first answer on, whether or not MongoDB is there.
        self._known = Tombstones(secret.encode(), self._kept.remembered())
        self._seen = Seen()

    def __contains__(self, user_id: object) -> bool:
        return user_id in self._known

    def __len__(self) -> int:
        return len(self._known.ids)

    def look(self) -> bool:
        """Read who was erased since the last time; whether anybody was.

        Raises:
            UnreachableError: MongoDB does not answer.
        """
        with brief(PATIENCE, or_refused=True):
            found = list(self._db["erased"].find({"erased_at": {"$gte": self._seen.since}}, {"erased_at": 1}))
        new, self._seen = self._seen.after(found, "erased_at", datetime.now(UTC))
        if new:
            self._known = Tombstones(self._known.secret, self._known.ids | {document["_id"] for document in new})
            self._kept.keep(self._known.ids)
        return bool(new)
