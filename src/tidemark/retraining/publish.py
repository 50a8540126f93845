"""Publish: the best N unseen items of every user, checked, written as one whole, and made live."""

import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import BulkWriteError
from pymongo.write_concern import WriteConcern

from tidemark.contracts import gates
from tidemark.errors import ContractError, GateError
from tidemark.evaluation import ranking_metrics
from tidemark.models import brought, fallback, new_items, saved
from tidemark.models.brought import NOBODY
from tidemark.models.interface import Fitted
from tidemark.models.pairs import Pairs
from tidemark.models.ranking import NONE
from tidemark.models.recipes import from_document
from tidemark.phases import phase
from tidemark.registry import champion, entries
from tidemark.retraining import cold_items, serving_pack
from tidemark.retraining.cold_items import Learned
from tidemark.storage import artifacts, mongo, run_folder, tombstones
from tidemark.storage.tombstones import Tombstones

if TYPE_CHECKING:
    from pandas import DataFrame

Array = np.ndarray[Any, Any]
Document = dict[str, Any]

log = logging.getLogger(__name__)

BATCH = 1_000
ALREADY_THERE = 11000
"""MongoDB's code of a key that exists."""


@dataclass(frozen=True)
class Lists:
    """What is recommended to whom.

    A user gets `min(n, items they do not have)` items; one who has the whole catalogue is not served.

    Args:
        users: int `(m,)`, numbers of the served users.
        items: int32 `(m, n)`, item numbers, best first, then `NONE`.
        scores: float32 `(m, n)`.
        wanted: int `(m,)`, how many items each should get.
        brought_by: int8 `(m, n)`, which of `members` brought each item (`models.brought`); None of a model that is no blend.
        members: names.
        more: ids of the items from `len(pairs.items)` on: new ones, that nobody has taken.
    """

    users: Array
    items: Array
    scores: Array
    wanted: Array
    brought_by: Array | None = None
    members: tuple[str, ...] = ()
    more: Array = field(default_factory=lambda: np.empty(0, object))

    def rows(self, which: Array | slice) -> "Lists":
        """Those of some of the users."""
        by = None if self.brought_by is None else self.brought_by[which]
        parts = {name: getattr(self, name)[which] for name in ("users", "items", "scores", "wanted")}
        return replace(self, **parts, brought_by=by)


def make(
    fitted: Fitted,
    pairs: Pairs,
    n: int,
    diversity: float = 0.0,
    available: Array | None = None,
    threads: int | None = None,
) -> Lists:
    """The lists of every user of `pairs` who has not the whole catalogue.

    Args:
        fitted: the model, over the users and items of `pairs`.
        pairs: what it learned from.
        n: items of a list.
        diversity: see `models.variety`.
        available: boolean `(n_items,)`, the items that may be listed; None: every one.
        threads: that rank; None: one for each core.
    """
    if available is None or available.all():
        left = pairs.shape[1] - pairs.user_counts
    else:
        left = np.count_nonzero(available) - np.diff(pairs.weights[:, np.flatnonzero(available)].indptr)
    wanted = np.minimum(n, left)
    users = np.flatnonzero(wanted > 0)
    items, scores, by = brought.recommend(fitted, users, n, pairs.weights, diversity, available, threads)
    return Lists(users, items, scores, wanted[users], by, fitted.member_names())


def with_new_items(lists: Lists, learned: Learned, extra: Sequence[str], pairs: Pairs, share: float) -> Lists:
    """The lists with their share of new items (`new_items.placed`), by what `learned` makes of them.

    Args:
        lists: of what people took.
        learned: content, whose space knows the users of `pairs`.
        extra: ids of everything that is known and was taken by nobody, sorted: its numbers follow those of `pairs.items`.
        pairs: what the model learned from.
        share: of the places.
    """
    at, vectors = new_items.places(lists.items.shape[1], share), learned.space.factors_of_users(lists.users)
    number_of = {item_id: len(pairs.items) + place for place, item_id in enumerate(extra)}
    listed = np.array([item_id in number_of for item_id in learned.ids.tolist()], bool)
    if not len(at) or not listed.any() or vectors is None:
        return lists
    numbers = np.array([number_of[item_id] for item_id in learned.ids[listed].tolist()], np.int32)
    chosen, _ = new_items.best(vectors, learned.factors[listed], len(at))
    new = np.where(chosen == NONE, np.int32(NONE), numbers[np.maximum(chosen, 0)])
    items, scores = new_items.placed(lists.items, lists.scores, new, at)
    by = lists.brought_by
    if by is not None:
        _, moved = new_items.placed(lists.items, by, new, at)
        by = np.where(items >= len(pairs.items), NOBODY, moved)
    wanted = np.minimum(items.shape[1], lists.wanted + (items >= len(pairs.items)).sum(axis=1))
    return replace(lists, items=items, scores=scores, brought_by=by, wanted=wanted, more=np.array(extra, object))


