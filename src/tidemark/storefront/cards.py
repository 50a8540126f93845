"""A product as a card shows it: what the catalogue knows of it, and what the answer that it is in says of it."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tidemark.serving.answers import CONTENT, FOLD_IN, NEW, SIMILAR, STORED, Answer, Listed

if TYPE_CHECKING:
    from tidemark.serving.catalogue import Catalogue


FITS = frozenset({STORED, FOLD_IN, SIMILAR})
"""The ways whose scores say how well a product fits; those of the others count takers, or seconds."""


@dataclass(frozen=True)
class Card:
    """One product.

    Args:
        item_id: which.
        title: its title; the item_id where nobody told one.
        brand, category, image: empty where nobody told.
        price: in the catalogue's currency; None: unknown.
        stars: mean rating, 1 to 5; None: nobody rated it.
        raters: how many did.
        available: whether it can be had.
        new: whether it is shown because it is new.
        fit: its score as a part of the best one's on its shelf, 0 to 1; None where that would mean nothing.
        why: the title of what it is shown because of; empty: no single thing.
    """

    item_id: str
    title: str
    brand: str = ""
    category: str = ""
    image: str = ""
    price: float | None = None
    stars: float | None = None
    raters: int = 0
    available: bool = True
    new: bool = False
    fit: float | None = None
    why: str = ""


def card(catalogue: "Catalogue", item_id: str, *, new: bool = False, fit: float | None = None, why: str = "") -> Card:
    """The card of `item_id`, which the catalogue need not know."""
    number = catalogue.number(item_id)
    if number is None:
        return Card(item_id, item_id, new=new, fit=fit, why=why)
    return Card(
        item_id,
        catalogue.title(number) or item_id,
        catalogue.brand(number),
        catalogue.category(number),
        catalogue.image(number),
        _known(catalogue.price(number)),
        _known(catalogue.stars(number)),
        int(catalogue.raters(number)),
        bool(catalogue.available(number)),
        new,
        fit,
        why,
    )


def cards(catalogue: "Catalogue", answer: Answer, *, whys: bool = True) -> list[Card]:
    """The cards of what is on a shelf, in its order.

    Args:
        catalogue: what knows the products.
        answer: the shelf's.
        whys: whether each says which item of the history brought it the most; not where the whole shelf has one reason.
    """
    best = best_scores(answer.items)
    return [
        card(
            catalogue,
            listed.item_id,
            new=listed.method in (CONTENT, NEW),
            fit=fit(listed, best),
            why=title(catalogue, listed.because[0].item_id) if whys and listed.because else "",
        )
        for listed in answer.items
    ]


def best_scores(items: Iterable[Listed]) -> dict[str, float]:
    """Method -> the best score in it: scores of two methods are not comparable."""
    best: dict[str, float] = {}
    for listed in items:
        best[listed.method] = max(listed.score, best.get(listed.method, -math.inf))
    return best


def fit(listed: Listed, best: dict[str, float]) -> float | None:
    """How far the score is up to the best of its method, 0 to 1.

    None for a method whose scores say nothing of that, and where the best is no positive number.
    """
    top = best[listed.method]
    if listed.method not in FITS or not math.isfinite(top) or top <= 0 or not math.isfinite(listed.score):
        return None
    return min(1.0, max(0.0, listed.score / top))


def title(catalogue: "Catalogue", item_id: str) -> str:
    """The title of `item_id`, or the id itself where none is known."""
    number = catalogue.number(item_id)
    return (catalogue.title(number) if number is not None else "") or item_id


def _known(value: float | None) -> float | None:
    """None for what is not a number, too: a column has NaN where nobody told."""
    return None if value is None or math.isnan(value) else float(value)
