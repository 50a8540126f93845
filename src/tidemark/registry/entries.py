"""The registry's entries: every model with its figures, its settings and what was decided about it."""

import logging
from typing import Any

from pymongo.database import Database

from tidemark.errors import NoChampionError
from tidemark.registry import figures
from tidemark.storage import mongo

Document = dict[str, Any]

log = logging.getLogger(__name__)


def get(db: Database[Document], model_id: str) -> Document:
    """One model.

    Raises:
        NoChampionError: there is none of that id.
    """
    model = db["models"].find_one({"_id": model_id})
    if not model:
        raise NoChampionError(f"the registry has no model {model_id}: run retrain_recommender from its first task")
    return model


def save(db: Database[Document], model: Document) -> None:
    """Store a model; stored again, by a repeated task, it keeps whether it was published."""
    mongo.ensure(db, "models")
    known = db["models"].find_one({"_id": model["_id"], "published_at": {"$ne": None}})
    if known:
        log.info("model %s has been published already: it stays as it is", model["_id"])
        return
    db["models"].replace_one({"_id": model["_id"]}, model, upsert=True)


def set_stars(db: Database[Document], model_id: str, stars: Document, measured: int) -> None:
    """Add RMSE and MAE of the rating models to a stored model.

    Args:
        db: the platform's database.
        model_id: the model.
        stars: as `ranking_metrics.rating_metrics` gives them.
        measured: held-out ratings behind them.
    """
    found = {"metrics.ratings": stars, "data.measured_ratings": measured}
    db["models"].update_one({"_id": model_id}, {"$set": found})


HISTORY_FIELDS = (
    *("status", "engine", "created_at", "published_at", "decision.contender", "decision.reasons"),
    *("data.measured_users", "data.split_rule"),
    *figures.fields("ndcg_at_10"),
)


def history(db: Database[Document]) -> list[Document]:
    """Every model that was decided about, oldest first, with what the history shows of it (`HISTORY_FIELDS`)."""
    return list(db["models"].find({}, dict.fromkeys(HISTORY_FIELDS, 1)).sort("_id", 1))


def count_by_status(db: Database[Document]) -> dict[str, int]:
    """Status -> number of models; a status that no model has is missing."""
    groups = db["models"].aggregate([{"$group": {"_id": "$status", "models": {"$sum": 1}}}])
    return {str(group["_id"]): int(group["models"]) for group in groups}
