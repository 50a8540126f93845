"""Users who were erased, and single interactions that were deleted, in a load: a file that is loaded again must not bring
them back.

Their rows are left out of what is written. A load takes minutes and may be killed and run again, and somebody may be erased
meanwhile: so once all is written, what it may have written of them is removed.
"""

import json
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pymongo.database import Database

from tidemark.interactions.keys import FILE_PREFIX, REVIEW_PREFIX
from tidemark.storage import mongo
from tidemark.storage.tombstones import Tombstones

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

FIELDS = ("user_id", "reviewerID")
"""Fields of a source's line that may name the user."""
PREFIXES = {"review": REVIEW_PREFIX, "interaction": FILE_PREFIX}
"""What a load of each kind stores -> how the keys of its interactions begin."""
REMOVED = 1_000
"""Documents that are removed at a time."""


def users_of_line(line: str | None) -> list[str] | None:
    """Whom a refused line names; None where nobody can tell, for it is no JSON object."""
    try:
        record = json.loads(line or "")
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict):
        return None
    return [str(record[name]) for name in FIELDS if isinstance(record.get(name), str | int)]


def deleted_reviews(gone: Tombstones) -> list[str]:
    """The keys of reviews whose interaction was deleted: with it went the review."""
    return [key.removeprefix(REVIEW_PREFIX) for key in gone.interactions if key.startswith(REVIEW_PREFIX)]


def without_keys(frame: "DataFrame", keys: Collection[str]) -> "tuple[DataFrame, int]":
    """`frame` (with `_id`) less the rows of these keys, and how many of them there are. Where there are no keys, it runs nothing."""
    if not keys:
        return frame, 0
    theirs = frame.sparkSession.createDataFrame([(key,) for key in keys], "_id string")
    same = frame["_id"] == theirs["_id"]
    return frame.join(theirs, same, "left_anti"), frame.join(theirs, same, "left_semi").count()


def without(frame: "DataFrame", users: Sequence[str]) -> "tuple[DataFrame, int]":
    """`frame` (with `user_id`) less the rows of these users, and how many of them there are."""
    from pyspark.sql import functions as f

    if not users:
        return frame, 0
    theirs = f.col("user_id").isin(list(users))
    return frame.where(~theirs), frame.where(theirs).count()


def users_of_reject(reject: Mapping[str, Any]) -> list[str] | None:
    """Whom a document of `rejects` names: as it was mapped, else by its line; None where nobody can tell."""
    return [reject["user_id"]] if reject.get("user_id") else users_of_line(reject.get("raw"))


def remove_interactions(db: Database[dict[str, Any]], query: dict[str, Any], most: int) -> Iterator[object]:
    """Remove the interactions that `query` finds, `most` a step, with what is kept beside them."""
    for keys in mongo.keys(db["interactions"], query, most):
        chosen = {"_id": {"$in": keys}}
        db["interaction_details"].delete_many(chosen)  # first: they are found by their interactions alone
        yield db["interactions"].delete_many(chosen)


def forget(db: Database[dict[str, Any]], load_id: str, kind: str, users: Iterable[str], gone: Tombstones) -> None:
    """Remove what a load has written of erased users and of deleted interactions, in this run or in one that was cut off.

    Args:
        db: the platform's database.
        load_id: the load, whose rejects are looked through.
        kind: of what it loaded, a key of `PREFIXES`.
        users: the erased users of what it loaded.
        gone: all who are erased, and all that is deleted.
    """
    keys = [key for key in gone.interactions if key.startswith(PREFIXES[kind])]
    for start in range(0, len(keys), REMOVED):
        chunk = keys[start : start + REMOVED]
        for name in ("interaction_details", "interactions"):
            db[name].delete_many({"_id": {"$in": chunk}})
        if kind == "review":
            db["reviews"].delete_many({"_id": {"$in": [key.removeprefix(REVIEW_PREFIX) for key in chunk]}})
    for user_id in users:
        if kind == "review":
            db["reviews"].delete_many({"user_id": user_id})
        deque(remove_interactions(db, {"user_id": user_id}, REMOVED), maxlen=0)
    if not gone:
        return
    refused = db["rejects"].find({"load": load_id, "kind": kind}, {"raw": 1, "user_id": 1})
    ids = [reject["_id"] for reject in refused if gone.of(users_of_reject(reject) or ())]
    for start in range(0, len(ids), REMOVED):
        db["rejects"].delete_many({"_id": {"$in": ids[start : start + REMOVED]}})
