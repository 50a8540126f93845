"""Items that come and go while the simulated shoppers shop: what `tidemark simulate` sends to the topic `items`.

A new item is like one that is known: of its category, at about its price, and wanted by who would have wanted that one. Only what
was brought here is ever withdrawn, so that a simulation hides nothing that a shop has.
"""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from pymongo.database import Database

from tidemark.stream.simulation import Catalogue, Keyed

MODELS = 200
"""Known items, the most taken, that new ones may be like."""
WANTED = 0.3
"""How often who wants an item takes one of the new ones that are like it."""
COMES, GOES = 0.6, 0.25
"""How often a message brings an item, or withdraws one; else one comes back, or has another price."""


class Stock:
    """New items, and which of them are there; the same seed and catalogue give the same messages.

    Args:
        known: what the shoppers shop in.
        products: item_id -> `title`, `main_category` and `price`, of those that are described.
        seed: of everything that is random.

    Attributes:
        brought, withdrawn: how many messages did so.
    """

    def __init__(self, known: Catalogue, products: Mapping[str, Mapping[str, Any]], *, seed: int = 0) -> None:
        self._random, self._products, self._seed = np.random.default_rng(seed), products, seed
        taken = np.asarray(known.had.sum(axis=0)).ravel()
        self._models = [known.items[number] for number in np.argsort(-taken, kind="stable")[:MODELS]]
        self._there: dict[str, str] = {}  # new item -> the known one that it is like
        self._gone: dict[str, str] = {}
        self.brought = self.withdrawn = 0

    def message(self) -> Keyed:
        """The next thing that is said of an item: of which, and what."""
        draw = self._random.random()
        if not self._there or draw < COMES:
            return self._bring()
        if draw < COMES + GOES:
            item_id = self._some(self._there)
            self._gone[item_id] = self._there.pop(item_id)
            self.withdrawn += 1
            return item_id, _said(item_id, available=False)
        if self._gone:
            item_id = self._some(self._gone)
            self._there[item_id] = self._gone.pop(item_id)
            return item_id, item_id.encode()  # the bare id, as simple senders have it
        return self._told(self._some(self._there))

    def instead_of(self, item_id: str) -> str:
        """What somebody takes who wants a known item: it, or a new one that is like it."""
        if not self._there or self._random.random() >= WANTED:
            return item_id
        alike = [new for new, model in self._there.items() if model == item_id]
        return alike[int(self._random.integers(len(alike)))] if alike else item_id

    def _bring(self) -> Keyed:
        self.brought += 1
        item_id = f"new-{self._seed}-item-{self.brought}"
        self._there[item_id] = self._models[int(self._random.integers(len(self._models)))]
        return self._told(item_id)

    def _told(self, item_id: str) -> Keyed:
        like = self._products.get(self._there[item_id], {})
        said: dict[str, Any] = {"title": f"{like.get('title') or 'A thing'} (new edition)"[:1_000]}
        if like.get("main_category"):
            said["category"] = like["main_category"]
        if like.get("price"):
            said["price"] = round(float(like["price"]) * float(self._random.uniform(0.8, 1.2)), 2)
        return item_id, _said(item_id, **said)

    def _some(self, items: Mapping[str, str]) -> str:
        return list(items)[int(self._random.integers(len(items)))]


def _said(item_id: str, **more: Any) -> bytes:
    return json.dumps({"item_id": item_id, **more}).encode()


def described(db: Database[dict[str, Any]], known: Catalogue) -> dict[str, dict[str, Any]]:
    """What the products' files say of the items of a catalogue, as `Stock` takes it."""
    fields = {"title": 1, "main_category": 1, "price": 1}
    return {one["_id"]: one for one in db["products"].find({"_id": {"$in": known.items}}, fields)}
