"""Tombstones: who was erased, in a form that names nobody, and which single interactions were deleted. Every door asks here
what it must not let in again.

One document in the collection `erased` for each user, written before anything of them is removed, and never removed itself.
One in `deleted_interactions` for each interaction that its user deleted, written with its removal; it names the user, and
goes when they are erased.
Whoever writes what is a user's reads them before it writes, and once more afterwards: an erasure that began meanwhile has
either seen what was written, or is seen by who wrote it.
"""

import hashlib
import hmac
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from pymongo.database import Database

from tidemark.errors import SettingError
from tidemark.settings import Settings, settings
from tidemark.storage import mongo

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

COLLECTION = "erased"
DELETED = "deleted_interactions"


def tombstone(user_id: str, config: Settings) -> str:
    """The `_id` of an erased user in the collection `erased`: HMAC-SHA256 by `shop_secret`, so that the list of who is
    gone names nobody."""
    return _digest(_secret(config), user_id)


@dataclass(frozen=True)
class Tombstones:
    """Who was erased, and what was deleted, as it was read at one moment; small, so that Spark may send it to its workers.

    `user_id in tombstones` costs two microseconds, and next to nothing where nobody is erased.

    Args:
        secret: what they were made with; in no text of this.
        ids: the tombstones of users.
        interactions: the `_id`s of interactions that were deleted one by one.
    """

    secret: bytes = field(repr=False)
    ids: frozenset[str]
    interactions: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.ids)

    def __contains__(self, user_id: object) -> bool:
        return bool(self.ids) and isinstance(user_id, str) and _digest(self.secret, user_id) in self.ids

    def of(self, user_ids: Iterable[str]) -> list[str]:
        """Those of `user_ids` who were erased."""
        return [user_id for user_id in user_ids if user_id in self] if self else []

    def among(self, frame: "DataFrame") -> list[str]:
        """The users of a frame (column `user_id`) who were erased. They are few: it runs nothing where nobody is."""
        if not self:
            return []
        users = frame.select("user_id").distinct()
        return [row["user_id"] for row in users.mapInArrow(partial(_gone, tombstones=self), "user_id string").collect()]


NOBODY = Tombstones(b"", frozenset())
"""Where nobody was erased, and nothing deleted."""


def read(db: Database[dict[str, Any]], config: Settings | None = None) -> Tombstones:
    """Who is erased now, and what is deleted.

    Raises:
        SettingError: somebody is, and this process has no secret to know them by: it must not bring them back.
    """
    ids = frozenset(document["_id"] for document in db[COLLECTION].find({}, {"_id": 1}))
    secret = _secret(config or settings())
    if ids and not secret:
        raise SettingError(
            "users were erased, and TIDEMARK_SHOP_SECRET, by which they are known, is not set: set it as the storefront has it"
        )
    return Tombstones(secret, ids, frozenset(document["_id"] for document in db[DELETED].find({}, {"_id": 1})))


def current(config: Settings | None = None) -> Tombstones:
    """`read`, by a connection of its own.

    Raises:
        SettingError: as `read`.
        UnreachableError: no primary answered within 10 s.
    """
    db = mongo.connect(config)
    try:
        return read(db, config)
    finally:
        db.client.close()


def _secret(config: Settings) -> bytes:
    return config.shop_secret.get_secret_value().encode()


def _digest(secret: bytes, user_id: str) -> str:
    return hmac.digest(secret, user_id.encode("utf-8", "surrogatepass"), hashlib.sha256).hex()


def _gone(batches: "Iterable[pa.RecordBatch]", tombstones: Tombstones) -> "Iterator[pa.RecordBatch]":
    import pyarrow as pa

    for batch in batches:
        gone = tombstones.of(batch.column("user_id").to_pylist())
        yield pa.RecordBatch.from_arrays([pa.array(gone, pa.string())], names=["user_id"])
