"""An answer as it is sent: what serving found, the arm, and the id by which a click is told to come from it."""

from datetime import UTC, datetime
from typing import Any

from tidemark.serving.answers import Answer
from tidemark.storefront.api_operation import age_seconds
from tidemark.storefront.experiments import OUTSIDE
from tidemark.storefront.shop import Shop


def items(answer: Answer, *, explain: bool = False) -> list[dict[str, Any]]:
    """The items of an answer; `because` where it was asked for."""
    told: list[dict[str, Any]] = [
        {
            "item_id": item.item_id,
            "position": item.position,
            "score": item.score,
            "method": item.method,
            "title": item.title,
            "price": item.price,
        }
        for item in answer.items
    ]
    if explain:
        for document, item in zip(told, answer.items, strict=True):
            document["because"] = [{"item_id": share.item_id, "share": share.share} for share in item.because]
    return told


def listed(answer: Answer, *, now: datetime, explain: bool = False) -> dict[str, Any]:
    """A list that is nobody's own."""
    return {
        "model_id": answer.model_id,
        "method": answer.method,
        "made_at": answer.made_at,
        "age_seconds": age_seconds(answer.made_at, now),
        "fresh": answer.fresh,
        "stale": answer.stale,
        "short": answer.short,
        "items": items(answer, explain=explain),
    }


def recommendations(shop: Shop, answer: Answer, *, placement: str, explain: bool, arm: str = OUTSIDE) -> dict[str, Any]:
    """A person's list; where it has a person and items, it is told to `exposures`, and has an id."""
    now, shown = datetime.now(UTC), None
    if answer.user_id is not None and answer.model_id is not None and answer.items:
        shown = shop.signer.sign(answer.model_id, arm, placement, answer.user_id, now)
        shop.exposures.shown(
            recommendation_id=shown,
            user_id=answer.user_id,
            item_ids=[item.item_id for item in answer.items],
            model_id=answer.model_id,
            arm=arm,
            placement=placement,
            method=answer.method,
        )
    return {"user_id": answer.user_id, "arm": arm, "recommendation_id": shown} | listed(
        answer, now=now, explain=explain
    )
