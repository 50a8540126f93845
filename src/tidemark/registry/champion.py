"""The champion: which model is live, what it can be rolled back to, and what of the others may go.

Readers of recommendations read the pointer, then that model's collection. The pointer moves by one majority write, so
they meet one whole model or another, never a mixture.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from pymongo import DESCENDING
from pymongo.client_session import ClientSession
from pymongo.database import Database

from tidemark.errors import NoChampionError
from tidemark.storage import mongo

Document = dict[str, Any]

POINTER = "champion"


def pointer(db: Database[Document]) -> Document | None:
    """`{_id, model_id, previous, moved_at, moved_by}`; None before the first publication."""
    return db["pointers"].find_one({"_id": POINTER})


def model_id(db: Database[Document]) -> str | None:
    """The model_id of the live model; None before the first publication."""
    at = pointer(db)
    return str(at["model_id"]) if at else None


def live(db: Database[Document], fields: Sequence[str] | None = None) -> Document | None:
    """The model that is live, whole or only `fields` of it; None before the first publication."""
    at = pointer(db)
    return db["models"].find_one({"_id": at["model_id"]}, fields) if at else None


def kept(db: Database[Document]) -> list[str]:
    """Models whose recommendations are whole, newest first: what can be rolled back to."""
    there = recommended(db)
    published = db["models"].find({"published_at": {"$ne": None}}, {"_id": 1}).sort("_id", DESCENDING)
    return [m["_id"] for m in published if m["_id"] in there]


def move_pointer(db: Database[Document], model_id: str, moved_by: str) -> None:
    """Make `model_id` the champion; nothing where it is. The pointer is one majority write; statuses follow it.

    Args:
        db: the platform's database.
        model_id: a model whose recommendations are whole.
        moved_by: the run that moves it: repeated, it knows its own work.
    """
    now = datetime.now(UTC)
    at = pointer(db)
    if not at or at["model_id"] != model_id:
        moved = {
            "model_id": model_id,
            "previous": at["model_id"] if at else None,
            "moved_at": now,
            "moved_by": moved_by,
        }
        db["pointers"].replace_one({"_id": POINTER}, moved, upsert=True)
    db["models"].update_many({"status": "champion", "_id": {"$ne": model_id}}, {"$set": {"status": "retired"}})
    db["models"].update_one({"_id": model_id}, {"$set": {"status": "champion"}})
    db["models"].update_one({"_id": model_id, "published_at": None}, {"$set": {"published_at": now}})


def roll_back(db: Database[Document], model_id: str | None, moved_by: str) -> tuple[str, str]:
    """Move the pointer to a kept model: `model_id`, or the newest one kept that is older than the champion.

    A run (`moved_by`) moves it once: repeated after it was killed, it does not go one further back.

    Returns:
        the champion before and after.

    Raises:
        NoChampionError: no model is live, nothing older is kept, or `model_id` is unknown or not kept; the message
            lists those that are.
    """
    at = pointer(db)
    if not at:
        raise NoChampionError("no champion yet: run load_reviews, then retrain_recommender")
    if at.get("moved_by") == moved_by:
        move_pointer(db, at["model_id"], moved_by)  # the statuses, if it was killed before them
        return at["previous"], at["model_id"]
    choices, current = kept(db), at["model_id"]
    names = ", ".join(choices) or "none"
    if model_id is None:
        model_id = next((m for m in choices if m < current), None)
        if model_id is None:
            raise NoChampionError(f"no model older than the champion {current} is kept to roll back to; kept: {names}")
    elif model_id not in choices:
        raise NoChampionError(f"model {model_id!r} is not kept, so it cannot go live; kept: {names}")
    move_pointer(db, model_id, moved_by)
    return current, model_id


def verify(db: Database[Document]) -> Document:
    """That the pointer names a known model whose recommendations are all there: `{model_id, users_served}`.

    Raises:
        NoChampionError: it does not; roll back to another.
    """
    model = live(db)
    if not model:
        raise NoChampionError("the pointer names no known model: run roll_back_model with one of the kept models")
    served = db[mongo.recommendations(model["_id"])].count_documents({})
    if served != model["users_served"]:
        raise NoChampionError(
            f"champion {model['_id']} has recommendations for {served:,} of {model['users_served']:,} users: "
            "run roll_back_model with another kept model"
        )
    return {"model_id": model["_id"], "users_served": served}


def forget(db: Database[Document], model_id: str, user_ids: Sequence[str], session: ClientSession) -> int:
    """Remove the lists of users from a published model, and count them no longer among those it serves.

    Args:
        db: the platform's database.
        model_id: a model that was published: what is being written its publication looks through.
        user_ids: whose lists.
        session: with a transaction: `verify` finds both or neither.

    Returns:
        how many lists there were.
    """
    removed = db[mongo.recommendations(model_id)].delete_many({"_id": {"$in": list(user_ids)}}, session=session)
    if removed.deleted_count:
        fewer = {"$inc": {"users_served": -removed.deleted_count}}
        db["models"].update_one({"_id": model_id}, fewer, session=session)
    return removed.deleted_count


def recommended(db: Database[Document]) -> set[str]:
    """Models that have recommendations, whole or half written."""
    names = db.list_collection_names(filter={"name": {"$regex": f"^{mongo.RECOMMENDATIONS_PREFIX}"}})
    return {name.removeprefix(mongo.RECOMMENDATIONS_PREFIX) for name in names}


def size(db: Database[Document], model_id: str) -> int:
    """Bytes that the recommendations of a model take."""
    return int(db.command("collStats", mongo.recommendations(model_id))["storageSize"])


def drop(db: Database[Document], model_id: str) -> None:
    """Drop the recommendations of a model; the one place that does."""
    db.drop_collection(mongo.recommendations(model_id))


def staying(db: Database[Document], keep: int | None = None) -> set[str]:
    """Models that nothing may be dropped of: the `keep` newest kept (all, without it), the champion, the one before it."""
    at = pointer(db) or {}
    return {*kept(db)[:keep], *(at[role] for role in ("model_id", "previous") if at.get(role))}


def prune(db: Database[Document], keep: int) -> list[str]:
    """Drop the recommendations of all models but those that are `staying`."""
    dropped = sorted(recommended(db) - staying(db, keep))
    for model_id in dropped:
        drop(db, model_id)
    return dropped
