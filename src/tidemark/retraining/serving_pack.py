"""The serving pack of a model that is published: made from what was fitted, and held against what MongoDB has."""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice, zip_longest
from typing import Any

import numpy as np
from pymongo import ASCENDING
from pymongo.database import Database

from tidemark.errors import GateError, PackError
from tidemark.models import new_items
from tidemark.models.interface import Fitted, prefixed
from tidemark.models.pairs import Pairs
from tidemark.models.popularity import RECENT_SHARE, Popularity
from tidemark.models.ranking import NONE
from tidemark.models.recipes import from_document
from tidemark.retraining.cold_items import MOST_NEW, Learned
from tidemark.serving import columns, details, packs
from tidemark.serving import pack as serving
from tidemark.serving.columns import Columns
from tidemark.serving.pack import Pack
from tidemark.serving.pack_contents import About
from tidemark.serving.texts import SortedTexts
from tidemark.storage import mongo, run_folder

Array = np.ndarray[Any, Any]
Document = dict[str, Any]

log = logging.getLogger(__name__)

BATCH = 2_000
UNKNOWN = -2
"""In place of the number of an item that the pack does not have."""


@dataclass(frozen=True)
class Served:
    """Who gets what.

    Args:
        users: int `(m,)`, numbers of the served users, ascending.
        items: int32 `(m, n)`, item numbers, best first, then `NONE`.
        scores: float32 `(m, n)`, -inf where the list has ended.
        brought_by: int8 `(m, n)`, see `publish.Lists`; None of a model that is no blend.
    """

    users: Array
    items: Array
    scores: Array
    brought_by: Array | None = None


def about(run: str, snapshot: Document, model: Document) -> About:
    """What the pack of a run is of.

    Args:
        run: the run folder.
        snapshot: the run's `snapshot.json`.
        model: the registry's document of its model.
    """
    dag, key = run_folder.names(run)
    stream = snapshot.get("stream") or {"next_offsets": {}, "topic_id": None}
    return About(
        model_id=model["_id"],
        recipe=from_document(model["params"]).document(),
        dag=dag,
        run_id=snapshot.get("run_id") or key,
        made_at=model["created_at"],
        cut=datetime.fromisoformat(snapshot["cut"]),
        next_offsets={int(partition): int(at) for partition, at in stream["next_offsets"].items()},
        topic_id=stream["topic_id"],
        n=snapshot["asked"]["top_n"],
        diversity=model.get("diversity", 0.0),
        new_item_share=(model.get("new_items") or {}).get("share", 0.0),
    )


@dataclass(frozen=True)
class Parts:
    """What a pack is made of, beside its lists.

    Args:
        pairs: what the model learned from.
        fitted: the model, over the users and items of `pairs`.
        columns: what is known of the products (`columns_of`).
        learned: content; None where too little is known for it.
    """

    pairs: Pairs
    fitted: Fitted
    columns: Columns
    learned: Learned | None = None


def columns_of(db: Database[Document], items: Array) -> Columns:
    """What is known of the products, over `items` (ids, sorted) and those that nobody has taken."""
    known = details.merged(details.read_products(db), details.read_changes(db))
    return columns.of_products(SortedTexts.of(items), known)


@dataclass(frozen=True)
class Takers:
    """What people did with each item.

    Args:
        recent: float32 `(n_items,)`, how popular it is in the recent window (`Popularity`).
        first_seen: int64 `(n_items,)`, when anybody first took it, microseconds since 1970, UTC.
        stars: float32 `(n_items,)`, mean rating, NaN where nobody rated.
        raters: int32 `(n_items,)`, how many did.
    """

    recent: Array
    first_seen: Array
    stars: Array
    raters: Array

    @classmethod
    def of(cls, pairs: Pairs) -> "Takers":
        """Those of pairs."""
        n = pairs.shape[1]
        first_seen = np.full(n, np.iinfo(np.int64).max)
        np.minimum.at(first_seen, pairs.item_num, pairs.timestamp)
        rated = np.isfinite(pairs.rating)
        raters = np.bincount(pairs.item_num[rated], minlength=n)
        totals = np.bincount(pairs.item_num[rated], weights=pairs.rating[rated], minlength=n)
        recent = Popularity(recent_share=RECENT_SHARE).fit(pairs).item_scores
        return cls(recent, first_seen, mean_stars(totals, raters), raters.astype(np.int32))


def mean_stars(totals: Array, raters: Array) -> Array:
    """`totals / raters` as float32, NaN where nobody rated."""
    stars = np.full(len(totals), np.nan, np.float32)
    np.divide(totals, raters, out=stars, where=raters > 0, casting="same_kind")
    return stars


def content_arrays(fitted: Fitted, columns: Columns, learned: Learned | None) -> dict[str, Array]:
    """The arrays of the pack that say how new items are placed; none where there is no content."""
    if learned is None:
        return {}
    extra = {item_id: place for place, item_id in enumerate(columns.extra)}
    factors = np.zeros((min(len(extra), MOST_NEW), learned.factors.shape[1]), np.float32)
    placed = [(extra[item_id], row) for row, item_id in enumerate(learned.ids.tolist()) if item_id in extra]
    places = np.array([pair for pair in placed if pair[0] < len(factors)], np.int64).reshape(-1, 2)
    factors[places[:, 0]] = learned.factors[places[:, 1]]
    own = {} if learned.space is fitted else prefixed(new_items.SPACE, learned.space.history_arrays())
    return learned.content.arrays() | {new_items.NEW_FACTORS: factors} | own


