"""Routes by which programs have a user erased, and learn how far that is."""

from typing import Any

from apiflask import APIBlueprint
from flask import Response, g, url_for

from tidemark.storefront import audit
from tidemark.storefront.api_models import ErasureOut, ErasureWish
from tidemark.storefront.api_operation import ADMIN, answer_json, operation
from tidemark.storefront.erasing import KEPT
from tidemark.storefront.erasures import Erasure
from tidemark.storefront.problems import Problem
from tidemark.storefront.shop import shop

blueprint = APIBlueprint("erasures", __name__, url_prefix="/api/v1", tag="Users")

_ASKED: dict[str, Any] = {
    "erasure_id": "a39dbf09a0ab0967399aff34357b314fd2b82492517f45de8f6120a963b14a67",
    "state": "pending",
    "erased_at": "2026-11-24T10:15:00Z",
    "finished_at": None,
    "removed": {},
    "unreadable": {},
    "kept": list(KEPT),
}
_DONE = _ASKED | {
    "state": "done",
    "finished_at": "2026-11-24T10:15:12Z",
    "removed": {"interactions": 31, "reviews": 12, "recommendations_20261124T101500-0a1b2c3d": 1},
}


def told(erasure: Erasure) -> dict[str, Any]:
    """An erasure as it is answered."""
    return {
        "erasure_id": erasure.erasure_id,
        "state": erasure.state,
        "erased_at": erasure.erased_at,
        "finished_at": erasure.finished_at,
        "removed": erasure.removed,
        "unreadable": erasure.unreadable,
        "kept": KEPT,
    }


@operation(
    blueprint,
    "DELETE",
    "/users/<id:user_id>",
    scope=ADMIN,
    answer=ErasureOut,
    status=202,
    answered=_ASKED,
    next_={
        "erasure": {"erasure_id": "$response.body#/erasure_id"},
        "recommendations": {"user_id": "$request.path.user_id"},
    },
)
def erase(user_id: str) -> Response:
    """Erase a user, for good.

    From the answer on the user is dropped: by answers within two seconds, by the ingest, by replays and loads, and by
    training. What is stored of them is removed within a minute or so, their account too; `Location` is where to see how
    far that is. **Nobody can come back under this user_id**: what is sent of it later is dropped as well, so whoever
    returns needs another one. Whether there is such a user is not asked. Asked again, everything is looked for again.
    An id with `/interactions/` in it is named by `POST /erasures`.
    """
    return _asked_for(user_id)


@operation(
    blueprint,
    "POST",
    "/erasures",
    scope=ADMIN,
    body=ErasureWish,
    answer=ErasureOut,
    status=202,
    asked={"user_id": "A2SUAM1J3GNN3B"},
    answered=_ASKED,
    next_={
        "erasure": {"erasure_id": "$response.body#/erasure_id"},
        "recommendations": {"user_id": "$request.body#/user_id"},
    },
)
def ask_erasure(json_data: ErasureWish) -> Response:
    """Erase a user, for good, whatever their id.

    The same as `DELETE /users/{user_id}`, for ids that no path can say: `a/interactions/b` is an interaction there.
    """
    return _asked_for(json_data.user_id)


def _asked_for(user_id: str) -> Response:
    erasure = shop().erasures.ask(user_id)
    audit.note("erase", key=g.key_id, erasure=erasure.erasure_id)
    where = url_for("erasures.erasure", erasure_id=erasure.erasure_id)
    return answer_json(told(erasure), 202, {"Location": where})


@operation(
    blueprint,
    "GET",
    "/erasures/<id:erasure_id>",
    scope=ADMIN,
    answer=ErasureOut,
    problems=["not-found"],
    answered=_DONE,
)
def erasure(erasure_id: str) -> Response:
    """How far an erasure is, and what was removed where."""
    found = shop().erasures.get(erasure_id)
    if found is None:
        raise Problem("not-found", "there is no erasure of this id")
    return answer_json(told(found))
