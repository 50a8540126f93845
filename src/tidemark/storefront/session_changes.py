"""What changes of a session: each change as field -> the expression that MongoDB sets it to, so that one update has it all."""

from collections.abc import Sequence
from typing import Any

from tidemark.errors import BadInputError

Document = dict[str, Any]

BASKET, NOT_FOR_ME = 50, 200
"""Items that a session holds at most; one more, and the oldest goes."""

LONGEST_ID = 128
"""Characters of an item_id, as the contract of interactions has it."""


def put_in_basket(item_id: str, recommendation_id: str) -> Document:
    """`item_id` is the latest in the basket, once, and came from `recommendation_id` (empty: from none) this time.

    Raises:
        BadInputError: it can be no item's id.
    """
    came = [{"item_id": item_id, "recommendation_id": recommendation_id}] if recommendation_id else []
    origins = {"$slice": [{"$concatArrays": [_without_origins([item_id]), {"$literal": came}]}, -BASKET]}
    return {"basket": _with("basket", item_id, BASKET), "origins": origins}


def take_from_basket(item_ids: Sequence[str]) -> Document:
    """None of `item_ids` is in the basket."""
    return {"basket": _without("basket", item_ids), "origins": _without_origins(item_ids)}


def exclude(item_id: str) -> Document:
    """`item_id` is not to be shown again, nor in the basket.

    Raises:
        BadInputError: it can be no item's id.
    """
    return {"not_for_me": _with("not_for_me", item_id, NOT_FOR_ME), **take_from_basket([item_id])}


def include(item_id: str) -> Document:
    """`item_id` may be shown again."""
    return {"not_for_me": _without("not_for_me", [item_id])}


def act_as(user_id: str | None) -> Document:
    """A presenter shops as `user_id` (None: as themselves), with nothing in any list."""
    nothing: Document = {"$literal": []}
    return {"acting": {"$literal": user_id}, "basket": nothing, "not_for_me": nothing, "origins": nothing}


def _without(field: str, item_ids: Sequence[str]) -> Document:
    """As an expression; ids are literals, for one may begin with a dollar."""
    return {"$filter": {"input": f"${field}", "cond": {"$not": [{"$in": ["$$this", {"$literal": list(item_ids)}]}]}}}


def _without_origins(item_ids: Sequence[str]) -> Document:
    """The same of `origins`, which a session that is older than them has none of."""
    given = {"$ifNull": ["$origins", []]}
    return {"$filter": {"input": given, "cond": {"$not": [{"$in": ["$$this.item_id", {"$literal": list(item_ids)}]}]}}}


def _with(field: str, item_id: str, most: int) -> Document:
    if not 1 <= len(item_id) <= LONGEST_ID or not item_id.isprintable():
        raise BadInputError("this can be no item's id")
    return {"$slice": [{"$concatArrays": [_without(field, [item_id]), {"$literal": [item_id]}]}, -most]}
