"""Upserts as one process of plain pymongo makes them: what loads are held against."""

import time
from collections.abc import Iterator, Sequence
from typing import Any

from pymongo import ReplaceOne


def batches(collection: Any, size: int = 5_000) -> Iterator[list[dict[str, Any]]]:
    """The documents of `collection` in batches."""
    batch = []
    for document in collection.find(batch_size=size):
        batch.append(document)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def plain(db: Any, names: Sequence[str]) -> float:
    """Seconds that pymongo takes to upsert what the collections `names` hold into empty twins of them."""
    seconds = 0.0
    for name in names:
        twin = db[f"plain_{name}"]
        twin.drop()
        db.create_collection(twin.name, **db[name].options())
        for index in db[name].index_information().values():
            twin.create_index(index["key"])
        for batch in batches(db[name]):
            started = time.perf_counter()
            twin.bulk_write([ReplaceOne({"_id": d["_id"]}, d, upsert=True) for d in batch], ordered=False)
            seconds += time.perf_counter() - started
        assert twin.count_documents({}) == db[name].count_documents({})
        twin.drop()
    return seconds