def make(of: About, parts: Parts, served: Served) -> Pack:
    """The pack, in memory; lists, scores and factors are not copied.

    Args:
        of: what it is of.
        parts: what it is made of.
        served: its lists.
    """
    users, items = SortedTexts.of(parts.pairs.users[served.users]), SortedTexts.of(parts.pairs.items)
    content = content_arrays(parts.fitted, parts.columns, parts.learned)
    return put_together(of, users, items, served, Takers.of(parts.pairs), parts.fitted, content, parts.columns)


def put_together(
    of: About,
    users: SortedTexts,
    items: SortedTexts,
    served: Served,
    takers: Takers,
    fitted: Fitted,
    content: dict[str, Array],
    columns: Columns,
) -> Pack:
    """The pack of these; nothing that has a row for each user is copied.

    Args:
        of: what it is of.
        users, items: ids of who is served, and of what was taken.
        served: their lists, in the order of `users`; its own `users` are not looked at.
        takers: of `items`.
        fitted: the model.
        content: `content_arrays`.
        columns: what is known of the products.
    """
    popular = np.argsort(-takers.recent, kind="stable").astype(np.int32)
    return Pack(
        about=of,
        users=users,
        items=items,
        lists=served.items,
        scores=served.scores,
        popular=popular,
        popular_scores=takers.recent[popular],
        first_seen=takers.first_seen,
        stars=takers.stars,
        raters=takers.raters,
        learned=fitted.history_arrays(),
        content=content,
        brought_by=served.brought_by,
        columns=columns.arrays(),
    )


def publish(db: Database[Document], folder: str, of: About, parts: Parts, served: Served) -> Document:
    """Write the pack to `folder` and hold it against the collection of the model, which is written.

    A whole pack of the same lists that an earlier try left stays: it may be served already.

    Returns:
        where it is (`pack.located`).

    Raises:
        GateError: pack and collection differ.
    """
    if not is_there(folder, of, served):
        serving.write(folder, make(of, parts, served))
    with packs.local(folder) as at:
        serving.verify(at)
        require_same(serving.read(at), stored(db, of.model_id))
    where = serving.located(folder)
    log.info("the serving pack takes %.1f MB", where["bytes"] / 1e6)
    return where


def is_there(folder: str, of: About, served: Served) -> bool:
    """Whether `folder` has a whole pack that is of the same and has the same lists."""
    try:
        with packs.local(folder) as at:
            serving.verify(at)
            there = serving.read(at)
            return (
                there.about == of
                and np.array_equal(there.lists, served.items)
                and np.array_equal(there.scores, served.scores)
                and np.array_equal(_or_nothing(there.brought_by), _or_nothing(served.brought_by))
            )
    except PackError:
        return False


def _or_nothing(array: Array | None) -> Array:
    return np.empty(0) if array is None else array


def stored(db: Database[Document], model_id: str) -> Iterator[Document]:
    """What the collection of a model has: `{_id, items: item_ids, scores}`, sorted by `_id`."""
    shape = {"items": "$items.item_id", "scores": "$items.score"}
    return iter(db[mongo.recommendations(model_id)].aggregate([{"$sort": {"_id": ASCENDING}}, {"$project": shape}]))


def require_same(pack: Pack, documents: Iterable[Document]) -> None:
    """The gate: for every user, the pack has what the collection has, and neither has a user more.

    Args:
        pack: the pack.
        documents: as `stored` gives them.

    Raises:
        GateError: the first difference, in words.
    """
    extra = Columns.of_arrays(pack.columns, len(pack.items)).extra if pack.columns else ()
    numbers = {item_id: number for number, item_id in enumerate(chain(pack.items, extra))}
    rest, row = iter(documents), 0
    while batch := list(islice(rest, BATCH)):
        _require_same_users(pack, row, [document["_id"] for document in batch])
        lists, scores = _arrays(batch, numbers, pack.lists.shape[1])
        rows = slice(row, row + len(batch))
        differs = ((lists != pack.lists[rows]) | (scores != pack.scores[rows])).any(axis=1)
        if differs.any():
            user = batch[int(differs.argmax())]["_id"]
            raise _differ(f"other items or scores for the user {user}")
        row += len(batch)
    if row < len(pack.users):
        raise _differ(f"the user {pack.users[row]}, whom the collection does not have")


def _require_same_users(pack: Pack, row: int, users: list[str]) -> None:
    held = [pack.users[number] for number in range(row, min(row + len(users), len(pack.users)))]
    if users == held:
        return
    ours, theirs = next((a, b) for a, b in zip_longest(held, users) if a != b)
    if ours is not None and ours < theirs:
        raise _differ(f"the user {ours}, whom the collection does not have")
    raise _differ(f"no user {theirs}, whom the collection has")


def _arrays(batch: list[Document], numbers: dict[str, int], n: int) -> tuple[Array, Array]:
    """Item numbers and scores `(len(batch), n)` of documents, as a pack has them."""
    lengths = np.array([len(document["items"]) for document in batch])
    if lengths.max() > n:
        raise _differ(f"shorter lists: the user {batch[int(lengths.argmax())]['_id']} has more than {n}")
    filled = np.arange(n) < lengths[:, np.newaxis]
    lists, scores = np.full(filled.shape, NONE, np.int32), np.full(filled.shape, -np.inf, np.float32)
    lists[filled] = [numbers.get(item_id, UNKNOWN) for document in batch for item_id in document["items"]]
    scores[filled] = [score for document in batch for score in document["scores"]]
    return lists, scores


def _differ(what: str) -> GateError:
    return GateError(
        f"the serving pack and the collection of its model differ: the pack has {what}",
        "nothing was published: drop the model's collection and the folder `pack` of its run, then clear the task",
    )
