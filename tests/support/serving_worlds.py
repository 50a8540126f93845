"""Small worlds to be served: a pack made in memory, and a catalogue beside which stands what it was made of."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from tidemark.serving.catalogue import Catalogue
from tidemark.serving.columns import of_details
from tidemark.serving.details import Details
from tidemark.serving.events import Event
from tidemark.serving.filters import Filter
from tidemark.serving.pack import Array, Pack
from tidemark.serving.pack_contents import About
from tidemark.serving.texts import SortedTexts

MADE_AT = datetime(2026, 1, 2, tzinfo=UTC)
ALS = {"name": "als_implicit", "settings": {"factors": 2, "regularization": 0.1, "alpha": 10.0, "iterations": 15}}
POPULARITY = {"name": "popularity", "settings": {"recent_share": 1.0}}


def pack(
    items: Sequence[str],
    lists: Mapping[str, Sequence[int]],
    *,
    item_factors: Array | None = None,
    popular: Sequence[int] | None = None,
    recipe: Mapping[str, Any] = ALS,
    n: int = 10,
    model_id: str = "20260102T000000-0a0a0a0a",
) -> Pack:
    """A pack of `items` (sorted), where each user of `lists` has these item numbers, with scores that fall from 1."""
    users = sorted(lists)
    numbers, scores = np.full((len(users), n), -1, np.int32), np.full((len(users), n), -np.inf, np.float32)
    for row, user in enumerate(users):
        k = len(lists[user])
        numbers[row, :k], scores[row, :k] = lists[user], 1 - np.arange(k) / 100
    order = np.arange(len(items)) if popular is None else np.array(popular)
    assert list(items) == sorted(items)
    assert sorted(order) == list(range(len(items)))
    made = Pack(
        about=About(model_id, recipe, "retrain_recommender", "run", MADE_AT, MADE_AT, {}, None, n),
        users=SortedTexts.of(users),
        items=SortedTexts.of(items),
        lists=numbers,
        scores=scores,
        popular=order.astype(np.int32),
        popular_scores=np.arange(len(items), 0, -1, dtype=np.float32),
        first_seen=np.zeros(len(items), np.int64),
        stars=np.full(len(items), np.nan, np.float32),
        raters=np.zeros(len(items), np.int32),
        learned={} if item_factors is None else {"item_factors": item_factors},
    )
    for array in (made.lists, made.scores, made.popular, made.popular_scores):
        array.flags.writeable = False  # as mapped ones are
    return made


@dataclass(frozen=True)
class Product:
    """What the catalogue says of one item."""

    price: float | None = None
    categories: tuple[str, ...] = ()
    available: bool = True


class KnownCatalogue(Catalogue):
    """The catalogue of a model's `items` and of `extras`, both sorted, and what it was made of."""

    def __init__(
        self, items: Sequence[str], extras: Sequence[str] = (), products: Mapping[str, Product] | None = None
    ) -> None:
        self.products = products or {}
        told = [self.products.get(item_id, Product()) for item_id in (*items, *extras)]
        details = [
            Details(
                title=f"title of {item_id}",
                price=product.price,
                category=next(iter(product.categories), ""),
                categories=product.categories,
                available=product.available,
            )
            for item_id, product in zip((*items, *extras), told, strict=True)
        ]
        super().__init__(SortedTexts.of(items), of_details(details, extras))

    def allows(self, wanted: Filter, item_id: str) -> bool:
        """Whether an item may be shown: the filter's own words, one by one."""
        product = self.products.get(item_id, Product())
        price, ranged = product.price, (wanted.price_min, wanted.price_max) != (None, None)
        return (
            product.available
            and (wanted.category is None or wanted.category in product.categories)
            and (not ranged or price is not None)
            and (wanted.price_min is None or price >= wanted.price_min)
            and (wanted.price_max is None or price <= wanted.price_max)
            and item_id not in wanted.exclude
        )


def events(user_id: str, item_ids: Iterable[str], weight: float = 1.0, start: int = 0) -> list[Event]:
    """One event an hour, in this order, as the stream would give them."""
    return [
        Event(
            f"interactions-0-{start + at}",
            user_id,
            item_id,
            weight,
            None,
            MADE_AT + timedelta(hours=start + at),
            "view",
            "stream",
        )
        for at, item_id in enumerate(item_ids)
    ]
