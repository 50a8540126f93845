"""Small worlds to be served: a pack made in memory, and a catalogue that keeps everything in plain lists."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from tidemark.serving.events import Event
from tidemark.serving.filters import Filter
from tidemark.serving.pack import About, Array, Pack
from tidemark.serving.texts import SortedTexts, Texts

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
        users=_ids(users),
        items=_ids(items),
        lists=numbers,
        scores=scores,
        popular=order.astype(np.int32),
        popular_scores=np.arange(len(items), 0, -1, dtype=np.float32),
        first_seen=np.zeros(len(items), np.int64),
        stars=np.full(len(items), np.nan, np.float32),
        raters=np.zeros(len(items), np.int32),
        item_factors=item_factors,
    )
    for array in (made.lists, made.scores, made.popular, made.popular_scores):
        array.flags.writeable = False  # as mapped ones are
    return made


def _ids(sorted_ids: Sequence[str]) -> SortedTexts:
    texts = Texts.of(sorted_ids)
    return SortedTexts(texts.data, texts.ends)


@dataclass(frozen=True)
class Product:
    """What the catalogue says of one item."""

    price: float | None = None
    categories: tuple[str, ...] = ()
    available: bool = True


@dataclass(frozen=True)
class PlainCatalogue:
    """As much of a catalogue as answers ask for; the model's items, then `extras`."""

    items: Sequence[str]
    extras: Sequence[str] = ()
    products: Mapping[str, Product] = field(default_factory=dict)
    version: int = 0

    def __len__(self) -> int:
        return len(self.items) + len(self.extras)

    def product(self, number: int) -> Product:
        return self.products.get(self.item_id(number), Product())

    def number(self, item_id: str) -> int | None:
        ids = [*self.items, *self.extras]
        return ids.index(item_id) if item_id in ids else None

    def item_id(self, number: int) -> str:
        return [*self.items, *self.extras][number]

    def title(self, number: int) -> str:
        return f"title of {self.item_id(number)}"

    def price(self, number: int) -> float | None:
        return self.product(number).price

    def category(self, number: int) -> str:
        return next(iter(self.categories(number)), "")

    def categories(self, number: int) -> list[str]:
        return list(self.product(number).categories)

    def available(self, number: int) -> bool:
        return self.product(number).available

    def allows(self, wanted: Filter, number: int) -> bool:
        """Whether an item may be shown: the filter's own words, one by one."""
        product = self.product(number)
        price, ranged = product.price, (wanted.price_min, wanted.price_max) != (None, None)
        return (
            product.available
            and (wanted.category is None or wanted.category in product.categories)
            and (not ranged or price is not None)
            and (wanted.price_min is None or price >= wanted.price_min)
            and (wanted.price_max is None or price <= wanted.price_max)
            and self.item_id(number) not in wanted.exclude
        )

    def mask(self, wanted: Filter) -> Array:
        mask = np.array([self.allows(wanted, number) for number in range(len(self))], bool)
        mask.flags.writeable = False  # it may be another caller's as well
        return mask

    def counts(self) -> dict[str, int]:
        names = [name for number in range(len(self)) for name in self.categories(number)]
        return {name: names.count(name) for name in names}


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
