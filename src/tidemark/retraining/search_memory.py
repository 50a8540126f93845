"""The memory of searches: settings that an earlier search found, and whether they still hold."""

import re
from dataclasses import dataclass
from typing import Any

from pymongo import DESCENDING
from pymongo.database import Database

from tidemark.models.interface import Recommender
from tidemark.models.recipes import from_document

Document = dict[str, Any]

DATA_GROWTH = 2.0
"""Settings are searched again when the pairs have become this many times more, or fewer."""

_SEARCH_IN_WORDS = re.compile(r"\(found by the search of (\S+)\)$")


@dataclass(frozen=True)
class Remembered:
    """What an earlier search found.

    Args:
        recommender: with its settings.
        model_id: the model that was searched for.
    """

    recommender: Recommender
    model_id: str


def searched(db: Database[Document], model: Document) -> Document | None:
    """The model whose search found the settings that `model` was tried with: itself, an earlier one, or None where the
    settings come from no search (or from that of a model of which nothing is left)."""
    if model["search"]:
        return model
    search_of = model["search_of"] if "search_of" in model else _search_in_words(model["why"]["settings"])
    return db["models"].find_one({"_id": search_of}) if search_of else None


def _search_in_words(why: str) -> str | None:
    """Models stored before the field `search_of` name the model in words alone."""
    match = _SEARCH_IN_WORDS.search(why) if "remembered" in why else None
    return match[1] if match else None


def remembered(
    db: Database[Document], model_id: str, engine: str, feedback: str, n_pairs: int, search_every: int | None
) -> tuple[Remembered | None, str]:
    """What the last search for this engine and feedback found, and why it holds or does not.

    It holds for `search_every` models (the one searched for included), while the data keeps its size.

    Args:
        db: the platform's database.
        model_id: the model that is being trained: what an earlier try of its run stored is not remembered.
        engine, feedback: as the candidates to remember were tried with.
        n_pairs: pairs of now.
        search_every: see above; None: for ever.
    """
    asked = {"tried.engine": engine, "tried.feedback": feedback}
    others = {"$ne": model_id}
    last = db["models"].find_one({**asked, "search": {"$ne": None}, "_id": others}, sort=[("_id", DESCENDING)])
    if not last:
        return None, "no earlier search"
    since = db["models"].count_documents({**asked, "_id": {"$gte": last["_id"], **others}})
    if search_every is not None and since >= search_every:
        return None, f"{since} models since the search of {last['_id']}"
    before = last["data"]["pairs"]
    if not before / DATA_GROWTH < n_pairs < before * DATA_GROWTH:
        return None, f"{n_pairs:,} pairs, and the search of {last['_id']} had {before:,}"
    recommender = from_document(last["tried"]).recommender()
    return Remembered(recommender, last["_id"]), f"found by the search of {last['_id']}"
