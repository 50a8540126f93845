"""Routes that answer what a person gets: a user, many users, somebody unknown; and why."""

from apiflask import APIBlueprint
from flask import Response, request

from tidemark.serving.answers import Ask
from tidemark.storefront import answers_out, arms, hot_route
from tidemark.storefront.api_models import (
    BatchOut,
    BatchWish,
    BecauseOut,
    RecommendationsOut,
    RecommendationWish,
    SessionWish,
)
from tidemark.storefront.api_operation import JSON, PRIVATE, READ, answer_json, operation
from tidemark.storefront.conditional import not_modified
from tidemark.storefront.problems import Problem
from tidemark.storefront.shop import shop

blueprint = APIBlueprint("recommendations", __name__, url_prefix="/api/v1", tag="Recommendations")

EXAMPLE = {
    "user_id": "A2SUAM1J3GNN3B",
    "model_id": "20261124T101500-als",
    "method": "stored",
    "made_at": "2026-11-24T10:15:00Z",
    "age_seconds": 1834.2,
    "fresh": True,
    "stale": False,
    "arm": "champion",
    "recommendation_id": "eyJ2IjoxfQ.c2lnbmVk",
    "short": False,
    "items": [
        {
            "item_id": "B000A0GOEQ",
            "position": 1,
            "score": 0.914,
            "method": "stored",
            "title": "Strings for an electric guitar",
            "price": 6.99,
        }
    ],
}


@operation(
    blueprint,
    "GET",
    "/users/<id:user_id>/recommendations",
    scope=READ,
    query=RecommendationWish,
    answer=RecommendationsOut,
    answered=EXAMPLE,
    conditional=True,
    next_={
        "because": {"user_id": "$request.path.user_id", "item_id": "$response.body#/items/0/item_id"},
        "similar": {"item_id": "$response.body#/items/0/item_id"},
    },
)
def recommendations(user_id: str, query_data: RecommendationWish) -> Response:
    """What a user gets.

    A user that nobody knows gets what is popular. Where the wishes leave too few items, popular ones under the same wishes
    fill the list, each saying its way; where those do not suffice, `short` is true.
    """
    tag, body = hot_route.made(shop(), user_id, query_data, request.headers.get("If-None-Match"))
    if body is None:
        return not_modified(tag)
    return Response(body, headers={"Cache-Control": PRIVATE, "ETag": tag}, mimetype=JSON)


@operation(
    blueprint,
    "POST",
    "/recommendations/batch",
    scope=READ,
    body=BatchWish,
    answer=BatchOut,
    asked={"users": ["A2SUAM1J3GNN3B", "A14VAT5EAX3D9S"], "n": 5, "placement": "mail"},
    answered={"answers": [EXAMPLE]},
)
def recommendations_batch(json_data: BatchWish) -> Response:
    """What up to 100 users get, under the same wishes."""
    here = shop()
    answers = [arms.recommend(here, hot_route.ask(user_id, json_data)) for user_id in json_data.users]
    placement, explain = json_data.placement, json_data.explain
    told = [
        answers_out.recommendations(here, answer, placement=placement, explain=explain, arm=arm)
        for answer, arm in answers
    ]
    return answer_json({"answers": told})


@operation(
    blueprint,
    "POST",
    "/recommendations/session",
    scope=READ,
    body=SessionWish,
    answer=RecommendationsOut,
    asked={"items": ["B000A0GOEQ", "B0002E1G5C"], "n": 5},
    answered=EXAMPLE | {"user_id": None, "method": "fold_in", "recommendation_id": None},
)
def recommendations_session(json_data: SessionWish) -> Response:
    """What somebody unknown gets who has taken these items.

    Items that are not known are passed over. Nothing is kept of it, so it has no `recommendation_id`.
    """
    here, wish = shop(), json_data
    answer = here.serving.recommend(
        Ask(None, wish.n, wish.filter(), session=tuple(wish.items), explain=wish.explain),
    )
    return answer_json(answers_out.recommendations(here, answer, placement=wish.placement, explain=wish.explain))


@operation(
    blueprint,
    "GET",
    "/users/<id:user_id>/because/<id:item_id>",
    scope=READ,
    answer=BecauseOut,
    answered={
        "user_id": "A2SUAM1J3GNN3B",
        "item_id": "B000A0GOEQ",
        "because": [{"item_id": "B0002E1G5C", "share": 0.62}, {"item_id": "B0002D0CCQ", "share": 0.38}],
    },
)
def because(user_id: str, item_id: str) -> Response:
    """Which of the user's items bring an item, with the share of each in its score."""
    here = shop()
    if here.serving.catalogue().number(item_id) is None:
        raise Problem("not-found", "no item has this id")
    shares = [{"item_id": share.item_id, "share": share.share} for share in here.serving.because(user_id, item_id)]
    return answer_json({"user_id": user_id, "item_id": item_id, "because": shares})
