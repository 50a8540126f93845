"""Erasures: a user is asked to be erased, and some worker of the storefront does it, however often one is killed.

    ask          the tombstone is written: from now on everybody who reads it drops the user
    first sweep  everything is removed, place by place
    second       once `SETTLE` has passed: what was under way when the tombstone was written
    done         the document no longer says who it was; the tombstone stays for ever

Whoever works on one holds a lease and renews it with each step; a worker that is killed no longer does, and the next one
that looks takes the erasure up. Times are MongoDB's: clocks of hosts need not agree.
"""

import logging
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pymongo import ReturnDocument
from pymongo.errors import PyMongoError

from tidemark.errors import LeaseLostError, UnreachableError
from tidemark.serving.repeating import Repeating
from tidemark.settings import Settings
from tidemark.storage import mongo
from tidemark.storage.patience import brief
from tidemark.storage.tombstones import COLLECTION, tombstone
from tidemark.storefront.erasing import Sweep

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=10)
"""How long a worker that says nothing is taken to be alive."""
SETTLE = timedelta(seconds=10)
"""How long, at most, something may be under way that does not know of a tombstone: engagement's transactions, requests."""
POLL = 2.0
"""Seconds between two looks for erasures to take up."""
PATIENCE = 3.0
"""Seconds that asking for one, or for its state, may take."""
PENDING, DONE = "pending", "done"

Document = dict[str, Any]


@dataclass(frozen=True)
class Erasure:
    """How far an erasure is.

    Args:
        erasure_id: the tombstone, which names nobody.
        state: `PENDING` or `DONE`.
        erased_at: when the tombstone was written, UTC.
        finished_at: when all was removed; None: not yet.
        removed: collection -> documents that were removed, or mended.
        unreadable: collection -> documents that stay, since nobody can tell whom they name.
    """

    erasure_id: str
    state: str
    erased_at: datetime
    finished_at: datetime | None
    removed: Mapping[str, int]
    unreadable: Mapping[str, int]

    @classmethod
    def from_document(cls, document: Document) -> "Erasure":
        """The erasure of a document of the collection `erased`."""
        report = document.get("report") or {}
        return cls(
            document["_id"],
            document.get("state", DONE),
            document["erased_at"],
            document.get("finished_at"),
            report.get("removed") or {},
            report.get("unreadable") or {},
        )


