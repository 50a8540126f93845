"""Users who were erased, and single interactions that were deleted, in a load: a file that is loaded again must not bring
them back.

Their rows are left out of what is written. A load takes minutes and may be killed and run again, and somebody may be erased
meanwhile: so once all is written, what it may have written of them is removed.
"""

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from pymongo.database import Database

from tidemark.interactions.keys import REVIEW_PREFIX
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


def without_deleted(reviews: "DataFrame", gone: Tombstones) -> "tuple[DataFrame, int]":
    """`reviews` (columns of the contract `review`) less those that were deleted, and how many of them that are. Where
    nothing was, it runs nothing."""
    keys = deleted_reviews(gone)
    if not keys:
        return reviews, 0
    theirs = reviews.sparkSession.createDataFrame([(key,) for key in keys], "_id string")
    same = reviews["_id"] == theirs["_id"]
    return reviews.join(theirs, same, "left_anti"), reviews.join(theirs, same, "left_semi").count()


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
