"""Listing: what is the same whoever asks, the most taken and the newest items, and how numbers become items of an answer."""

from collections.abc import Iterable, Sequence

import numpy as np

from tidemark.serving.answers import CONTENT, NEW, POPULAR, Listed
from tidemark.serving.catalogue import Catalogue
from tidemark.serving.filters import Filter
from tidemark.serving.loading import Live
from tidemark.serving.pack import Array

Found = tuple[int, float, str]
"""The number of an item, its score, and the method that it was found by."""


def listed(catalogue: Catalogue, found: Iterable[Found]) -> tuple[Listed, ...]:
    """Items of an answer, in the order in which they were found, best first."""
    return tuple(
        Listed(catalogue.item_id(number), at, score, method, catalogue.title(number), catalogue.price(number))
        for at, (number, score, method) in enumerate(found, 1)
    )


def most_taken(live: Live, n: int, wanted: Filter) -> tuple[Listed, ...]:
    """The `n` items that are taken most in the recent window."""
    numbers, scores = live.model.most_taken(live.catalogue.mask(wanted), n)
    return listed(live.catalogue, zip(numbers.tolist(), scores.tolist(), [POPULAR] * len(numbers), strict=True))


def newest(live: Live, n: int, categories: Sequence[str], wanted: Filter) -> tuple[Listed, ...]:
    """The `n` newest items, of any of `categories`, where some are given.

    First what came since the model's pack was written, the last first; then what was first taken last; then what nobody has
    taken.
    """
    allowed = np.array(live.catalogue.mask(wanted), bool)
    if categories:
        allowed &= np.logical_or.reduce([live.catalogue.mask(Filter(category=name)) for name in categories])
    return listed(live.catalogue, _newest(live, allowed, n))


def _newest(live: Live, allowed: Array, n: int) -> list[Found]:
    """(number, score, method) of the `n` newest items of those `allowed`."""
    since = (np.flatnonzero(allowed[live.known :])[::-1] + live.known).tolist()
    first_seen = live.model.pack.first_seen
    taken = np.flatnonzero(allowed[: live.model.n_items])
    taken = taken[np.argsort(-first_seen[taken], kind="stable")][:n].tolist()
    untaken = (np.flatnonzero(allowed[live.model.n_items : live.known]) + live.model.n_items).tolist()
    found = [(number, 0.0, CONTENT) for number in since]
    found += [(number, float(first_seen[number]) / 1e6, NEW) for number in taken]
    return [*found, *((number, 0.0, CONTENT) for number in untaken)][:n]
