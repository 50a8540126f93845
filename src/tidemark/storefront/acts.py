"""What shoppers do, as messages of the topic `interactions`: each names the recommendation that it came from, if from one.

A purchase or a wish is claimed only once Kafka has it on all copies. That somebody looked at a product is worth no waiting
and no error page: where Kafka is away, it is lost, and the log says so.
"""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import orjson

from tidemark.errors import UnreachableError

if TYPE_CHECKING:
    from tidemark.storefront.shop import Shop
    from tidemark.storefront.shoppers import Shopper

log = logging.getLogger(__name__)

VIEW, CLICK, WISH, PURCHASE = "view", "click", "wish", "purchase"


def message(shopper: "Shopper", item_id: str, event_type: str, now: datetime, recommendation_id: str = "") -> bytes:
    """The message of one act, as `include/schemas/interaction_message.json` says.

    Args:
        shopper: who did it, and who in their name.
        item_id: with what.
        event_type: what, as `TIDEMARK_EVENT_WEIGHTS` names it.
        now: when, UTC.
        recommendation_id: the shelf that it came from; empty: none.
    """
    told = {"user_id": shopper.user_id, "item_id": item_id, "event_type": event_type, "timestamp": int(now.timestamp())}
    extra = {"recommendation_id": recommendation_id, "acting": shopper.acting}
    return orjson.dumps(told | {name: value for name, value in extra.items() if value})


def send(shop: "Shop", shopper: "Shopper", items: Mapping[str, str], event_type: str) -> None:
    """Send one act with each of `items`, and wait until Kafka has them all.

    Args:
        shop: what the storefront holds.
        shopper: who does it.
        items: item_id -> the recommendation_id that it came from; empty: from none.
        event_type: what is done.

    Raises:
        UnreachableError: Kafka did not take them in time; nothing may be claimed.
    """
    now = datetime.now(UTC)
    shop.interactions.deliver(
        [(shopper.user_id, message(shopper, item, event_type, now, origin)) for item, origin in items.items()]
    )


def note(shop: "Shop", shopper: "Shopper", item_id: str, recommendation_id: str = "") -> None:
    """Send that a product was opened: a click where a shelf led to it, a view where not. It never raises nor waits."""
    event_type = CLICK if recommendation_id else VIEW
    try:
        text = message(shopper, item_id, event_type, datetime.now(UTC), recommendation_id)
        shop.interactions.send(shopper.user_id, text)
    except UnreachableError as error:
        log.warning("a %s was lost: %s", event_type, error)
