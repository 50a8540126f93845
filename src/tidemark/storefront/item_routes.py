"""Routes about items: what is like one, what is popular, and what programs say of them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from apiflask import APIBlueprint
from flask import Response
from pymongo import UpdateOne
from pymongo.errors import BulkWriteError

from tidemark.items import newest
from tidemark.storefront import answers_out
from tidemark.storefront.api_models import CountedWish, ItemIn, ItemsIn, ListOut, StoredOut
from tidemark.storefront.api_operation import READ, WRITE, answer_json, operation
from tidemark.storefront.problems import Problem, away
from tidemark.storefront.shop import Shop, shop

blueprint = APIBlueprint("items", __name__, url_prefix="/api/v1", tag="Items")

EXAMPLE = {
    "model_id": "20261124T101500-als",
    "method": "similar",
    "made_at": "2026-11-24T10:15:00Z",
    "age_seconds": 1834.2,
    "fresh": True,
    "stale": False,
    "short": False,
    "items": [
        {
            "item_id": "B0002E1G5C",
            "position": 1,
            "score": 0.87,
            "method": "similar",
            "title": "A tuner that clips on",
            "price": 12.5,
        }
    ],
}
ITEM = {"title": "Strings for an electric guitar", "category": "Strings", "price": 6.99, "available": True}


@operation(
    blueprint,
    "GET",
    "/items/<id:item_id>/similar",
    scope=READ,
    query=CountedWish,
    answer=ListOut,
    answered=EXAMPLE,
    next_={"similar": {"item_id": "$response.body#/items/0/item_id"}},
)
def similar(item_id: str, query_data: CountedWish) -> Response:
    """Items that are like one."""
    serving = shop().serving
    if serving.catalogue().number(item_id) is None:
        raise Problem("not-found", "no item has this id")
    answer = serving.similar(item_id, query_data.n, query_data.filter())
    return answer_json(answers_out.listed(answer, now=datetime.now(UTC)))


@operation(
    blueprint,
    "GET",
    "/popular",
    scope=READ,
    query=CountedWish,
    answer=ListOut,
    answered=EXAMPLE | {"method": "popular"},
    next_={"similar": {"item_id": "$response.body#/items/0/item_id"}},
)
def popular(query_data: CountedWish) -> Response:
    """What is taken most in the recent window."""
    answer = shop().serving.popular(query_data.n, query_data.filter())
    return answer_json(answers_out.listed(answer, now=datetime.now(UTC)))


@operation(
    blueprint,
    "PUT",
    "/items/<id:item_id>",
    scope=WRITE,
    body=ItemIn,
    answer=StoredOut,
    asked=ITEM,
    answered={"stored": 1, "updated_at": "2026-11-24T10:15:00Z"},
    next_={"similar": {"item_id": "$request.path.item_id"}},
)
def item(item_id: str, json_data: ItemIn) -> Response:
    """Say what an item is, in place of what was said before; answers know it within two seconds.

    It lies over what the products' files say. `available: false` takes the item out of every answer. Of this and what came by
    the topic `items`, the later holds.
    """
    return _store(shop(), {item_id: json_data})


@operation(
    blueprint,
    "POST",
    "/items",
    scope=WRITE,
    body=ItemsIn,
    answer=StoredOut,
    asked={"items": [{"item_id": "B000A0GOEQ"} | ITEM]},
    answered={"stored": 1, "updated_at": "2026-11-24T10:15:00Z"},
    next_={name: {"item_id": "$request.body#/items/0/item_id"} for name in ("similar", "item")},
)
def items(json_data: ItemsIn) -> Response:
    """Say what up to 1,000 items are: `PUT /items/{item_id}` for each in turn, so of two for one item the last counts.

    Where MongoDB goes away in the midst of it, some are stored and the answer is 503: send all again.
    """
    return _store(shop(), {named.item_id: named for named in json_data.items})


def _store(here: Shop, said: Mapping[str, ItemIn]) -> Response:
    # The server's time: workers look for what is newer than what they have seen, and a host whose clock is behind would
    # write what none of them looks for any more.
    now = here.db.command("hello", codec_options=here.db.codec_options)["localTime"]
    writes = [newest.upsert(item_id, _told(item), available=item.available, at=now) for item_id, item in said.items()]
    try:
        here.db["items"].bulk_write([UpdateOne(*write, upsert=True) for write in writes], ordered=False)
    except BulkWriteError as error:
        refused = (error.details or {}).get("writeErrors", [])
        if not refused:  # nothing is wrong with what was sent, but not all copies have it
            raise away("MongoDB did not store it on all copies in time") from None
        raise Problem("invalid", f"{len(refused)} of {len(writes)} are not as the contract of items says") from None
    return answer_json({"stored": len(writes), "updated_at": now})


def _told(item: ItemIn) -> dict[str, Any]:
    """What the collection `items` has of it: fields that nobody said anything of are not there."""
    return item.model_dump(exclude_none=True, exclude={"item_id", "available"})
