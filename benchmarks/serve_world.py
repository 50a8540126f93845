"""What the storefront is measured on: a champion that was made up, published as a real one is; histories; a key."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from pymongo.database import Database

from tidemark.registry import champion
from tidemark.serving import pack
from tidemark.serving.columns import of_details
from tidemark.serving.details import Details
from tidemark.serving.pack import Pack
from tidemark.serving.pack_contents import About
from tidemark.serving.texts import SortedTexts
from tidemark.settings import Settings
from tidemark.storage import mongo
from tidemark.storefront.api_keys import ApiKeys
from tidemark.stream import topics
from tidemark.stream.bookmark import Bookmark

Array = np.ndarray[Any, Any]

N, FACTORS, LISTED = 20, 64, 10
"""Items of a stored list, numbers of a factor, and items that are asked for."""
HISTORY = 30
"""Interactions of each user who is folded in."""
CATEGORIES = 12
RECIPE = {
    "name": "als_implicit",
    "settings": {"factors": FACTORS, "regularization": 0.1, "alpha": 10.0, "iterations": 15},
}
TAIL = "standard deviation of the logarithm of the factors' lengths: 0: alike; 0.6: as much to score as of amazon_book's ALS"
WORDS = ("Stone", "Linen", "Copper", "Harvest", "Tidal", "Ember", "Juniper", "Quartz")


@dataclass(frozen=True)
class World:
    """What is there to be asked for.

    Args:
        users: have a stored list and nothing newer.
        newcomers: have none, but `HISTORY` interactions in MongoDB: each is folded in when first asked for.
        items: all items.
        key: an API key that may read and write, at any rate.
        lists: model_id -> int32 `(users, N)`, numbers of `items`, best first; the oldest model first.
    """

    users: list[str]
    newcomers: list[str]
    items: list[str]
    key: str
    lists: dict[str, Array]


def build(
    config: Settings, folder: Path, users: int, items: int, newcomers: int, models: int = 1, tail: float = 0.0
) -> World:
    """Publish `models`, the last of which is the champion, and store all that belongs to them; `tail` as `TAIL` says."""
    db = mongo.connect(config)
    topics.ensure(config)
    rng = np.random.default_rng(7)
    ids = [f"B{number:09}" for number in range(items)]
    known = [f"A{number:012}" for number in range(users)]
    lists: dict[str, Array] = {}
    for number in range(models):
        made = _pack(known, ids, _about(config, number), rng, tail)
        _publish(db, made, folder / f"run{number}")
        lists[made.about.model_id] = made.lists
    new = [f"N{number:012}" for number in range(newcomers)]
    mongo.ensure(db, "interactions")
    for start in range(0, newcomers, 1_000):
        db["interactions"].insert_many(list(_histories(new[start : start + 1_000], ids, rng)), ordered=False)
    key, _ = ApiKeys(db).add("benchmark", ("read", "write"), rate=10**9)
    return World(known, new, ids, key, lists)


def _pack(users: list[str], items: list[str], about: About, rng: np.random.Generator, tail: float) -> Pack:
    numbers = np.sort(rng.integers(0, len(items), (len(users), N), dtype=np.int32), axis=1)
    details = [
        Details(
            title=f"{WORDS[n % 8]} {WORDS[n // 8 % 8]} no. {n}, of the house's own make",
            price=float(n % 9_000) / 100 + 1,
            category=f"c{n % CATEGORIES}",
            categories=(f"c{n % CATEGORIES}",),
        )
        for n in range(len(items))
    ]
    factors = rng.normal(0, 0.1, (len(items), FACTORS)) * rng.lognormal(0, tail, (len(items), 1))
    return Pack(
        about=about,
        users=SortedTexts.of(users),
        items=SortedTexts.of(items),
        lists=numbers,
        scores=-np.sort(-rng.random((len(users), N), dtype=np.float32), axis=1),
        popular=rng.permutation(len(items)).astype(np.int32),
        popular_scores=np.arange(len(items), 0, -1, dtype=np.float32),
        first_seen=np.full(len(items), 1_700_000_000_000_000, np.int64),
        stars=np.full(len(items), 4.2, np.float32),
        raters=np.full(len(items), 12, np.int32),
        learned={"item_factors": factors.astype(np.float32)},
        columns=of_details(details, ()).arrays(),
    )


def _about(config: Settings, number: int) -> About:
    """Of a model that has learned from everything that is in the topic; each `number` is a minute newer."""
    made_at, bookmark = datetime.now(UTC) - timedelta(minutes=60 - number), Bookmark(config)
    model_id = f"{made_at:%Y%m%dT%H%M%S}-0be9c4a{number}"
    ends, topic_id = bookmark.ends(), bookmark.topic_id()
    return About(model_id, RECIPE, "retrain_recommender", "benchmark", made_at, made_at, ends, topic_id, N)


def _publish(db: Database[dict[str, Any]], made: Pack, folder: Path) -> None:
    about = made.about
    offsets = {str(partition): at for partition, at in about.next_offsets.items()}
    document: dict[str, Any] = {
        "_id": about.model_id,
        "status": "candidate",
        "engine": "implicit",
        "params": RECIPE,
        "created_at": about.made_at,
        "published_at": about.made_at,
        "users_served": len(made.users),
        "artifacts": str(folder),
        "snapshot": {"stream": {"topic_id": about.topic_id, "next_offsets": offsets}},
        "pack": pack.write(f"{folder}/pack", made),
    }
    db["models"].insert_one(document)
    # The pack alone is read; that there is a collection says that the model is kept.
    db[mongo.recommendations(about.model_id)].insert_one({"_id": made.users[0], "items": []})
    champion.move_pointer(db, about.model_id, "benchmark")


def _histories(users: list[str], items: list[str], rng: np.random.Generator) -> Iterator[dict[str, Any]]:
    at = datetime.now(UTC) - timedelta(days=1)
    for user in users:
        for place, number in enumerate(rng.choice(len(items), HISTORY, replace=False).tolist()):
            yield {
                "_id": f"review:{user}:{place}",
                "user_id": user,
                "item_id": items[number],
                "rating": None,
                "weight": 1.0,
                "timestamp": at + timedelta(seconds=place),
                "source": "review",
            }
