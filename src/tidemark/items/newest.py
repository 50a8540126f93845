"""Newest: of all that was said of an item, in whatever order it came, what holds is what was said last.

An item's document has two parts, each with its own time: what was told of it (`told_at`), and whether it is there
(`available_at`). A part is replaced, as a whole, by what is not older than it. So a message that only hides an item does not
forget its title, and the same messages end in the same document, whichever way they came and however often. Documents of before
know `updated_at` alone: it is the time of both parts.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def upsert(
    item_id: str, told: Mapping[str, Any] | None, *, available: bool, at: datetime
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The filter and the pipeline of an upsert into the collection `items`. `updated_at` is the server's time of the change:
    readers look for what is newer than what they have seen.

    Args:
        item_id: of which item.
        told: fields of the contract `item`; None: nothing was said beside `available`.
        available: whether it is there.
        at: since when it is so.
    """
    told_then, available_then = (
        {"$ifNull": [f"${name}_at", "$updated_at", LONG_AGO]} for name in ("told", "available")
    )
    told_is_new = False if told is None else {"$gte": [at, told_then]}
    is_new = {"$gte": [at, available_then]}
    fields = {"$cond": [told_is_new, {"$literal": dict(told or {})}, "$$ROOT"]}
    rest = {
        "_id": {"$literal": item_id},
        "available": {"$cond": [is_new, available, "$available"]},
        "told_at": {"$cond": [told_is_new, at, told_then]},
        "available_at": {"$cond": [is_new, at, available_then]},
        "updated_at": {"$cond": [{"$or": [told_is_new, is_new]}, "$$NOW", "$updated_at"]},
    }
    return {"_id": item_id}, [{"$replaceWith": {"$mergeObjects": [fields, rest]}}]
