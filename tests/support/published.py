"""Models as they are published: a document in the registry, a collection of lists, and a pack in a folder of the run."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from pymongo.database import Database

from tests.support import serving_worlds
from tidemark.registry import champion
from tidemark.serving import pack
from tidemark.serving.columns import of_products
from tidemark.serving.details import merged
from tidemark.serving.texts import SortedTexts
from tidemark.storage import mongo

ITEMS = [f"i{n:02}" for n in range(40)]
USERS = [f"u{n:02}" for n in range(30)]
N = 10
MADE_AT = datetime(2026, 1, 1, tzinfo=UTC)


def model_id(number: int) -> str:
    return f"{MADE_AT + timedelta(hours=number):%Y%m%dT%H%M%S}-{number:08x}"


def listed(number: int, user: str) -> list[int]:
    """The item numbers that model `number` lists for a user: no two models list the same."""
    return [(7 * number + 3 * int(user[1:]) + place) % len(ITEMS) for place in range(N)]


def is_whole(told: Mapping[str, Any]) -> bool:
    """Whether all of an answer of the API, of as many items as a list has, is of the model that it names: its list, and the
    prices of its catalogue."""
    number = int(told["model_id"].rpartition("-")[2], 16)
    wanted = [ITEMS[item] for item in listed(number, told["user_id"])]
    items = told["items"]
    return [item["item_id"] for item in items] == wanted and {item["price"] for item in items} == {float(number)}


class Published:
    """A registry of small models, below the folder `root`. Every price in the catalogue of model k is k."""

    def __init__(self, db: Database[dict[str, Any]], root: Path, users: Sequence[str] = USERS) -> None:
        self.db, self.root, self.users = db, root, users

    def publish(
        self,
        number: int,
        *,
        next_offsets: dict[int, int] | None = None,
        topic_id: str | None = None,
        packed: bool = True,
        live: bool = True,
        extras: Sequence[str] = (),
    ) -> str:
        """Publish model `number`; gives its model_id."""
        name, made_at = model_id(number), MADE_AT + timedelta(hours=number)
        lists = {user: listed(number, user) for user in self.users}
        rng = np.random.default_rng(number)
        base = serving_worlds.pack(ITEMS, lists, item_factors=rng.normal(size=(len(ITEMS), 2)).astype(np.float32), n=N)
        products = [{"_id": i, "title": f"title of {i}", "price": float(number), "main_category": f"c{int(i[-1]) % 2}",
                     "categories": [f"c{int(i[-1]) % 2}"]} for i in sorted([*ITEMS, *extras])]  # fmt: skip
        about = replace(
            base.about, model_id=name, made_at=made_at, cut=made_at, run_id=f"run {number}",
            next_offsets=next_offsets or {}, topic_id=topic_id,
        )  # fmt: skip
        seen = (1_700_000_000_000_000 + np.arange(len(ITEMS))).astype(np.int64)
        columns = of_products(SortedTexts.of(ITEMS), merged(products, [])).arrays()
        whole = replace(base, about=about, first_seen=seen, columns=columns)
        document: dict[str, Any] = {
            "_id": name, "status": "candidate", "engine": "implicit", "created_at": made_at, "published_at": made_at,
            "params": serving_worlds.ALS, "artifacts": str(self.root / name), "users_served": len(self.users),
            "snapshot": {"stream": {"topic_id": topic_id, "next_offsets": {
                str(partition): at for partition, at in (next_offsets or {}).items()}}},
        }  # fmt: skip
        if packed:
            document["pack"] = pack.write(str(self.root / name / "pack"), whole)
        self.db["models"].replace_one({"_id": name}, document, upsert=True)
        self.db[mongo.recommendations(name)].insert_many(
            [{"_id": user, "model_id": name, "made_at": made_at,
              "items": [{"item_id": ITEMS[item], "score": 1 - place / 100} for place, item in enumerate(numbers)]}
             for user, numbers in lists.items()]
        )  # fmt: skip
        if live:
            self.move_to(number)
        return name

    def move_to(self, number: int) -> None:
        """Move the pointer."""
        champion.move_pointer(self.db, model_id(number), "test")
