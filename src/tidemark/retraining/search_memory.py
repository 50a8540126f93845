"""The memory of searches: settings that an earlier search found, and whether they still hold."""

from typing import Any

from pymongo import DESCENDING
from pymongo.database import Database

from tidemark.models.recipes import Recipe, from_document

Document = dict[str, Any]

DATA_GROWTH = 2.0
"""Settings are searched again when the pairs have become this many times more, or fewer."""


def searched(db: Database[Document], model: Document) -> Document | None:
    """The model whose search found the settings that `model` was tried with: itself, or the newest earlier one."""
    if model["search"]:
        return model
    if "remembered" not in model["why"]["settings"]:
        return None
    asked = {"tried.engine": model["tried"]["engine"], "tried.feedback": model["tried"]["feedback"]}
    before = asked | {"search": {"$ne": None}, "_id": {"$lt": model["_id"]}}
    return db["models"].find_one(before, sort=[("_id", DESCENDING)])


def remembered(
    db: Database[Document], engine: str, feedback: str, n_pairs: int, search_every: int
) -> tuple[Recipe | None, str]:
    """Settings of the last search for this engine and feedback, and why they hold or do not.

    They hold for `search_every` models (the one searched for included), while the data keeps its size.
    """
    asked = {"tried.engine": engine, "tried.feedback": feedback}
    last = db["models"].find_one({**asked, "search": {"$ne": None}}, sort=[("_id", DESCENDING)])
    if not last:
        return None, "no earlier search"
    since = db["models"].count_documents({**asked, "_id": {"$gte": last["_id"]}})
    if since >= search_every:
        return None, f"{since} models since the search of {last['_id']}"
    before = last["data"]["pairs"]
    if not before / DATA_GROWTH < n_pairs < before * DATA_GROWTH:
        return None, f"{n_pairs:,} pairs, and the search of {last['_id']} had {before:,}"
    return from_document(last["tried"]), f"found by the search of {last['_id']}"
