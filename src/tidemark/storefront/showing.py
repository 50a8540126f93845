"""What is shown is told: each shelf gets a signed recommendation_id, and Kafka hears of it, whoever waits for nothing.

A product that is opened, wished for or bought from that shelf bears the id, so the model that proposed it is known.
"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tidemark.serving.answers import Answer
from tidemark.storefront.experiments import OUTSIDE

if TYPE_CHECKING:
    from tidemark.storefront.recommendation_ids import Shown
    from tidemark.storefront.shop import Shop
    from tidemark.storefront.shoppers import Shopper


def tell(
    shop: "Shop", answer: Answer, placement: str, user_id: str, *, arm: str = OUTSIDE, acting: str | None = None
) -> str:
    """Say that `answer` is shown, and give its recommendation_id; empty where no model is live, or nothing is on it.

    Args:
        shop: what the storefront holds.
        answer: the list.
        placement: where it is shown.
        user_id: whom it is shown to.
        arm: of the experiment that made it.
        acting: the account that looks at it in the name of `user_id`; None: they do.
    """
    if answer.model_id is None or not answer.items:
        return ""
    recommendation_id = shop.signer.sign(answer.model_id, arm, placement, user_id, datetime.now(UTC))
    shop.exposures.shown(
        recommendation_id=recommendation_id,
        user_id=user_id,
        item_ids=[listed.item_id for listed in answer.items],
        model_id=answer.model_id,
        arm=arm,
        placement=placement,
        method=answer.method,
        acting=acting,
    )
    return recommendation_id


def show(shop: "Shop", answer: Answer, placement: str, shopper: "Shopper", arm: str = OUTSIDE) -> str:
    """`tell`, of a shelf that `shopper` looks at."""
    return tell(shop, answer, placement, shopper.user_id, arm=arm, acting=shopper.acting or None)


def read(shop: "Shop", recommendation_id: str, user_id: str) -> "Shown | None":
    """What `recommendation_id` says; None where it was forged, is too old, or was shown to somebody else."""
    return shop.signer.read(recommendation_id, user_id, datetime.now(UTC)) if recommendation_id else None


def genuine(shop: "Shop", recommendation_id: str, user_id: str) -> str:
    """`recommendation_id` where it is one of `user_id`'s; else nothing: what was done is then nobody's success."""
    return recommendation_id if read(shop, recommendation_id, user_id) else ""
