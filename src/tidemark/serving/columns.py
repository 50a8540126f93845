"""Columns: what a serving pack knows of the products, one number after another: the model's items, then the extras.

| file | holds |
|---|---|
| `extra.npy`, `extra.ends.npy` | ids of products that nobody has taken yet, sorted; numbered after the model's items |
| `titles`, `brands`, `images`, each `.npy` and `.ends.npy` | texts, one an item, empty where unknown; an image is a URL |
| `prices.npy` | float64 `(n,)`, NaN where unknown |
| `available.npy` | bool `(n,)` |
| `category_names.npy`, `category_names.ends.npy` | the names of all categories; a category number is a place in them |
| `main_category.npy` | int32 `(n,)`, category numbers, -1 where unknown |
| `categories.npy`, `category_ends.npy` | int32, the categories of one item after another's; int64 `(n,)`, where those of each end |
| `words.npy`, `words.ends.npy`, `word_places.npy`, `word_ends.npy` | what is searched: `words.WordIndex` |
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tidemark.errors import PackError
from tidemark.serving.details import BLANK, Details
from tidemark.serving.pack import ENDS, SUFFIX, sorted_texts
from tidemark.serving.texts import SortedTexts, Texts
from tidemark.serving.words import WordIndex, WordIndexing, words

Array = np.ndarray[Any, Any]

log = logging.getLogger(__name__)

MOST_EXTRAS = 1_000_000
"""Products that nobody has taken which a catalogue holds at most: the first by their ids, for nothing says which are newest."""

_ARRAYS = {
    "prices": np.float64,
    "available": np.bool_,
    "main_category": np.int32,
    "categories": np.int32,
    "category_ends": np.int64,
    "word_places": np.int32,
    "word_ends": np.int64,
}
_TEXTS = ("extra", "titles", "brands", "images", "category_names", "words")


@dataclass(frozen=True)
class Columns:
    """See the table above; `n` is the model's items and the extras."""

    extra: SortedTexts
    titles: Texts
    brands: Texts
    images: Texts
    prices: Array
    available: Array
    category_names: Texts
    main_category: Array
    categories: Array
    category_ends: Array
    index: WordIndex

    def __len__(self) -> int:
        return len(self.prices)

    def arrays(self) -> dict[str, Array]:
        """As a pack holds them (`pack.Pack.columns`)."""
        index = self.index
        texts = {name: getattr(self, name) for name in _TEXTS if name != "words"} | {"words": index.vocabulary}
        own = {name: getattr(self, name) for name in _ARRAYS if not name.startswith("word_")}
        out = own | {"word_places": index.places, "word_ends": index.ends}
        for name, each in texts.items():
            out |= {name: each.data, f"{name}{ENDS}": each.ends}
        return out

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, Array], n_items: int) -> "Columns":
        """The inverse of `arrays`, for a model of `n_items`; where a pack has none of them, nothing is known.

        Raises:
            PackError: they are not what the table says, or not of so many items.
        """
        if not arrays:
            return of_details([BLANK] * n_items, [])
        rest = dict(arrays)
        texts: dict[str, Any] = {name: sorted_texts(rest, name) for name in _TEXTS}
        for name, dtype in _ARRAYS.items():
            if name not in rest or rest[name].dtype != dtype or rest[name].ndim != 1:
                raise PackError(f"{name}{SUFFIX} of the pack is missing, or no column of {np.dtype(dtype)}")
        n, index = n_items + len(texts["extra"]), WordIndex(texts.pop("words"), rest["word_places"], rest["word_ends"])
        lengths = {name: len(texts[name]) for name in ("titles", "brands", "images")} | {
            name: len(rest[name]) for name in ("prices", "available", "main_category", "category_ends")
        }
        wrong = [f"{name}{SUFFIX} has {length:,}" for name, length in lengths.items() if length != n]
        if wrong:
            raise PackError(f"the pack has {n:,} products, but {', '.join(wrong)}")
        for ends, data in ((rest["category_ends"], rest["categories"]), (index.ends, index.places)):
            if (int(ends[-1]) if len(ends) else 0) != len(data):
                raise PackError("the columns of the pack do not end where their ends say")
        if len(index.ends) != len(index.vocabulary):
            raise PackError("the words of the pack are not as many as their ends")
        for name, bound, lowest in (("main_category", len(texts["category_names"]), -1),
                                    ("categories", len(texts["category_names"]), 0), ("word_places", 2 * n, 0)):  # fmt: skip
            if len(rest[name]) and (rest[name].min() < lowest or rest[name].max() >= bound):
                raise PackError(f"{name}{SUFFIX} of the pack has numbers of what is not there")
        own: dict[str, Any] = {name: rest[name] for name in _ARRAYS if not name.startswith("word_")}
        return cls(**texts, **own, index=index)


class _Column:
    """Texts as they grow: the bytes of one after another's."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._ends: list[int] = []

    def add(self, text: str) -> None:
        self._data += text.encode()
        self._ends.append(len(self._data))

    def done(self) -> Texts:
        return Texts(np.frombuffer(bytes(self._data), np.uint8), np.array(self._ends, np.int64))


def of_details(details: Iterable[Details], extra: Iterable[str]) -> Columns:
    """Columns of what is known.

    Args:
        details: of every item of the model, then of every extra.
        extra: the ids of the extras, sorted; read after `details`.
    """
    titles, brands, images, indexing = _Column(), _Column(), _Column(), WordIndexing()
    prices: list[float] = []
    available: list[bool] = []
    numbers: dict[str, int] = {}
    main: list[int] = []
    categories: list[int] = []
    ends: list[int] = []
    of_category: dict[str, list[str]] = {}
    for number, one in enumerate(details):
        for column, text in ((titles, one.title), (brands, one.brand), (images, one.image)):
            column.add(text)
        prices.append(np.nan if one.price is None else one.price)
        available.append(one.available)
        categories += [numbers.setdefault(name, len(numbers)) for name in one.categories]
        ends.append(len(categories))
        main.append(numbers[one.category] if one.category else -1)
        others = [word for name in one.categories for word in of_category.setdefault(name, words(name))]
        indexing.add(number, words(one.title), [*words(one.brand), *others])
    return Columns(
        extra=SortedTexts.of(extra),
        titles=titles.done(),
        brands=brands.done(),
        images=images.done(),
        prices=np.array(prices, np.float64),
        available=np.array(available, np.bool_),
        category_names=Texts.of(numbers),
        main_category=np.array(main, np.int32),
        categories=np.array(categories, np.int32),
        category_ends=np.array(ends, np.int64),
        index=indexing.done(),
    )


def of_products(items: SortedTexts, known: Iterable[tuple[str, Details]], most: int = MOST_EXTRAS) -> Columns:
    """Columns for the model's `items`.

    Args:
        items: the model's; of those that are not in `known`, nothing is known.
        known: item_id and details, sorted by it (`details.merged`); what the model does not have is an extra.
        most: extras at most; the rest is left out, and that is logged.
    """
    of_items = [BLANK] * len(items)
    extra: dict[str, Details] = {}
    left_out = 0
    for item_id, one in known:
        number = items.number(item_id)
        if number is not None:
            of_items[number] = one
        elif len(extra) < most:
            extra[item_id] = one
        else:
            left_out += 1
    if left_out:
        log.warning(
            "%s products that nobody has taken are left out of the catalogue: it holds %s of them",
            f"{left_out:,}",
            f"{most:,}",
        )
    return of_details([*of_items, *extra.values()], extra)