def without(lists: Lists, pairs: Pairs, gone: Tombstones) -> tuple[Lists, list[str]]:
    """The lists of those who were not erased, and who was: who learned from is not always who may be served."""
    erased = gone.of(pairs.users[lists.users].tolist())
    if not erased:
        return lists, []
    return lists.rows(~np.isin(pairs.users[lists.users], erased)), erased


def summary(lists: Lists, pairs: Pairs) -> "DataFrame":
    """One row a served user, as the gate `recommendations` reads it.

    Columns: `user_id, wanted, n, distinct, already_had, finite, descending`.
    """
    import pandas as pd

    present = lists.items != NONE
    taken = np.where(lists.items < len(pairs.items), lists.items, np.int32(NONE))  # nobody had what is new
    ordered = np.sort(np.where(present, lists.items, -1 - np.arange(lists.items.shape[1])), axis=1)
    repeated = ((ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0)).sum(axis=1)
    falls = (lists.scores[:, 1:] <= lists.scores[:, :-1]) | ~present[:, 1:]
    return pd.DataFrame(
        {
            "user_id": pairs.users[lists.users],
            "wanted": lists.wanted,
            "n": present.sum(axis=1),
            "distinct": present.sum(axis=1) - repeated,
            "already_had": ranking_metrics.hits(taken, lists.users, pairs.weights).sum(axis=1),
            "finite": (np.isfinite(lists.scores) | ~present).all(axis=1),
            "descending": falls.all(axis=1),
        }
    )


def _documents(lists: Lists, pairs: Pairs, model_id: str, made_at: datetime) -> list[Document]:
    """The documents of all of `lists`."""
    return documents_of(lists, pairs.users[lists.users], pairs.items, model_id, made_at)


def documents_of(lists: Lists, users: Array, item_ids: Array, model_id: str, made_at: datetime) -> list[Document]:
    """The documents of the collection, as the contract `recommendation` says.

    Args:
        lists: whose `users` are not looked at.
        users: ids `(m,)` of who gets them.
        item_ids: of what was taken, by number.
        model_id: the model.
        made_at: when its run began to publish.
    """
    by = np.full(lists.items.shape, NOBODY) if lists.brought_by is None else lists.brought_by
    named = item_ids[np.where(lists.items < len(item_ids), lists.items, NONE)].astype(object)
    new = lists.items >= len(item_ids)
    named[new] = lists.more[lists.items[new] - len(item_ids)]
    return [
        {"_id": user, "model_id": model_id, "items": _entries(lists.members, *row), "made_at": made_at}
        for user, *row in zip(
            users.tolist(),
            named.tolist(),
            lists.scores.tolist(),
            by.tolist(),
            (lists.items != NONE).sum(axis=1).tolist(),
            strict=True,
        )
    ]


def _entries(members: Sequence[str], items: list[str], scores: list[float], by: list[int], n: int) -> list[Document]:
    """The first `n` items of one list."""
    return [
        {"item_id": item, "score": score} | ({} if place == NOBODY else {"brought_by": members[place]})
        for item, score, place in zip(items[:n], scores[:n], by[:n], strict=True)
    ]


def documents(lists: Lists, pairs: Pairs, model_id: str, made_at: datetime) -> Iterator[Document]:
    """The documents of the collection, as the contract `recommendation` says, in the order of the users."""
    for start in range(0, len(lists.users), BATCH):
        yield from _documents(lists.rows(slice(start, start + BATCH)), pairs, model_id, made_at)


def write(db: Database[Document], lists: Lists, pairs: Pairs, model_id: str, made_at: datetime) -> None:
    """Write the whole collection of `model_id`, which nobody reads yet.

    What is there already was written by an earlier try of the same model (or is being written by one whose worker was
    lost while its driver lives on, airflow#17479): it is the same, and stays.

    Raises:
        ContractError: the server refused a document.
        GateError: the server holds another number of users afterwards.
    """
    name = mongo.recommendations(model_id)
    mongo.ensure(db, name)
    # Until the pointer moves, losing some of this loses nothing: the count below sees it, and the pointer waits for a
    # majority, which then has all that was written before it.
    collection = db[name].with_options(write_concern=WriteConcern(w=1))

    def insert(start: int) -> None:
        insert_new(collection, _documents(lists.rows(slice(start, start + BATCH)), pairs, model_id, made_at))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(insert, range(0, len(lists.users), BATCH)))
    there = db[name].count_documents({})
    if there != len(lists.users):
        raise GateError(f"{name} holds {there:,} users, not {len(lists.users):,}: drop it and clear this task")


def insert_new(collection: Collection[Document], documents: list[Document]) -> None:
    """Insert those that are not there.

    Raises:
        ContractError: the server refused one.
    """
    try:
        collection.insert_many(documents, ordered=False)
    except BulkWriteError as error:
        refused = [e for e in error.details["writeErrors"] if e["code"] != ALREADY_THERE]
        if refused:
            why = refused[0]["errmsg"][:300]
            raise ContractError(f"{collection.name} refused {len(refused):,} documents: {why}") from None


