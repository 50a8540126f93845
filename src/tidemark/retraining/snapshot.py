"""Snapshots: what a model may learn from, fixed before anything is trained."""

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from pymongo import ASCENDING, DESCENDING
from pymongo.database import Database

from tidemark.errors import NotEnoughDataError, SettingError
from tidemark.registry import champion
from tidemark.storage import artifacts, mongo, run_folder, tombstones
from tidemark.stream import progress

if TYPE_CHECKING:
    import pyarrow as pa
    from pandas import DataFrame as PandasFrame
    from pyspark.sql import DataFrame, SparkSession

Document = dict[str, Any]


def model_id(run_id: str, run_after: datetime) -> str:
    """`20260102T030405-1a2b3c4d`: sorts by time, and the same for every try of one run."""
    mark = hashlib.sha256(run_id.encode()).hexdigest()[:8]
    return f"{run_after.astimezone(UTC):%Y%m%dT%H%M%S}-{mark}"


def take(db: Database[Document], window: int) -> Document:
    """The snapshot of now.

    Args:
        db: the platform's database.
        window: the newest interactions that training sees.

    Returns:
        `stored` interactions at the time, `window`, `cut` and `since` (ISO 8601, UTC; both belong to it), and of the
        champion, if there is one, `champion`, its `champion_cut` and `champion_stored`.

    Raises:
        NotEnoughDataError: there are no interactions.
        SettingError: the window is not a positive number.
    """
    if window < 1:
        raise SettingError(f"window={window}: at least 1 interaction must be seen")
    interactions = db["interactions"]
    newest = interactions.find_one(sort=[("timestamp", DESCENDING)], projection={"timestamp": 1})
    if not newest:
        raise NotEnoughDataError("there are no interactions to learn from: run load_reviews first")
    stored = interactions.count_documents({})
    if stored <= window:
        (oldest,) = interactions.find({}, {"timestamp": 1}).sort("timestamp", ASCENDING).limit(1)
    else:
        (oldest,) = (
            interactions.find({}, {"timestamp": 1, "_id": 0}).sort("timestamp", DESCENDING).skip(window - 1).limit(1)
        )
    live = champion.live(db)
    return {
        "stored": stored,
        "window": window,
        "cut": newest["timestamp"].isoformat(),
        "since": oldest["timestamp"].isoformat(),
        "champion": live["_id"] if live else None,
        "champion_cut": live["snapshot"]["cut"] if live else None,
        "champion_stored": live["snapshot"]["stored"] if live else None,
    }


def is_news(snapshot: Document) -> bool:
    """Whether anything is stored that the champion's snapshot did not have."""
    same = snapshot["cut"] == snapshot["champion_cut"] and snapshot["stored"] == snapshot["champion_stored"]
    return not same


def begin(
    db: Database[Document],
    run: str,
    model: str,
    asked: Document,
    stream: Document | None = None,
    run_id: str | None = None,
) -> str | None:
    """Fix the snapshot of a run in `<run>/snapshot.json`, once: a repeated task finds the one of the first try.

    Args:
        db: the platform's database.
        run: the run folder.
        model: the run's model_id.
        asked: the params of the run; `window` and `force` are meant for here.
        stream: how far the stream was stored before this was called (`progress.Snapshot.document`).
        run_id: the run's id, as Airflow knows it; None where it does not.

    Returns:
        None; or why there is nothing to train.
    """
    path = f"{run}/{run_folder.SNAPSHOT}"
    if artifacts.exists(path):
        return None
    taken = take(db, asked["window"])
    if not (is_news(taken) or asked["force"]):
        return (
            f"nothing is new since the champion {taken['champion']} learned ({taken['stored']:,} interactions, "
            f"the newest of {taken['cut']}): set force to train all the same"
        )
    artifacts.write_json(path, taken | {"model_id": model, "asked": asked, "stream": stream, "run_id": run_id})
    return None


COLUMNS = ("_id", "user_id", "item_id", "rating", "weight", "timestamp")


