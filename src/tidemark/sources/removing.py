"""Removing: everything of one source, counted first; killed anywhere and run again, it goes on.

What models have learned of it, and lists that they made, go with the next model.
"""

import logging
from collections.abc import Mapping
from typing import Any

from pymongo.database import Database

from tidemark.errors import BadInputError
from tidemark.interactions.keys import FILE_PREFIX, REVIEW_PREFIX
from tidemark.landing.load_records import REVIEWS
from tidemark.storage import mongo

log = logging.getLogger(__name__)

REMOVED = 5_000
"""Documents that are removed at a time."""

Document = dict[str, Any]


def names(db: Database[Document]) -> list[str]:
    """The sources that were loaded, by name."""
    named = set(db["loads"].distinct("name")) - {None}
    return sorted(named | ({REVIEWS} if db["loads"].find_one({"release": {"$exists": True}}) else set()))


def _places(db: Database[Document], name: str) -> Mapping[str, Document]:
    """Collection -> what of it is the source's, in the order in which it goes: the loads' own records last."""
    if name == REVIEWS:
        loads: Document = {"release": {"$exists": True}}
        return {
            "interactions": _beginning(REVIEW_PREFIX),
            "reviews": {},
            "products": {"release": {"$ne": "file"}},
            "rejects": {"load": {"$in": db["loads"].distinct("_id", loads)}},
            "loads": loads,
        }
    ours = _beginning(f"{FILE_PREFIX}{name}:")
    return {
        "interaction_details": ours,
        "interactions": ours,
        "products": {"source": name},
        "rejects": {"load": {"$in": db["loads"].distinct("_id", {"name": name})}},
        "loads": {"name": name},
    }


def _beginning(prefix: str) -> Document:
    """Keys that begin with `prefix`, which ends in a colon, by the index of keys."""
    return {"_id": {"$gte": prefix, "$lt": f"{prefix[:-1]};"}}


def count(db: Database[Document], name: str) -> dict[str, int]:
    """How many documents of each collection the source has.

    Raises:
        BadInputError: there is no source of that name; it lists them.
    """
    known = names(db)
    if name not in known:
        raise BadInputError(f"there is no source {name!r}. There are: {', '.join(known) or 'none'}")
    counts = {place: db[place].count_documents(theirs) for place, theirs in _places(db, name).items()}
    for place, n in counts.items():
        log.info("%-20s %14s", place, f"{n:,}")
    return counts


def remove(db: Database[Document], name: str) -> dict[str, int]:
    """Remove it; gives how many documents of each collection went."""
    gone = dict[str, int]()
    for place, theirs in _places(db, name).items():
        gone[place] = 0
        for keys in mongo.keys(db[place], theirs, REMOVED):
            gone[place] += db[place].delete_many({"_id": {"$in": keys}}).deleted_count
        log.info("%-20s %14s removed", place, f"{gone[place]:,}")
    return gone
