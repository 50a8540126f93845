"""Arms: what a person gets is what their arm of the running experiment gives, on every page and in every answer alike.

The id of what was shown bears the arm, so a click is told to the arm that brought it. Where the arm's model cannot be had
the champion answers, and it is counted: the user stays in the arm, for who is in which must not depend on what went wrong.
"""

from typing import TYPE_CHECKING

from tidemark.errors import NoChampionError, PackError, UnreachableError
from tidemark.serving.answers import Answer, Ask

if TYPE_CHECKING:
    from tidemark.storefront.shop import Shop

_NOT_TO_BE_HAD = (NoChampionError, PackError, UnreachableError)


def recommend(shop: "Shop", ask: Ask, acting: object = None) -> tuple[Answer, str]:
    """What `ask` gets, and the arm: `<experiment>/<arm>`, or `champion` outside of one.

    Args:
        shop: what the storefront holds.
        ask: the question; somebody unknown is in no experiment.
        acting: anything true where a presenter looks: in no experiment.
    """
    assigned = shop.experiments.assign(ask.user_id, acting=acting)
    if assigned.popularity:
        return shop.serving.recommend(ask._replace(popular=True)), assigned.arm
    if assigned.model_id is not None:
        try:
            return shop.serving.recommend(ask, assigned.model_id), assigned.arm
        except _NOT_TO_BE_HAD:
            shop.experiments.fell_back()
    return shop.serving.recommend(ask), assigned.arm


def version(shop: "Shop", user_id: str) -> tuple[str, str]:
    """`Answer.version` of what `recommend` would give the user now, and the arm: what an ETag needs, before there is an
    answer."""
    assigned = shop.experiments.assign(user_id)
    if assigned.model_id is not None:
        try:
            return shop.serving.version(user_id, assigned.model_id), assigned.arm
        except _NOT_TO_BE_HAD:
            pass  # counted where the answer is made
    return shop.serving.version(user_id), assigned.arm
