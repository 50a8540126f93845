"""What an arm gives, on pages and in answers alike; and what is given where its model cannot be had."""

from typing import Any

import pytest

from tests.support.shop_api import MODEL, bearer
from tidemark.errors import NoChampionError, PackError, UnreachableError
from tidemark.serving.answers import Ask
from tidemark.storefront import arms, shelves
from tidemark.storefront.experiments import Assignment
from tidemark.storefront.shop import Shop

OLD, HOT = "20260101T000000-0a0a0a0a", "/api/v1/users/u/recommendations"


class Kept:
    """Serving that has one model besides the live one, and notes which was asked."""

    def __init__(self, serving: Any, error: Exception | None = None) -> None:
        self.serving, self.error = serving, error
        self.models: list[str | None] = []

    def recommend(self, ask: Ask, model_id: str | None = None) -> Any:
        self.models.append(model_id)
        if model_id and self.error:
            raise self.error
        return self.serving.recommend(ask)

    def version(self, user_id: str, model_id: str | None = None) -> str:
        if model_id and self.error:
            raise self.error
        return f"{model_id or MODEL}.1"


def put_in(shop: Any, assignment: Assignment, error: Exception | None = None) -> Kept:
    shop.experiments.assignment = assignment
    shop.serving = Kept(shop.serving, error)
    return shop.serving


def test_a_kept_model_answers_for_its_arm(shop: Shop) -> None:
    kept = put_in(shop, Assignment("e/old", OLD))
    assert arms.recommend(shop, Ask("u"))[1] == "e/old"
    assert kept.models == [OLD]
    assert arms.version(shop, "u") == (f"{OLD}.1", "e/old")


@pytest.mark.parametrize("error", [NoChampionError("gone"), PackError("torn"), UnreachableError("away")])
def test_the_champion_answers_where_the_model_cannot_be_had_and_it_is_counted(shop: Shop, error: Exception) -> None:
    kept = put_in(shop, Assignment("e/old", OLD), error)
    answer, arm = arms.recommend(shop, Ask("u"))
    assert (bool(answer.items), arm, kept.models) == (True, "e/old", [OLD, None])
    assert arms.version(shop, "u") == (f"{MODEL}.1", "e/old")
    assert shop.experiments.fallbacks == 1


def test_popularity_is_asked_for_as_such(shop: Any) -> None:
    shop.experiments.assignment = Assignment("e/most", popularity=True)
    arms.recommend(shop, Ask("u", 3))
    arms.recommend(shop, Ask(None, 3))
    arms.recommend(shop, Ask("u", 3), acting="presenter@shop.example")
    assert shop.serving.asked == [Ask("u", 3, popular=True), Ask(None, 3), Ask("u", 3)]


def test_answers_say_the_arm_and_what_was_shown_is_told_with_it(client: Any, shop: Any) -> None:
    outside = client.get(HOT, headers=bearer()).headers["ETag"]
    shop.experiments.assignment = Assignment("e/most", popularity=True)
    told = client.get(HOT, headers=bearer() | {"If-None-Match": outside})
    assert (told.status_code, told.json["arm"]) == (200, "e/most")
    assert client.get(HOT, headers=bearer() | {"If-None-Match": told.headers["ETag"]}).status_code == 304
    (one,) = client.post("/api/v1/recommendations/batch", json={"users": ["u"]}, headers=bearer()).json["answers"]
    assert one["arm"] == "e/most"
    assert [shown["arm"] for shown in shop.exposures.lists] == ["champion", "e/most", "e/most"]


def test_a_shelf_bears_the_arm_that_made_it_and_does_not_say_what_is_not_so(shop: Any) -> None:
    answer = shop.serving.popular(5)
    history = [object()]
    first = shelves.Shelf(shelves.FOR_YOU, "For you", "", "", answer, 1.0, arm="e/most")
    told = shelves._for_a_stranger(first, known=bool(history))
    assert (told.arm, told.reason) == ("e/most", "This is what most people take in these days, less what you have.")
