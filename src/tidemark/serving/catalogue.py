"""The catalogue: what is known of each item, from the columns of a pack and the changes since, without asking a server."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np

from tidemark.serving.columns import Columns, of_products
from tidemark.serving.details import BLANK, Details, Document, merged
from tidemark.serving.events import at_microseconds
from tidemark.serving.filters import Filter
from tidemark.serving.masks import Masks
from tidemark.serving.pack import Pack
from tidemark.serving.texts import SortedTexts
from tidemark.serving.words import words

Array = np.ndarray[Any, Any]

BRIEFS = 32_768
"""Items of which id, title and price are remembered as texts: some 10 MB."""
Brief = tuple[str, str, float | None]

MOST_WORDS = 16
"""Words of a search that are looked for; the rest of a longer text is not."""


class Catalogue:
    """Items by number: the model's below `n_items`, then what nobody has taken, then what came after the pack.

    A catalogue never changes, so any number of threads may read one; `with_changes` gives another, in which all numbers
    stay what they are.
    """

    def __init__(self, items: SortedTexts, columns: Columns, pack: Pack | None = None) -> None:
        """The catalogue of the model's `items` and the `columns` over them and the extras.

        Args:
            items: the model's; none where there is no pack.
            columns: what is known.
            pack: who took the items, and what they thought of them; None: nothing is known of that.
        """
        self.n_items = len(items)
        self._items, self._columns, self._pack = items, columns, pack
        self._changes: dict[int, Details] = {}
        self._words: dict[int, tuple[list[str], list[str]]] = {}
        self._marks: dict[int, int] = {}
        self._added: dict[str, int] = {}
        self._added_ids: list[str] = []
        self._prices, self._available = columns.prices, columns.available
        self._start()

    def _start(self) -> None:
        """Forget what follows from the rest."""
        self._masks = Masks(self._columns, self._changes, self._prices, self._available)
        self._order: Array | None = None
        self._counts: dict[str, int] | None = None
        self._briefs: dict[int, Brief] = {}
        self._shown: Any = self._available.data  # one at a time, NumPy's own view takes four times as long

    @classmethod
    def of(cls, pack: Pack) -> "Catalogue":
        """The catalogue of a pack.

        Raises:
            PackError: the pack's columns are not what they must be.
        """
        return cls(pack.items, Columns.of_arrays(pack.columns, len(pack.items)), pack)

    @classmethod
    def of_documents(cls, products: Iterable[Document], changes: Iterable[Document] = ()) -> "Catalogue":
        """The catalogue where there is no pack: every product is one of those that nobody is known to have taken.

        Args:
            products: documents of `products`, sorted by `_id`, as `details.read_products` gives them.
            changes: documents of `items`, sorted by `_id`.
        """
        nothing = SortedTexts.of([])
        return cls(nothing, of_products(nothing, merged(products, changes)))

    def with_changes(self, changes: Iterable[Mapping[str, Any]]) -> "Catalogue":
        """This catalogue with `changes` over it; itself where there are none.

        Args:
            changes: documents of the collection `items` (contract `item`). One takes the place of an earlier one of the
                same item as a whole, and lies over what the pack knew; applied again, it changes nothing.
        """
        documents = {change["_id"]: change for change in changes}
        if not documents:
            return self
        new = Catalogue.__new__(Catalogue)
        new.__dict__.update(self.__dict__)
        for name in ("_changes", "_words", "_marks", "_added", "_added_ids"):
            setattr(new, name, getattr(self, name).copy())
        for item_id, change in documents.items():
            number = self.number(item_id)
            if number is None:
                number = len(self._columns) + len(new._added_ids)
                new._added[item_id] = number
                new._added_ids.append(item_id)
            details = self._told(number).changed(change)
            new._changes[number] = details
            new._words[number] = _words_of(details)
            new._marks[number] = _mark(item_id, change.get("updated_at"))
        numbers = np.fromiter(new._changes, np.int64, len(new._changes))
        more = len(new) - len(self)
        new._prices = np.append(self._prices, np.full(more, np.nan))
        new._prices[numbers] = [np.nan if one.price is None else one.price for one in new._changes.values()]
        new._available = np.append(self._available, np.zeros(more, np.bool_))
        new._available[numbers] = [one.available for one in new._changes.values()]
        new._start()
        return new

    @property
    def version(self) -> int:
        """Names the changes that lie over the pack: 0 where there are none, and the same in every process that has the
        same changes, however they came."""
        return sum(self._marks.values()) & (1 << 63) - 1

    def __len__(self) -> int:
        return len(self._columns) + len(self._added_ids)

    def number(self, item_id: str) -> int | None:
        """The number of an item; None where it is unknown."""
        number = self._items.number(item_id)
        if number is not None:
            return number
        number = self._columns.extra.number(item_id)
        return self._added.get(item_id) if number is None else self.n_items + number

    def item_id(self, number: int) -> str:
        """The id of an item."""
        if number < self.n_items:
            return str(self._items[number])
        if number < len(self._columns):
            return str(self._columns.extra[number - self.n_items])
        return self._added_ids[number - len(self._columns)]

    def _told(self, number: int) -> Details:
        """What the pack knows of an item."""
        columns = self._columns
        if number >= len(columns):
            return BLANK
        main, price = int(columns.main_category[number]), float(columns.prices[number])
        return Details(
            title=columns.titles[number],
            brand=columns.brands[number],
            price=None if np.isnan(price) else price,
            category=columns.category_names[main] if main >= 0 else "",
            categories=tuple(self._told_categories(number)),
            image=columns.images[number],
            available=bool(columns.available[number]),
        )

    def _told_categories(self, number: int) -> list[str]:
        ends = self._columns.category_ends
        start = int(ends[number - 1]) if number else 0
        names = self._columns.category_names
        return [names[category] for category in self._columns.categories[start : int(ends[number])].tolist()]

    def changed(self) -> list[int]:
        """The numbers of the items that changes lie over, ascending."""
        return sorted(self._changes)

    def details(self, number: int) -> Details:
        """All that is known of an item; where one field is wanted, its own method costs less."""
        return self._changes.get(number) or self._told(number)

    def title(self, number: int) -> str:
        """The title of an item; empty where unknown."""
        changed = self._changes.get(number)
        return changed.title if changed else str(self._columns.titles[number])

    def briefs(self, numbers: Sequence[int]) -> list[Brief]:
        """Id, title and price of each item: what a list says of it. They are remembered, of up to `BRIEFS` items."""
        known = list(map(self._briefs.get, numbers))
        return [brief or self._brief(number) for brief, number in zip(known, numbers, strict=True)]

    def _brief(self, number: int) -> Brief:
        if len(self._briefs) >= BRIEFS:
            self._briefs.clear()
        made = self._briefs[number] = self.item_id(number), self.title(number), self.price(number)
        return made

    def brand(self, number: int) -> str:
        """The brand of an item; empty where unknown."""
        changed = self._changes.get(number)
        return changed.brand if changed else str(self._columns.brands[number])

    def price(self, number: int) -> float | None:
        """The price of an item, in the catalogue's currency; None where unknown."""
        price = float(self._prices[number])
        return None if price != price else price  # NaN alone differs from itself; np.isnan costs ten times as much

    def category(self, number: int) -> str:
        """The main category of an item; empty where unknown."""
        changed = self._changes.get(number)
        if changed:
            return changed.category
        main = int(self._columns.main_category[number])
        return str(self._columns.category_names[main]) if main >= 0 else ""

    def categories(self, number: int) -> list[str]:
        """Every category that an item is in, the main one among them."""
        changed = self._changes.get(number)
        return list(changed.categories) if changed else self._told_categories(number)

    def image(self, number: int) -> str:
        """The URL of an item's picture, on a host that is not ours; empty where there is none."""
        changed = self._changes.get(number)
        return changed.image if changed else str(self._columns.images[number])

    def available(self, number: int) -> bool:
        """Whether an item may be shown."""
        return self._shown[number]

    def all_available(self, numbers: Iterable[int]) -> bool:
        """Whether all of these may be shown."""
        return all(map(self._shown.__getitem__, numbers))

    def first_seen(self, number: int) -> datetime | None:
        """When anybody first took an item, UTC; None where nobody is known to have."""
        if self._pack is None or number >= self.n_items:
            return None
        return at_microseconds(int(self._pack.first_seen[number]))

    def stars(self, number: int) -> float | None:
        """The mean rating of an item, 1 to 5; None where nobody rated it."""
        if self._pack is None or number >= self.n_items:
            return None
        stars = float(self._pack.stars[number])
        return None if stars != stars else stars

    def raters(self, number: int) -> int:
        """How many rated an item."""
        return 0 if self._pack is None or number >= self.n_items else int(self._pack.raters[number])

    def mask(self, wanted: Filter) -> Array:
        """Which items are available and allowed by the filter `wanted`: boolean `(len(self),)`, read-only."""
        shared = self._masks.of(replace(wanted, exclude=frozenset()) if wanted.exclude else wanted)
        numbers = [number for number in map(self.number, wanted.exclude) if number is not None]
        if not numbers:
            return shared
        own = shared.copy()
        own[numbers] = False
        own.flags.writeable = False
        return own

    def counts(self) -> dict[str, int]:
        """Category -> how many available items are in it, at any level; the fullest first, then by name."""
        if self._counts is None:
            told = self._available[: len(self._columns)].copy()
            told[[number for number in self._changes if number < len(told)]] = False
            sizes = np.diff(self._columns.category_ends, prepend=0)
            names = self._columns.category_names
            totals = np.bincount(self._columns.categories[np.repeat(told, sizes)], minlength=len(names))
            counts = dict(zip(names, totals.tolist(), strict=True))
            for details in self._changes.values():
                for name in details.categories if details.available else ():
                    counts[name] = counts.get(name, 0) + 1
            ordered = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
            self._counts = {name: count for name, count in ordered if count}
        return dict(self._counts)

    def by_popularity(self) -> Array:
        """Every number, the most taken of the model's recent window first, then what nobody took: int64 `(len(self),)`."""
        if self._order is None:
            taken = self._pack.popular if self._pack is not None else np.arange(self.n_items)
            self._order = np.concatenate([taken, np.arange(self.n_items, len(self))]).astype(np.int64)
        return self._order

    def search(self, text: str, category: str | None = None, n: int = 20, start: int = 0) -> list[int]:
        """Available items of which every word of `text` begins a word of the title, the brand or a category.

        Those with all words in the title come first, the most taken first among equals.

        Args:
            text: in any case, with or without accents; blank: all of the category.
            category: one that they must be in, at any level; None: any.
            n: how many.
            start: how many of the best are left out, which came on the pages before.
        """
        wanted = words(text)[:MOST_WORDS]
        if not wanted and text.strip():
            return []
        anywhere = self.mask(Filter(category=category)).copy()
        titled = anywhere.copy()
        for word in wanted:
            in_title, somewhere = self._having(word)
            titled &= in_title
            anywhere &= somewhere
        order = self.by_popularity()
        in_order, of_titles = anywhere[order], titled[order]
        found = np.concatenate([np.flatnonzero(in_order & of_titles), np.flatnonzero(in_order & ~of_titles)])
        numbers: list[int] = order[found[start : start + n]].tolist()
        return numbers

    def _having(self, word: str) -> tuple[Array, Array]:
        """Which items have a word that begins so in their title, and which anywhere: booleans `(len(self),)`."""
        in_title, somewhere = np.zeros(len(self), np.bool_), np.zeros(len(self), np.bool_)
        places = self._columns.index.beginning(word)
        somewhere[places >> 1] = True
        in_title[places[(places & 1).astype(np.bool_)] >> 1] = True
        for number, (title, others) in self._words.items():
            in_title[number] = any(one.startswith(word) for one in title)
            somewhere[number] = in_title[number] or any(one.startswith(word) for one in others)
        return in_title, somewhere


def _words_of(details: Details) -> tuple[list[str], list[str]]:
    """The words of a title, and those of the rest."""
    return words(details.title), words(" ".join((details.brand, *details.categories)))


def _mark(item_id: str, updated_at: datetime | None) -> int:
    """A number for one state of one item, the same in every process."""
    text = f"{item_id}\0{updated_at.isoformat() if updated_at else ''}"
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest())
