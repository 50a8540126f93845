"""Publishing beyond one machine: Spark fits and lists a block of users at a time, the executors write; the driver has the items."""

import logging
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from pymongo.database import Database
from pyspark.sql import SparkSession

from tidemark.at_scale import border, list_store, training, user_blocks, user_rows
from tidemark.at_scale.border import PairRows, Totals
from tidemark.contracts import gates
from tidemark.errors import NotEnoughDataError, PackError
from tidemark.models import saved
from tidemark.models.popularity import RECENT_SHARE, Popularity
from tidemark.models.recipes import from_document
from tidemark.phases import phase
from tidemark.registry import entries
from tidemark.retraining import cold_items, publish, serving_pack, sides
from tidemark.retraining.serving_pack import Takers
from tidemark.serving import pack as serving
from tidemark.serving import packs
from tidemark.serving.texts import SortedTexts
from tidemark.storage import artifacts, mongo, run_folder, tombstones

Array = np.ndarray[Any, Any]
Document = dict[str, Any]

log = logging.getLogger(__name__)


def publish_run(db: Database[Document], spark: SparkSession, run: str, keep: int) -> Document | None:
    """Fit the decided model of `run` on every pair of its snapshot, and make it live: see `publish.publish_run`.

    Raises:
        GateError: the lists do not pass the gate `recommendations`, or the collection does not hold them; the champion is as it
            was.
    """
    snapshot = artifacts.read_json(f"{run}/{run_folder.SNAPSHOT}")
    model = entries.get(db, snapshot["model_id"])
    if publish.done_before(db, model, keep):
        return None
    gates.preload()
    rows, n = user_rows.read(spark, run), snapshot["asked"]["top_n"]
    if rows is None:
        raise NotEnoughDataError(f"{run} has no rows of users: clear the task train")
    totals = Totals(**artifacts.read_arrays(f"{run}/{run_folder.TOTALS}"))
    sample = sides.sampled(saved.load_pairs(run), totals.every, rows.told["users"])
    with phase("fit"):
        every = border.learned_from(rows, totals.every, sample.timestamp)
        if not artifacts.exists(path := f"{run}/{run_folder.MODEL}"):
            training.keep(path, from_document(model["params"]).recommender(), every, rows.items)
        fitted, _ = saved.load_items(path)
        log.info("fitted on all %s pairs", f"{every.n_pairs:,}")
    with phase("new items"):
        columns = serving_pack.columns_of(db, rows.items)
        share = (model.get("new_items") or {}).get("share", 0.0)
        of_sample, vectors = fitted.of_users(sample), cold_items.vectors_for(db, model["engine"])
        learned = cold_items.learn(of_sample, sample, cold_items.known_products(db), vectors)
    gone = tombstones.read(db)
    asked = user_blocks.Asked(
        fitted=fitted,
        item_ids=rows.items,
        n=n,
        diversity=model.get("diversity", 0.0),
        available=columns.available[: len(rows.items)],
        erased=gone,
        extra=tuple(columns.extra) if share else (),
        share=share if learned else 0.0,
        learned=replace(learned, space=fitted) if learned and learned.space is of_sample else learned,
    )
    folder = f"{run}/{run_folder.LISTS}"
    with phase("ranking"):
        sent = spark.sparkContext.broadcast(asked)
        list_store.keep(user_blocks.lists(rows.frame, sent), folder, rows.told["users"])
        sent.unpersist()
        lists = list_store.read(spark, folder)
    with phase("gate"):
        kinds = list_store.kinds(lists)
        gates.check(kinds.drop(columns="lists"), "recommendations", run_folder.docs(run, "recommendations"))
        served = int(kinds["lists"].sum())
    with phase("writing"):
        _forget(db, model["_id"], gone)
        mongo.ensure(db, mongo.recommendations(model["_id"]))
        more = np.array(asked.extra, object)
        list_store.write(
            lists, list_store.to(model["_id"], model["created_at"], n, rows.items, more, fitted.member_names())
        )
    with phase("serving pack"):
        about = serving_pack.about(run, snapshot, model)
        content = serving_pack.content_arrays(of_sample, columns, learned)
        takers = _takers(every, totals)
        with tempfile.TemporaryDirectory(prefix="tidemark-pack-") as scratch:
            users, given = list_store.stream(folder, n, Path(scratch))
            made = serving_pack.put_together(
                about, users, SortedTexts.of(rows.items), given, takers, fitted, content, columns
            )
            serving.write(f"{run}/{run_folder.PACK}", made)
        where = _verified(f"{run}/{run_folder.PACK}", served)
    with phase("pointer"):
        dropped = publish.publish(db, model["_id"], served, where, keep)
    artifacts.remove(folder)
    return {
        "users_served": served,
        "users_with_everything": _everything(rows, asked),
        "shorter_lists": int(kinds.loc[kinds["n"] < n, "lists"].sum()),
        "dropped": dropped,
    }


def _everything(rows: user_rows.UserRows, asked: user_blocks.Asked) -> int:
    """Users who have all that may be listed: they are not served."""
    if rows.told["most_of_user"] < np.count_nonzero(asked.available):
        return 0
    from pyspark.sql import functions as f

    there = f.lit(np.flatnonzero(asked.available).tolist())
    return rows.frame.where(f.size(f.array_intersect("items", there)) == int(np.count_nonzero(asked.available))).count()


def _forget(db: Database[Document], model_id: str, gone: tombstones.Tombstones) -> None:
    """Remove what an earlier try wrote of those who were erased since."""
    collection = db[mongo.recommendations(model_id)]
    for erased in gone.of(one["_id"] for one in collection.find({}, {"_id": 1})) if gone else ():
        collection.delete_one({"_id": erased})


def _takers(every: PairRows, totals: Totals) -> Takers:
    """What people did with each item."""
    recent = Popularity(recent_share=RECENT_SHARE).fit_rows(every)["item_scores"]
    stars = serving_pack.mean_stars(totals.stars, totals.raters)
    return Takers(recent, totals.first_seen, stars, totals.raters.astype(np.int32))


def _verified(folder: str, users: int) -> Document:
    """Where the pack is, once every byte of it is right.

    Raises:
        PackError: it has not so many users.
    """
    with packs.local(folder) as at:
        serving.verify(at)
        if (there := len(serving.read(at).users)) != users:
            raise PackError(f"the serving pack has {there:,} users, not {users:,}: clear this task")
    where = serving.located(folder)
    log.info("the serving pack takes %.1f MB", where["bytes"] / 1e6)
    return where