class Erasures:
    """The collection `erased`, and a thread that works on what is pending; it has a connection of its own.

    Args:
        config: the settings.
        lease, settle, poll: see `LEASE`, `SETTLE`, `POLL`.
    """

    def __init__(
        self, config: Settings, *, lease: timedelta = LEASE, settle: timedelta = SETTLE, poll: float = POLL
    ) -> None:
        self._config, self._db = config, mongo.unasked(config, patience=1)
        self._lease, self._settle = lease, settle
        self._me, self._closing = secrets.token_hex(8), threading.Event()
        self._repeating = Repeating("erasures", self.look, poll)
        self._ensured = self._said = False

    def start(self) -> None:
        """Begin to look for what is pending."""
        self._repeating.start()

    def close(self) -> None:
        """End it, and give back what is worked on."""
        self._closing.set()
        self._repeating.close()
        self._db.client.close()

    def ask(self, user_id: str) -> Erasure:
        """Write the tombstone of a user, and have everything of them removed; asked again, it is looked for again.

        Whoever it is: whether there is such a user is not asked, and one who comes later is dropped too.

        Raises:
            UnreachableError: MongoDB does not answer; nothing may have happened.
        """
        was = {"pending": {"$eq": ["$state", PENDING]}, "done": {"$eq": ["$state", DONE]}}
        wanted = {
            "erased_at": {"$ifNull": ["$erased_at", "$$NOW"]},
            "state": PENDING,
            "user_id": {"$literal": user_id},
            "lease": {"$cond": [was["pending"], "$lease", None]},
            "swept": {"$cond": [was["pending"], {"$ifNull": ["$swept", False]}, was["done"]]},
            "report": {"$ifNull": ["$report", {"$literal": {"removed": {}}}]},
            "finished_at": None,
        }
        with brief(PATIENCE, or_refused=True):
            if not self._ensured:
                mongo.ensure(self._db, COLLECTION)
                self._ensured = True
            document: Document = self._db[COLLECTION].find_one_and_update(  # type: ignore[assignment]
                {"_id": tombstone(user_id, self._config)},
                [{"$set": wanted}],
                upsert=True,
                return_document=ReturnDocument.AFTER,
            )
        return Erasure.from_document(document)

    def get(self, erasure_id: str) -> Erasure | None:
        """The erasure of that id; None where there is none.

        Raises:
            UnreachableError: MongoDB does not answer.
        """
        with brief(PATIENCE, or_refused=True):
            document = self._db[COLLECTION].find_one({"_id": erasure_id})
        return Erasure.from_document(document) if document else None

    def look(self) -> None:
        """Work on what is pending and nobody works on, until there is no more."""
        try:
            while not self._closing.is_set() and (taken := self._take()) is not None:
                self._erase(taken)
            self._said = False
        except LeaseLostError as error:
            log.warning("%s", error)
        except (PyMongoError, UnreachableError) as error:
            if not self._said:
                log.warning("erasures wait for MongoDB (%s)", type(error).__name__)
            self._said = True

    def _take(self) -> Document | None:
        """Take the lease of one; the longest waiting first."""
        free = {"$lte": [{"$ifNull": ["$lease.until", "$erased_at"]}, "$$NOW"]}
        mine = {"lease": {"by": self._me, "until": self._from_now(self._lease)}}
        return self._db[COLLECTION].find_one_and_update(
            {"state": PENDING, "$expr": free},
            [{"$set": mine}],
            sort=[("erased_at", 1)],
            return_document=ReturnDocument.AFTER,
        )

    def _erase(self, taken: Document) -> None:
        """One sweep."""
        sweep, again = Sweep(self._db, taken["user_id"]), taken["swept"]
        for place in sweep.places():
            if place is None:
                self._renew(taken)
                continue
            self._count(taken, place.collection, place.count, again=again)
            for _ in place.steps:
                self._renew(taken)
        if again:
            report = {"report.unreadable": {"$literal": {name: n for name, n in sweep.unreadable.items() if n}}}
            ended = {"state": DONE, "finished_at": "$$NOW", **report}
            self._change(taken, [{"$set": ended}, {"$unset": ["user_id", "lease", "swept"]}])
            log.info("erasure %s is done", taken["_id"])
        else:
            due = {"$add": ["$erased_at", _milliseconds(self._settle)]}
            self._change(taken, [{"$set": {"swept": True, "lease": {"by": None, "until": due}}}])

    def _count(self, taken: Document, collection: str, count: int, *, again: bool) -> None:
        """Note what will be removed. A first sweep that goes on where one was killed finds less: the greatest count holds."""
        name = f"report.removed.{collection}"
        known = {"$ifNull": [f"${name}", 0]}
        if count:
            self._change(taken, [{"$set": {name: {"$add" if again else "$max": [known, count]}}}])

    def _renew(self, taken: Document) -> None:
        if self._closing.is_set():
            self._change(taken, [{"$set": {"lease": {"by": None, "until": "$$NOW"}}}])
            raise LeaseLostError(f"erasure {taken['_id']} is left to another worker: this one ends")
        self._change(taken, [{"$set": {"lease.until": self._from_now(self._lease)}}])

    def _change(self, taken: Document, change: list[Document]) -> None:
        """Change the document of an erasure that is ours.

        Raises:
            LeaseLostError: it is another worker's by now.
        """
        ours = {"_id": taken["_id"], "state": PENDING, "lease.by": self._me}
        if self._db[COLLECTION].update_one(ours, change).matched_count == 0:
            raise LeaseLostError(f"erasure {taken['_id']} was taken up by another worker")

    @staticmethod
    def _from_now(time: timedelta) -> Document:
        return {"$add": ["$$NOW", _milliseconds(time)]}


def _milliseconds(time: timedelta) -> int:
    return int(time.total_seconds() * 1_000)
