"""Deletions: single interactions that their users deleted, as one worker knows them.

What was deleted is in no history and no tail any more. A list that was stored before may still come from it: so whoever has
deleted something since their model's interactions were read is answered from the history that is left.
"""

import threading
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

from pymongo.database import Database

from tidemark.serving.changes import PATIENCE, Seen
from tidemark.serving.kept_deletions import KeptDeletions
from tidemark.storage.patience import brief
from tidemark.storage.tombstones import DELETED

_VERSION_BYTES = 6
"""As of `newer.Newer`'s versions, with which these are put together."""
_FIELDS = {"user_id": 1, "deleted_at": 1}


@dataclass(frozen=True, slots=True)
class Deletion:
    """One interaction that was deleted: its key, whose it was, and when it was deleted, UTC."""

    id: str
    user_id: str
    at: datetime

    @property
    def mark(self) -> int:
        """Its part in `Deletions.version`."""
        return int.from_bytes(blake2b(f"deleted {self.id}".encode(), digest_size=_VERSION_BYTES).digest(), "big")


class Deletions:
    """What is known to be deleted; any thread may ask, and each is told once.

    `key in deletions` and `version` take no lock, and next to nothing where nothing was deleted.

    Args:
        db: the platform's database, with the collection `deleted_interactions`.
        kept: where this host remembers them, which are then known from the first answer on; None: nowhere.
    """

    def __init__(self, db: Database[dict[str, Any]], kept: KeptDeletions | None = None) -> None:
        self._db, self._kept = db, kept
        self._lock = threading.Lock()
        self._ids: set[str] = set()
        self._of: dict[str, tuple[Deletion, ...]] = {}
        self._all: list[Deletion] = []
        self._seen = Seen()
        if kept is not None:
            self.add(_read(kept.remembered()))

    def __contains__(self, event_id: object) -> bool:
        return event_id in self._ids

    def __len__(self) -> int:
        return len(self._all)

    def version(self, user_id: str, since: datetime) -> int:
        """A number that stands for what the user has deleted from `since` on, the same in every process; 0: nothing."""
        version = 0
        for deletion in self._of.get(user_id, ()):
            if deletion.at >= since:
                version ^= deletion.mark
        return version

    def after(self, n: int) -> Sequence[Deletion]:
        """All but the first `n` that became known here, in the order in which they did."""
        return self._all[n:]

    def add(self, deletions: Iterable[Deletion]) -> None:
        """Know these from now on."""
        with self._lock:
            for deletion in deletions:
                if deletion.id not in self._ids:
                    self._ids.add(deletion.id)
                    self._of[deletion.user_id] = (*self._of.get(deletion.user_id, ()), deletion)
                    self._all.append(deletion)

    def forget(self, users: Container[str]) -> None:
        """Let neither this worker nor this host name these users any more, who are erased."""
        with self._lock:
            for user_id in [user_id for user_id in self._of if user_id in users]:
                del self._of[user_id]
            self._all = [replace(one, user_id="") if one.user_id in users else one for one in self._all]
        if self._kept is not None:
            self._kept.forget(users)

    def look(self) -> None:
        """Read what was deleted since the last time.

        Raises:
            UnreachableError: MongoDB does not answer.
        """
        with brief(PATIENCE, or_refused=True):
            found = list(self._db[DELETED].find({"deleted_at": {"$gte": self._seen.since}}, _FIELDS))
        new, self._seen = self._seen.after(found, "deleted_at", datetime.now(UTC))
        self.add(_read(new))
        if new and self._kept is not None:
            self._kept.keep(new)


def _read(documents: Iterable[Mapping[str, Any]]) -> Iterator[Deletion]:
    """The deletions that these documents of the collection are."""
    return (Deletion(each["_id"], each["user_id"], each["deleted_at"]) for each in documents)
