"""A model without a pack, as they were published before there were any: its lists are read from MongoDB for each answer.

What a pack would have beside the lists (which items there are, how much they are taken) is counted once, when the model
goes live. There is no fold-in: who took something since gets their list without it. A new model with a pack ends that.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
from pymongo.database import Database

from tidemark.serving.catalogue import Catalogue
from tidemark.serving.columns import of_products
from tidemark.serving.details import merged, read_changes, read_products
from tidemark.serving.folding import Model
from tidemark.serving.histories import PAUSE
from tidemark.serving.pack import Pack
from tidemark.serving.pack_contents import About
from tidemark.serving.texts import SortedTexts
from tidemark.storage import mongo
from tidemark.storage.patience import Breaker, brief

Document = dict[str, Any]

WINDOW = 200_000
"""Newest interactions that the popular order is counted from."""
PATIENCE = 60.0
"""Seconds that the counting may take."""


class Unpacked:
    """One model, its lists in MongoDB.

    Args:
        db: the platform's database.
        model: a document of the registry.

    Attributes:
        model: it, without any list: what is answered to whoever has none.
        catalogue: the products as they are known now.

    Raises:
        UnreachableError: MongoDB does not answer.
    """

    def __init__(self, db: Database[Document], model: Mapping[str, Any]) -> None:
        with brief(PATIENCE, or_refused=True):
            counts = _taken(db)
            products = merged(list(read_products(db)), list(read_changes(db)))
            items = SortedTexts.of(sorted(counts, key=str.encode))
            columns = of_products(items, products)
        pack = _without_lists(model, items, np.array([counts[item_id] for item_id in items], np.float32))
        self.model = Model(pack, None)
        self.catalogue = Catalogue(items, columns, pack)
        self._lists = db[mongo.recommendations(pack.about.model_id)]
        self._breaker = Breaker(PAUSE, or_refused=True)

    def of(self, user_id: str) -> Model:
        """The model with the list of one user, as the collection has it now; without any where they have none.

        Raises:
            UnreachableError: MongoDB does not answer.
        """
        with self._breaker.asking():
            found = self._lists.find_one({"_id": user_id}) if _is_text(user_id) else None
        numbers = {number: entry["score"] for entry in (found or {}).get("items", ())
                   if (number := self.catalogue.number(entry["item_id"])) is not None}  # fmt: skip
        if not numbers:
            return self.model
        lists = np.array([[*numbers]], np.int32)
        scores = np.array([[*numbers.values()]], np.float32)
        return Model(replace(self.model.pack, users=SortedTexts.of([user_id]), lists=lists, scores=scores), None)


def _is_text(user_id: str) -> bool:
    """Whether MongoDB takes it: half a character is none."""
    try:
        user_id.encode()
    except UnicodeEncodeError:
        return False
    return True


def _taken(db: Database[Document]) -> dict[str, int]:
    """item_id -> how often it was taken among the newest `WINDOW` interactions, 0 for items that were taken before."""
    newest: list[Document] = [{"$sort": {"timestamp": -1, "_id": 1}}, {"$limit": WINDOW}, {"$sortByCount": "$item_id"}]
    ever = {group["_id"]: 0 for group in db["interactions"].aggregate([{"$group": {"_id": "$item_id"}}])}
    return ever | {group["_id"]: group["count"] for group in db["interactions"].aggregate(newest)}


def _without_lists(model: Mapping[str, Any], items: SortedTexts, counts: Any) -> Pack:
    n, nobody = len(items), SortedTexts.of([])
    order = np.lexsort((np.arange(n), -counts))
    made_at = model.get("created_at") or datetime.now(UTC)
    stream = model["snapshot"].get("stream") or {}
    about = About(
        model_id=model["_id"],
        recipe=model.get("params") or {},
        dag="",
        run_id="",
        made_at=made_at,
        cut=made_at,
        next_offsets={int(number): int(at) for number, at in stream.get("next_offsets", {}).items()},
        topic_id=stream.get("topic_id"),
        n=0,
    )
    return Pack(
        about=about,
        users=nobody,
        items=items,
        lists=np.empty((0, 0), np.int32),
        scores=np.empty((0, 0), np.float32),
        popular=order.astype(np.int32),
        popular_scores=counts[order],
        first_seen=np.zeros(n, np.int64),
        stars=np.full(n, np.nan, np.float32),
        raters=np.zeros(n, np.int32),
    )
