"""Item features: what is known of a product as a row of weighted terms, so that items nobody has taken are like others.

Terms are the words of title and description, the categories, the brand, and the price's bucket. What is missing adds no term.
A term weighs `(1 + ln tf) (ln((1 + n) / (1 + df)) + 1)`, rows have length 1 (Salton and Buckley 1988, with smoothed df).
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

Array = np.ndarray[Any, Any]

MOST_TERMS = 20_000
"""Terms that are kept: those of the most products; one that a single product has makes nothing alike."""
MOST_WORDS, LONGEST_WORD, LONGEST_TEXT = 400, 40, 20_000
"""Of one product: words, letters of a word, letters of its texts. What is beyond is not read."""
BUCKETS = 10
"""Of prices: as many products in each."""

_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Product:
    """What features are made of; empty, or None, where it is not known."""

    title: str = ""
    description: str = ""
    brand: str = ""
    categories: tuple[str, ...] = ()
    price: float | None = None


@dataclass(frozen=True)
class Terms:
    """The terms that count.

    Args:
        names: uint64 `(n_terms,)`, ascending: the first 8 bytes of each term's BLAKE2b.
        idf: float32 `(n_terms,)`.
        edges: float64 `(<= BUCKETS - 1,)`, ascending: where one bucket of prices ends and the next begins.
    """

    names: Array
    idf: Array
    edges: Array

    @classmethod
    def of(cls, products: Sequence[Product]) -> "Terms":
        """The terms of `products`."""
        prices = np.array([product.price for product in products if product.price is not None])
        edges = np.unique(np.quantile(prices, np.arange(1, BUCKETS) / BUCKETS)) if len(prices) else np.empty(0)
        had: Counter[int] = Counter()
        for product in products:
            had.update(_counted(product, edges).keys())
        kept = sorted((-count, name) for name, count in had.items() if count > 1)[:MOST_TERMS]
        count_of = {name: -count for count, name in kept}
        names = np.array(sorted(count_of), np.uint64)
        counts = np.array([count_of[name] for name in names.tolist()], np.float64)
        return cls(names, (np.log((1 + len(products)) / (1 + counts)) + 1).astype(np.float32), edges)

    def matrix(self, products: Iterable[Product]) -> csr_matrix:
        """A row of length 1 for each product, float32 `(n_products, n_terms)`; an empty one where none of its terms counts."""
        place_of = {name: place for place, name in enumerate(self.names.tolist())}
        columns: list[int] = []
        counts: list[int] = []
        ends = [0]
        for product in products:
            for name, count in _counted(product, self.edges).items():
                place = place_of.get(name)
                if place is not None:
                    columns.append(place)
                    counts.append(count)
            ends.append(len(columns))
        at = np.array(columns, np.int64)
        weights = (1 + np.log(np.array(counts, np.float32))) * self.idf[at]
        made = csr_matrix((weights.astype(np.float32), at, ends), (len(ends) - 1, len(self.names)))
        made.sort_indices()
        lengths = np.sqrt(np.asarray(made.multiply(made).sum(axis=1)).ravel())
        made.data /= np.repeat(np.where(lengths > 0, lengths, 1), np.diff(made.indptr)).astype(np.float32)
        return made

    def arrays(self) -> dict[str, Array]:
        """As `Terms.load` takes them."""
        return {"terms": self.names, "idf": self.idf, "edges": self.edges}

    @classmethod
    def load(cls, arrays: Mapping[str, Array]) -> "Terms":
        """The terms whose `arrays` these are."""
        return cls(arrays["terms"], arrays["idf"], arrays["edges"])


def words(text: str) -> Iterator[str]:
    """The words of a text in any script, without case or compatibility forms."""
    for found in _WORD.finditer(unicodedata.normalize("NFKC", text[:LONGEST_TEXT]).casefold()):
        if len(word := found.group()) <= LONGEST_WORD:
            yield word


def _counted(product: Product, edges: Array) -> Counter[int]:
    """The terms of a product by the hashes of their names, and how often each is there."""
    texts = [word for text in (product.title, product.description) for word in words(text)][:MOST_WORDS]
    terms = Counter(f"word {word}" for word in texts)
    terms.update(f"category {' '.join(words(name))}" for name in dict.fromkeys(product.categories))
    if brand := " ".join(words(product.brand)):
        terms[f"brand {brand}"] = 1
    if product.price is not None:
        terms[f"price {int(np.searchsorted(edges, product.price, 'right'))}"] = 1
    return Counter({_hash(term): count for term, count in terms.items()})


def _hash(term: str) -> int:
    return int.from_bytes(blake2b(term.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")
