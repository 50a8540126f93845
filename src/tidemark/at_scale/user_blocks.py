"""User blocks: the lists of all users of a window, made where their rows are: a block of users at a time, by every executor.

What says nothing of any user (factors and likenesses of items, popularity, new items) is sent to each executor once.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from tidemark.at_scale import user_rows
from tidemark.models.interface import Fitted
from tidemark.models.pairs import Pairs
from tidemark.retraining import publish
from tidemark.retraining.cold_items import Learned
from tidemark.retraining.publish import Lists
from tidemark.storage.tombstones import Tombstones

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark import Broadcast
    from pyspark.sql import DataFrame

Array = np.ndarray[Any, Any]

COLUMNS = "user_id string, user_num int, items array<int>, scores array<float>, by array<tinyint>, \
wanted int, n int, distinct int, already_had int, finite boolean, descending boolean"
"""Of the lists: those of `publish.Lists`, and of `publish.summary`. `by` is empty of a model that is no blend."""

_SUMMARY = ("wanted", "n", "distinct", "already_had", "finite", "descending")


@dataclass(frozen=True)
class Asked:
    """What is sent to each executor.

    Args:
        fitted: the model, which knows no user.
        item_ids: of the items that it learned from.
        n, diversity: see `publish.make`.
        available: boolean `(n_items,)`, the items that may be listed.
        erased: who is not served.
        extra: ids of what nobody has taken.
        share: of the places of a list that new items have; 0: none.
        learned: content, whose space knows no user; None where no new items are placed.
    """

    fitted: Fitted
    item_ids: Array
    n: int
    diversity: float
    available: Array
    erased: Tombstones
    extra: tuple[str, ...] = ()
    share: float = 0.0
    learned: Learned | None = None

    def lists(self, pairs: Pairs) -> Lists:
        """The lists of the users of `pairs`, as `publish` makes them of all."""
        fitted = self.fitted.of_users(pairs)
        made = publish.make(fitted, pairs, self.n, self.diversity, self.available, threads=1)
        if self.learned and self.share:
            space = fitted if self.learned.space is self.fitted else self.learned.space.of_users(pairs)
            made = publish.with_new_items(made, replace(self.learned, space=space), self.extra, pairs, self.share)
        return publish.without(made, pairs, self.erased)[0]


def lists(rows: "DataFrame", asked: "Broadcast[Asked]") -> "DataFrame":
    """The lists of all users of `rows` (`UserRows.frame`) who are served, as `COLUMNS` says."""
    own = rows.select("user_id", "user_num", "items", "weights", "ratings", "timestamps")
    return own.mapInArrow(partial(_listed, asked=asked), COLUMNS)


def _listed(batches: "Iterable[pa.RecordBatch]", asked: "Broadcast[Asked]") -> "Iterator[pa.RecordBatch]":
    for batch in batches:
        if batch.num_rows:
            pairs = user_rows.pairs_of(batch, asked.value.item_ids)
            made = asked.value.lists(pairs)
            yield _batch(made, pairs, batch.column("user_num").to_numpy()[made.users])


def _batch(made: Lists, pairs: Pairs, user_num: Array) -> "pa.RecordBatch":
    """The lists as a batch of `COLUMNS`."""
    import pyarrow as pa

    told = publish.summary(made, pairs)
    columns = {
        "user_id": pa.array(pairs.users[made.users].tolist(), pa.string()),
        "user_num": pa.array(user_num, pa.int32()),
        "items": _rows(made.items, pa.int32()),
        "scores": _rows(made.scores, pa.float32()),
        "by": _rows(np.empty((len(made.users), 0), np.int8) if made.brought_by is None else made.brought_by, pa.int8()),
    }
    kinds = {name: pa.bool_() if name in ("finite", "descending") else pa.int32() for name in _SUMMARY}
    columns |= {name: pa.array(told[name].to_numpy(), kind) for name, kind in kinds.items()}
    return pa.RecordBatch.from_pydict(columns)


def _rows(array: Array, kind: "pa.DataType") -> "pa.ListArray":
    """An array `(m, n)` as a column of lists."""
    import pyarrow as pa

    ends = (
        np.arange(0, array.size + 1, array.shape[1] or 1, dtype=np.int32)
        if array.size
        else np.zeros(len(array) + 1, np.int32)
    )
    return pa.ListArray.from_arrays(pa.array(ends), pa.array(array.ravel(), kind))


def of_batch(batch: "pa.RecordBatch | pa.Table", n: int) -> Lists:
    """The lists of a batch of `COLUMNS`, or of some of it, over users numbered by their rows.

    Args:
        batch: `items`, `scores`, `by`; one chunk a column.
        n: places of a list.
    """
    m = batch.num_rows
    items, scores, by = (
        batch.column(name).combine_chunks() if hasattr(batch.column(name), "combine_chunks") else batch.column(name)
        for name in ("items", "scores", "by")
    )
    brought = by.flatten().to_numpy(zero_copy_only=False)
    return Lists(
        users=np.arange(m),
        items=items.flatten().to_numpy(zero_copy_only=False).reshape(m, n),
        scores=scores.flatten().to_numpy(zero_copy_only=False).reshape(m, n),
        wanted=np.full(m, n),
        brought_by=brought.reshape(m, n) if len(brought) else None,
    )
