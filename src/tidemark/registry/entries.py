"""The registry: every model with its figures, and the pointer that says which one is live.

Readers of recommendations read the pointer, then that model's collection. The pointer moves by one majority write, so
they meet one whole model or another, never a mixture.
"""

import logging
from datetime import UTC, datetime
from typing import Any

from pymongo import DESCENDING
from pymongo.database import Database

from tidemark.errors import NoChampionError
from tidemark.models.recipes import Recipe, from_document
from tidemark.storage import mongo

Document = dict[str, Any]

log = logging.getLogger(__name__)

POINTER = "champion"
DATA_GROWTH = 2.0
"""Settings are searched again when the pairs have become this many times more, or fewer."""


def pointer(db: Database[Document]) -> Document | None:
    """`{_id, model_id, previous, moved_at, moved_by}`; None before the first publication."""
    return db["pointers"].find_one({"_id": POINTER})


def champion(db: Database[Document]) -> Document | None:
    """The model that is live; None before the first publication."""
    at = pointer(db)
    return db["models"].find_one({"_id": at["model_id"]}) if at else None


def get(db: Database[Document], model_id: str) -> Document:
    """One model.

    Raises:
        NoChampionError: there is none of that id.
    """
    found = db["models"].find_one({"_id": model_id})
    if not found:
        raise NoChampionError(f"the registry has no model {model_id}: run retrain_recommender from its first task")
    return found


def save(db: Database[Document], model: Document) -> None:
    """Store a model; stored again, by a repeated task, it keeps whether it was published."""
    mongo.ensure(db, "models")
    known = db["models"].find_one({"_id": model["_id"], "published_at": {"$ne": None}})
    if known:
        log.info("model %s has been published already: it stays as it is", model["_id"])
        return
    db["models"].replace_one({"_id": model["_id"]}, model, upsert=True)


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
    live = champion(db)
    if not live:
        raise NoChampionError("the pointer names no known model: run roll_back_model with one of the kept models")
    served = db[mongo.recommendations(live["_id"])].count_documents({})
    if served != live["users_served"]:
        raise NoChampionError(
            f"champion {live['_id']} has recommendations for {served:,} of {live['users_served']:,} users: "
            "run roll_back_model with another kept model"
        )
    return {"model_id": live["_id"], "users_served": served}


def recommended(db: Database[Document]) -> set[str]:
    """Models that have recommendations, whole or half written."""
    names = db.list_collection_names(filter={"name": {"$regex": f"^{mongo.RECOMMENDATIONS_PREFIX}"}})
    return {name.removeprefix(mongo.RECOMMENDATIONS_PREFIX) for name in names}


def staying(db: Database[Document], keep: int | None = None) -> set[str]:
    """Models that nothing may be dropped of: the `keep` newest kept (all, without it), the champion, the one before it."""
    at = pointer(db) or {}
    return {*kept(db)[:keep], *(at[role] for role in ("model_id", "previous") if at.get(role))}


def prune(db: Database[Document], keep: int) -> list[str]:
    """Drop the recommendations of all models but those that are `staying`."""
    dropped = sorted(recommended(db) - staying(db, keep))
    for model_id in dropped:
        db.drop_collection(mongo.recommendations(model_id))
    return dropped


HISTORY_FIELDS = (
    *("status", "engine", "created_at", "published_at", "decision.contender", "decision.reasons"),
    *(f"metrics.{name}.ndcg_at_10" for name in ("candidate", "popularity", "popularity_recent")),
)


def history(db: Database[Document]) -> list[Document]:
    """Every model that was decided about, oldest first, with what the history shows of it (`HISTORY_FIELDS`)."""
    return list(db["models"].find({}, dict.fromkeys(HISTORY_FIELDS, 1)).sort("_id", 1))


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
