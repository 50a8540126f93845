"""What a card says of a product, with whatever is known of it."""

import math

import pytest

from tests.support.shop_stand_in import Item, StandInCatalogue
from tidemark.serving.answers import CONTENT, NEW, POPULAR, SIMILAR, STORED, Answer, Listed, Share
from tidemark.storefront.cards import Card, best_scores, card, cards, fit

CATALOGUE = StandInCatalogue(
    [Item("a", "Assam", "Tea", 3.5, 4.25, 7), Item("b", "", "Tea", math.nan, math.nan), Item("c", "Cider", "Drinks")]
)


def answer(*items: Listed) -> Answer:
    return Answer("u", "m", items[0].method, None, True, False, False, items, "1")


def test_what_nobody_told_is_not_there() -> None:
    assert card(CATALOGUE, "b") == Card("b", "b", category="Tea")  # type: ignore[arg-type]
    assert card(CATALOGUE, "c").price is None  # type: ignore[arg-type]
    assert card(CATALOGUE, "gone") == Card("gone", "gone")  # type: ignore[arg-type]
    told = card(CATALOGUE, "a")  # type: ignore[arg-type]
    assert (told.price, told.stars, told.raters) == (3.5, 4.25, 7)


def test_cards_say_why_unless_the_shelf_does() -> None:
    made = answer(Listed("a", 1, 2.0, STORED, because=(Share("c", 0.9), Share("b", 0.1))), Listed("b", 2, 1.0, CONTENT))
    first, second = cards(CATALOGUE, made)  # type: ignore[arg-type]
    assert (first.why, first.fit, first.new) == ("Cider", 1.0, False)
    assert (second.why, second.new) == ("", True)
    assert cards(CATALOGUE, made, whys=False)[0].why == ""  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("score", "best", "method", "fits"),
    [
        (1.0, 2.0, STORED, 0.5),
        (-1.0, 2.0, STORED, 0.0),
        (-1.0, -0.5, STORED, None),
        (0.0, 0.0, STORED, None),
        (1.0, 2.0, POPULAR, None),
        (1.0, 2.0, NEW, None),
        (1.0, 2.0, SIMILAR, 0.5),
        (math.nan, 2.0, STORED, None),
        (-math.inf, 2.0, STORED, None),
        (1.0, math.inf, STORED, None),
    ],
)
def test_fit_is_a_part_of_the_best(score: float, best: float, method: str, fits: float | None) -> None:
    assert fit(Listed("a", 1, score, method), {method: best}) == fits


def test_scores_are_compared_within_a_method() -> None:
    items = [Listed("a", 1, 9.0, STORED), Listed("b", 2, 0.5, POPULAR), Listed("c", 3, 0.25, POPULAR)]
    assert best_scores(items) == {STORED: 9.0, POPULAR: 0.5}
