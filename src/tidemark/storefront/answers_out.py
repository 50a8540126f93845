"""An answer as it is sent: what serving found, the arm, and the id by which a click is told to come from it."""

from datetime import UTC, datetime
from typing import Any

from tidemark.serving.answers import Answer
from tidemark.storefront import showing
from tidemark.storefront.api_operation import age_seconds
from tidemark.storefront.experiments import OUTSIDE
from tidemark.storefront.shop import Shop


def items(answer: Answer, *, explain: bool = False) -> list[dict[str, Any]]:
    """The items of an answer; `because` and `brought_by` where that was asked for."""
    told: list[dict[str, Any]] = [
        {
            "item_id": item_id,
            "position": position,
            "score": score,
            "method": method,
            "title": title,
            "price": price,
        }
        for item_id, position, score, method, title, price, _, _ in answer.items
    ]
    if explain:
        for document, item in zip(told, answer.items, strict=True):
            document["because"] = [{"item_id": share.item_id, "share": share.share} for share in item.because]
            document["brought_by"] = item.brought_by or None
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
    shown = "" if answer.user_id is None else showing.tell(shop, answer, placement, answer.user_id, arm=arm)
    return {"user_id": answer.user_id, "arm": arm, "recommendation_id": shown or None} | listed(
        answer, now=datetime.now(UTC), explain=explain
    )