def forget_erased(db: Database[Document], model_id: str) -> None:
    """Remove the lists of those who were erased while the published model was made: an erasure looks through none that is
    not published yet."""
    gone = tombstones.read(db)
    if not gone:
        return
    erased = gone.of(document["_id"] for document in db[mongo.recommendations(model_id)].find({}, {"_id": 1}))
    with db.client.start_session() as session:
        for start in range(0, len(erased), BATCH):
            some = erased[start : start + BATCH]
            session.with_transaction(lambda inside, some=some: champion.forget(db, model_id, some, inside))  # type: ignore[misc]


def publish(db: Database[Document], model_id: str, users_served: int, pack: Document, keep: int) -> list[str]:
    """Make the written model the champion, then drop the recommendations that are no longer kept; gives their models.

    Args:
        db: the platform's database.
        model_id: the model.
        users_served: how many have lists.
        pack: where its serving pack is (`serving.pack.located`).
        keep: models whose recommendations are kept.
    """
    mongo.ensure(db, "models")  # a run that an older version began stored its model under a contract without the pack
    db["models"].update_one({"_id": model_id}, {"$set": {"users_served": users_served, "pack": pack}})
    champion.move_pointer(db, model_id, moved_by=model_id)
    forget_erased(db, model_id)
    log.info("model %s is live for %s users", model_id, f"{users_served:,}")
    return champion.prune(db, keep)


def done_before(db: Database[Document], model: Document, keep: int) -> bool:
    """Whether the model has been published; what then follows is done again."""
    if not model["published_at"]:
        return False
    log.info("model %s has been published already: nothing to do", model["_id"])
    forget_erased(db, model["_id"])
    champion.prune(db, keep)
    return True


def fit(run: str, model: Document) -> tuple[Pairs, Fitted]:
    """The pairs of the run and its model, fitted on all of them, going on from the candidate; kept in the run folder, where an
    earlier try left it."""
    pairs = saved.load_pairs(run)
    path = f"{run}/{run_folder.MODEL}"
    if not artifacts.exists(path):
        recommender = from_document(model["params"]).recommender()
        earlier = saved.load_learned(f"{run}/{run_folder.CANDIDATE}", pairs)
        saved.save_model(path, recommender, fallback.fit(recommender, pairs, earlier), pairs)
    fitted, _ = saved.load_model(path, pairs)
    log.info("fitted on all %s pairs", f"{len(pairs):,}")
    return pairs, fitted


def publish_run(db: Database[Document], run: str, keep: int) -> Document | None:
    """Fit the decided model of `run` on every pair of its snapshot, and make it live.

    Returns:
        who is served and what was dropped; None where the model is published already.

    Raises:
        GateError: the lists do not pass the gate `recommendations`, or the serving pack is not what the collection is; the
            champion is as it was.
    """
    snapshot = artifacts.read_json(f"{run}/{run_folder.SNAPSHOT}")
    model = entries.get(db, snapshot["model_id"])
    if done_before(db, model, keep):
        return None
    gates.preload()
    with phase("fit"):
        pairs, fitted = fit(run, model)
    with phase("new items"):
        columns = serving_pack.columns_of(db, pairs.items)
        vectors = cold_items.vectors_for(db, model["engine"])
        learned = cold_items.learn(fitted, pairs, cold_items.known_products(db), vectors)
    with phase("ranking"):
        there = columns.available[: len(pairs.items)]
        made = make(fitted, pairs, snapshot["asked"]["top_n"], model.get("diversity", 0.0), there)
        if not there.all():
            log.info("%s items are not to be had: they are in no list", f"{np.count_nonzero(~there):,}")
        share = (model.get("new_items") or {}).get("share", 0.0)
        if learned and share:
            made = with_new_items(made, learned, list(columns.extra), pairs, share)
        lists, erased = without(made, pairs, tombstones.read(db))
    if erased:  # of an earlier try, in a collection that nobody reads yet
        db[mongo.recommendations(model["_id"])].delete_many({"_id": {"$in": erased}})
    frame = summary(lists, pairs)
    with phase("gate"):
        gates.check(frame, "recommendations", run_folder.docs(run, "recommendations"))
    with phase("writing"):
        write(db, lists, pairs, model["_id"], model["created_at"])
    with phase("serving pack"):
        about = serving_pack.about(run, snapshot, model)
        served = serving_pack.Served(lists.users, lists.items, lists.scores, lists.brought_by)
        parts = serving_pack.Parts(pairs, fitted, columns, learned)
        pack = serving_pack.publish(db, f"{run}/{run_folder.PACK}", about, parts, served)
    with phase("pointer"):
        dropped = publish(db, model["_id"], len(lists.users), pack, keep)
    return {
        "users_served": len(lists.users),
        "users_with_everything": int(len(pairs.users) - len(made.users)),
        "shorter_lists": int((frame["n"] < snapshot["asked"]["top_n"]).sum()),
        "dropped": dropped,
    }
