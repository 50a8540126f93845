"""List store: the lists of a run as files, by which they are held against the gate, written to MongoDB by the executors, and
streamed into the serving pack: none of them is made twice, and no process has them all."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fsspec
import numpy as np
import pandas as pd
from pymongo.write_concern import WriteConcern

from tidemark.at_scale import user_blocks
from tidemark.errors import GateError, PackError
from tidemark.retraining import publish
from tidemark.retraining.serving_pack import Served
from tidemark.serving.texts import SortedTexts
from tidemark.settings import settings
from tidemark.storage import mongo

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark import Broadcast
    from pyspark.sql import DataFrame, SparkSession

Array = np.ndarray[Any, Any]
Document = dict[str, Any]

PART_USERS = 100_000
"""Lists of a file: 9 MB of ten items."""

_KINDS = ["wanted", "n", "distinct", "already_had", "finite", "descending"]


def keep(lists: "DataFrame", folder: str, n_users: int) -> None:
    """Write the lists to `folder`, in the order of the users, from file to file and within each; what is there is replaced."""
    parts = max(1, n_users // PART_USERS)
    ordered = lists.repartitionByRange(parts, "user_num").sortWithinPartitions("user_num")
    ordered.write.mode("overwrite").parquet(folder)


def read(spark: "SparkSession", folder: str) -> "DataFrame":
    """The lists that `keep` wrote."""
    return spark.read.schema(user_blocks.COLUMNS).parquet(folder)


def kinds(lists: "DataFrame") -> pd.DataFrame:
    """What the gate `recommendations` reads, a row for each kind of list in place of each user: `publish.summary` with one of the users,
    and `lists`, how many there are of the kind."""
    from pyspark.sql import functions as f

    one = f.min("user_id").alias("user_id")
    return lists.groupBy(*_KINDS).agg(one, f.count("*").alias("lists")).toPandas()


@dataclass(frozen=True)
class Written:
    """What is sent to each executor for writing.

    Args:
        uri, database, collection: where to.
        item_ids, more: of what was taken, and of what nobody has.
        members: of the blend.
        n: places of a list.
        model_id, made_at: as the documents say.
    """

    uri: str = field(repr=False)
    database: str
    collection: str
    item_ids: Array
    more: Array
    members: tuple[str, ...]
    n: int
    model_id: str
    made_at: datetime


def write(lists: "DataFrame", asked: Written) -> None:
    """Write the collection by the executors, which nobody reads yet, and hold it against the lists; see `publish.write`.

    Raises:
        ContractError: the server refused a document.
        GateError: the server holds other lists afterwards, or another number of users.
    """
    sent = lists.sparkSession.sparkContext.broadcast(asked)
    told = lists.select("user_id", "items", "scores", "by").mapInArrow(
        partial(_written, asked=sent), "written bigint, differs bigint, example string"
    )
    found = told.toPandas()
    sent.unpersist()
    differs = found[found["differs"] > 0]
    if len(differs):
        raise GateError(
            f"{asked.collection} holds other lists of {differs['differs'].sum():,} users, such as {differs['example'].iloc[0]}: "
            "drop it and clear this task"
        )
    with mongo.client(asked.uri) as client:
        there = client[asked.database][asked.collection].count_documents({})
    if there != found["written"].sum():
        raise GateError(
            f"{asked.collection} holds {there:,} users, not {found['written'].sum():,}: drop it and clear this task"
        )


def to(model_id: str, made_at: datetime, n: int, item_ids: Array, more: Array, members: tuple[str, ...]) -> Written:
    """Where the lists of a model are written to, by the settings of this process."""
    config = settings()
    name = mongo.recommendations(model_id)
    return Written(config.mongo_uri, config.mongo_database, name, item_ids, more, members, n, model_id, made_at)


def _written(batches: "Iterable[pa.RecordBatch]", asked: "Broadcast[Written]") -> "Iterator[pa.RecordBatch]":
    """Write every batch, and read what is there of it."""
    import pyarrow as pa

    at = asked.value
    with mongo.client(at.uri) as client:
        collection = client[at.database][at.collection]
        fast = collection.with_options(write_concern=WriteConcern(w=1))  # see `publish.write`
        for batch in batches:
            users = np.array(batch.column("user_id").to_pylist(), object)
            every = replace(user_blocks.of_batch(batch, at.n), members=at.members, more=at.more)
            wrong: list[str] = []
            for start in range(0, len(users), publish.BATCH):
                part = slice(start, start + publish.BATCH)
                documents = publish.documents_of(every.rows(part), users[part], at.item_ids, at.model_id, at.made_at)
                publish.insert_new(fast, documents)
                wanted = {one["_id"]: one["items"] for one in documents}
                there = {
                    one["_id"]: one["items"] for one in collection.find({"_id": {"$in": list(wanted)}}, {"items": 1})
                }
                wrong += [user for user, items in wanted.items() if there.get(user) != items]
            told = {"written": [len(users)], "differs": [len(wrong)], "example": wrong[:1] or [""]}
            yield pa.RecordBatch.from_pydict(
                {
                    name: pa.array(column, pa.string() if name == "example" else pa.int64())
                    for name, column in told.items()
                }
            )


def stream(folder: str, n: int, scratch: Path) -> tuple[SortedTexts, Served]:
    """The lists in `folder` as arrays that lie in files below `scratch`: mapped, so that no process holds them.

    Raises:
        PackError: they are not in the order of the users' ids.
    """
    rows = sum(part.num_rows for part in _parts(folder, []))
    texts, bytes_ = (scratch / "users").open("wb"), 0
    ends = _file(scratch / "ends", np.int64, (rows,))
    items, scores = _file(scratch / "lists", np.int32, (rows, n)), _file(scratch / "scores", np.float32, (rows, n))
    by: Array | None = None
    row, before = 0, b""
    with texts:
        for part in _parts(folder, ["user_id", "items", "scores", "by"]):
            some = user_blocks.of_batch(part, n)
            ids = [one.encode() for one in part.column("user_id").to_pylist()]
            if any(one >= other for one, other in zip([before, *ids], ids, strict=False)):
                raise PackError(f"the lists in {folder} are not in the order of the users: clear the task publish")
            before, here = ids[-1], slice(row, row + len(ids))
            texts.write(b"".join(ids))
            ends[here] = bytes_ + np.cumsum([len(one) for one in ids])
            items[here], scores[here] = some.items, some.scores
            if some.brought_by is not None:
                by = _file(scratch / "by", np.int8, (rows, n)) if by is None else by
                by[here] = some.brought_by
            row, bytes_ = row + len(ids), int(ends[row + len(ids) - 1])
    data = np.memmap(scratch / "users", np.uint8, "r") if bytes_ else np.empty(0, np.uint8)
    return SortedTexts(data, ends), Served(np.empty(0, np.int64), items, scores, by)


def _file(path: Path, dtype: type, shape: tuple[int, ...]) -> Array:
    """An array that lies in a file."""
    return np.memmap(path, dtype, "w+", shape=shape) if shape[0] else np.empty(shape, dtype)


def _parts(folder: str, columns: list[str]) -> "Iterator[pa.Table]":
    """The lists file by file, some thousand rows at a time."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    filesystem, path = fsspec.core.url_to_fs(folder)
    for name in sorted(filesystem.glob(f"{path}/part-*.parquet")):
        with filesystem.open(name, "rb") as file:
            for batch in pq.ParquetFile(file).iter_batches(columns=columns or ["user_num"]):
                if batch.num_rows:
                    yield pa.Table.from_batches([batch]).select(columns) if columns else pa.Table.from_batches([batch])