def _covered(spark: "SparkSession", snapshot: Document) -> "DataFrame":
    """The interactions of the snapshot's time that it covers, as a Spark frame with `COLUMNS`.

    What came by the stream after the snapshot is left to the next one, whatever its time says. Of users who were erased,
    some may still be there: those who read this leave them out.
    """
    times = {"$gte": {"$date": _zulu(snapshot["since"])}, "$lte": {"$date": _zulu(snapshot["cut"])}}
    pipeline = json.dumps([{"$match": {"timestamp": times}}])
    interactions = mongo.read(spark, "interactions", "interaction", pipeline=pipeline).select(*COLUMNS)
    stream = snapshot.get("stream")
    return (
        interactions.where(progress.Snapshot.from_document(stream).covers(interactions["_id"]))
        if stream
        else interactions
    )


BATCH = 50_000
"""Documents that are held as Python's own objects at a time."""


def read_window(db: Database[Document], snapshot: Document) -> "PandasFrame":
    """The snapshot's interactions as pandas: columns `_id, user_id, item_id, rating, weight, timestamp`.

    Of those as old as `since`, the ones with the greatest `_id` fill the window: the same ones each time. Read without
    Spark: what starts its session costs more than this does, and the rows come to this one process either way.
    """
    import pyarrow as pa

    frame = pa.concat_tables(_tables(db, snapshot)).to_pandas()
    if gone := tombstones.read(db).of(frame["user_id"].unique()):
        frame = frame[~frame["user_id"].isin(gone)]
    if len(frame) > snapshot["window"]:
        frame = frame.sort_values(["timestamp", "_id"], ascending=False).head(snapshot["window"])
    return frame


def _tables(db: Database[Document], snapshot: Document) -> "Iterator[pa.Table]":
    """What `_covered` covers, as Arrow tables of at most `BATCH` rows, one at least."""
    import pyarrow as pa

    texts = dict.fromkeys(("_id", "user_id", "item_id"), pa.string())
    kinds = texts | {"rating": pa.float64(), "weight": pa.float64(), "timestamp": pa.timestamp("ms")}
    # A number instead of a date: 1 us a document less.
    asked = dict.fromkeys(COLUMNS, 1) | {"timestamp": {"$toLong": "$timestamp"}}
    times = {name: datetime.fromisoformat(snapshot[of]) for name, of in (("$gte", "since"), ("$lte", "cut"))}
    found = iter(db["interactions"].find({"timestamp": times}, asked))
    stream = progress.Snapshot.from_document(snapshot["stream"]) if snapshot.get("stream") else None
    first = True
    while (rows := list(islice(found, BATCH))) or first:
        first = False
        rows = [row for row in rows if stream.has(row["_id"])] if stream else rows
        yield pa.table({name: pa.array([row.get(name) for row in rows], kinds[name]) for name in COLUMNS})


def window(spark: "SparkSession", snapshot: Document) -> "DataFrame":
    """The same interactions as `read_window`, as a Spark frame that comes to no one process."""
    from pyspark import StorageLevel
    from pyspark.sql import functions as f

    interactions = _covered(spark, snapshot)
    if gone := tombstones.current().among(interactions):
        interactions = interactions.where(~f.col("user_id").isin(gone))
    interactions = interactions.persist(StorageLevel.DISK_ONLY)
    if (surplus := interactions.count() - snapshot["window"]) > 0:
        place = f.struct("timestamp", "_id")
        oldest = interactions.select(place.alias("place")).orderBy("place").limit(surplus).agg(f.max("place")).first()
        assert oldest is not None  # noqa: S101 -- an aggregate has one row
        last = f.struct(f.lit(oldest[0]["timestamp"]).alias("timestamp"), f.lit(oldest[0]["_id"]).alias("_id"))
        interactions = interactions.where(place > last)
    return interactions


def _zulu(moment: str) -> str:
    """ISO 8601 as MongoDB's extended JSON wants it."""
    return datetime.fromisoformat(moment).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
