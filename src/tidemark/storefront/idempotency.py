"""Requests that may be repeated: the first answer to an `Idempotency-Key` is kept for a day and given again.

The key is taken before anything is done (an insert that only one can make), so two requests with it that come at once to
two workers do the work once. Where the work fails, or its worker dies, the key is free again.
"""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

from tidemark.storage import mongo
from tidemark.storefront.problems import Problem

COLLECTION = "idempotency"
KEPT = timedelta(hours=24)
"""How long an answer is kept."""
ABANDONED = timedelta(seconds=30)
"""After which a request that is still being worked on is one whose worker died: none takes as long."""
RETRY_SECONDS = 2

Document = dict[str, Any]
Work = Callable[[], tuple[int, bytes]]
"""Does it, and gives the answer's status and JSON."""


class Repeatable:
    """The kept answers.

    Args:
        db: the platform's database.
        clock: the time, UTC.
    """

    def __init__(self, db: Database[Document], clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._db, self._clock, self._made = db, clock, False

    def once(self, scope: str, key: str, body: bytes, work: Work) -> tuple[int, bytes, bool]:
        """Do `work` unless it was done: the status, the JSON, and whether it was done before.

        Args:
            scope: whose key it is and what for: two callers may choose the same one.
            key: the caller's `Idempotency-Key`.
            body: what was sent.
            work: what to do; where it raises, nothing is kept.

        Raises:
            Problem: `conflict`: the key came with another body, or is being worked on.
            pymongo.errors.ConnectionFailure: MongoDB is away; nothing was done.
        """
        if not self._made:
            mongo.ensure(self._db, COLLECTION)
            self._made = True
        kept, now = self._db[COLLECTION], self._clock()
        mine: Document = {
            "_id": hashlib.sha256(f"{scope}\n{key}".encode()).hexdigest(),
            "body": hashlib.sha256(body).hexdigest(),
            "started_at": now,
            "expires_at": now + KEPT,
            "status": None,
            "answer": None,
        }
        known = self._claim(mine)
        if known is not None:
            return known
        this_one = {"_id": mine["_id"], "started_at": now}
        try:
            status, answer = work()
        except BaseException:
            kept.delete_one(this_one)
            raise
        kept.update_one(this_one, {"$set": {"status": status, "answer": answer.decode()}})
        return status, answer, False

    def _claim(self, mine: Document) -> tuple[int, bytes, bool] | None:
        """None where the key is ours now; else the answer that was given."""
        kept, now = self._db[COLLECTION], mine["started_at"]
        try:
            kept.insert_one(mine)
        except DuplicateKeyError:
            free = [{"expires_at": {"$lte": now}}, {"status": None, "started_at": {"$lte": now - ABANDONED}}]
            if kept.find_one_and_replace({"_id": mine["_id"], "$or": free}, mine):
                return None
        else:
            return None
        known = kept.find_one({"_id": mine["_id"]})
        if known is None or (known["status"] is None and known["body"] == mine["body"]):
            raise Problem(
                "conflict",
                "the first request with this Idempotency-Key is still being worked on",
                headers={"Retry-After": str(RETRY_SECONDS)},
            )
        if known["body"] != mine["body"]:
            raise Problem("conflict", "this Idempotency-Key came before with another body")
        return known["status"], known["answer"].encode(), True
