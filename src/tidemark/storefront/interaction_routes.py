"""The route by which programs tell what people did: to Kafka, by the same contract and parser as every other door."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import orjson
from apiflask import APIBlueprint
from flask import Response, g

from tidemark.contracts.messages import DeadLetter
from tidemark.interactions.from_messages import Weights, parse
from tidemark.settings import Settings
from tidemark.storefront.api_models import IdempotencyIn, InteractionsIn, TakenOut
from tidemark.storefront.api_operation import JSON, WRITE, encoded, operation
from tidemark.storefront.idempotency import Repeatable
from tidemark.storefront.shop import Shop, shop

ERASED = "the user was erased"
"""Why an interaction is not taken of somebody who is known to be gone; the ingest drops it in any case."""

blueprint = APIBlueprint("interactions", __name__, url_prefix="/api/v1", tag="Interactions")


@operation(
    blueprint,
    "POST",
    "/interactions",
    scope=WRITE,
    headers=IdempotencyIn,
    body=InteractionsIn,
    answer=TakenOut,
    status=202,
    problems=("conflict",),
    asked={
        "interactions": [
            {"user_id": "A2SUAM1J3GNN3B", "item_id": "B000A0GOEQ", "event_type": "purchase", "quantity": 2},
            {"user_id": "A14VAT5EAX3D9S", "item_id": "B0002E1G5C", "rating": 4, "timestamp": "2026-11-24T10:15:00Z"},
        ]
    },
    answered={"accepted": 2, "rejected": []},
    next_={
        name: {"user_id": "$request.body#/interactions/0/user_id"}
        for name in ("recommendations", "history", "export", "erase")
    },
)
def interactions(headers_data: IdempotencyIn, json_data: InteractionsIn) -> Response:
    """Take 1 to 1,000 interactions.

    Each is as `include/schemas/interaction_message.json` says; those that are not come back in `rejected`, each with its
    place and the reason, and the others are taken all the same. 202 is said after all copies of Kafka have them. 503:
    they were not acknowledged within 5 seconds, and nothing is claimed; Kafka may have some, so send them again where
    one too many does less harm than one too few.
    """
    here, sent = shop(), json_data.interactions

    def work() -> tuple[int, bytes]:
        return 202, encoded(_take(here, sent))

    key = headers_data.idempotency_key
    if key is None:
        status, told, again = *work(), False
    else:
        body = orjson.dumps(sent, option=orjson.OPT_SORT_KEYS)
        repeatable = Repeatable(here.db)
        status, told, again = repeatable.once(f"{g.key_id} POST /interactions", key, body, work)
    answer = Response(told, status, mimetype=JSON)
    answer.headers["Cache-Control"] = "no-store"
    if again:
        answer.headers["Idempotency-Replayed"] = "true"
    return answer


def _take(here: Shop, sent: list[Any]) -> dict[str, Any]:
    """Send what can become an interaction, and say of the rest why not."""
    now, weights = datetime.now(UTC), _weights(here.config.event_weights, here.config.event_default)
    messages, rejected = [], []
    for index, message in enumerate(sent):
        value = orjson.dumps(message)
        read = parse(value, "interactions", 0, index, now, weights)
        if isinstance(read, DeadLetter):
            rejected.append({"index": index, "reason": read.reason})
        elif here.serving.erased(read.user_id):
            rejected.append({"index": index, "reason": ERASED})
        else:
            messages.append((read.user_id, value))
    if messages:
        here.interactions.deliver(messages)
    return {"accepted": len(messages), "rejected": rejected}


@lru_cache(4)
def _weights(event_weights: str, event_default: str) -> Weights:
    config = Settings.model_construct(event_weights=event_weights, event_default=event_default)
    return Weights(config.weight_of_event, event_default)
