"""Users who were erased, and single interactions that were deleted, in a load: a file that is loaded again must not bring
them back.

Their rows are left out of what is written. A load takes minutes and may be killed and run again, and somebody may be erased
meanwhile: so once all is written, what it may have written of them is removed.
"""

import json
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from pymongo.database import Database

from tidemark.interactions.keys import FILE_PREFIX, REVIEW_PREFIX
from tidemark.storage.tombstones import Tombstones

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

FIELDS = ("user_id", "reviewerID")
"""Fields of a source's line that may name the user."""
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


def forget(db: Database[dict[str, Any]], load_id: str, users: Iterable[str], gone: Tombstones) -> None:
    """Remove what a load has written of erased users and of deleted reviews, in this run or in one that was cut off.

    Args:
        db: the platform's database.
        load_id: the load, whose rejects are looked through.
        users: the erased users of its reviews.
        gone: all who are erased, and all that is deleted.
    """
    keys = deleted_reviews(gone)
    for start in range(0, len(keys), REMOVED):
        chunk = keys[start : start + REMOVED]
        db["reviews"].delete_many({"_id": {"$in": chunk}})
        db["interactions"].delete_many({"_id": {"$in": [f"{REVIEW_PREFIX}{key}" for key in chunk]}})
    for user_id in users:
        for collection in ("reviews", "interactions"):
            db[collection].delete_many({"user_id": user_id})
    if not gone:
        return
    refused = db["rejects"].find({"load": load_id, "kind": "review"}, {"raw": 1})
    ids = [line["_id"] for line in refused if gone.of(users_of_line(line.get("raw")) or ())]
    for start in range(0, len(ids), REMOVED):
        db["rejects"].delete_many({"_id": {"$in": ids[start : start + REMOVED]}})


def forget_file(db: Database[dict[str, Any]], load_id: str, users: Iterable[str], gone: Tombstones) -> None:
    """The same of a load of any team's interactions.

    Args:
        db: the platform's database.
        load_id: the load, whose rejects are looked through.
        users: the erased users of its interactions.
        gone: all who are erased, and all that is deleted.
    """
    keys = [key for key in gone.interactions if key.startswith(FILE_PREFIX)]
    for start in range(0, len(keys), REMOVED):
        chosen = {"_id": {"$in": keys[start : start + REMOVED]}}
        db["interaction_details"].delete_many(chosen)
        db["interactions"].delete_many(chosen)
    for user_id in users:
        while ids := [d["_id"] for d in db["interactions"].find({"user_id": user_id}, {"_id": 1}).limit(REMOVED)]:
            db["interaction_details"].delete_many(
                {"_id": {"$in": ids}}
            )  # first: they are found by their interactions alone
            db["interactions"].delete_many({"_id": {"$in": ids}})
    if gone:
        refused = db["rejects"].distinct("user_id", {"load": load_id, "kind": "interaction"})
        db["rejects"].delete_many(
            {"load": load_id, "kind": "interaction", "user_id": {"$in": gone.of(filter(None, refused))}}
        )
