"""Listing: what is the same whoever asks, the most taken and the newest items, and how numbers become items of an answer."""

from collections.abc import Iterable, Sequence

import numpy as np

from tidemark.serving.answers import CONTENT, NEW, POPULAR, Listed
from tidemark.serving.catalogue import Catalogue
from tidemark.serving.filters import Filter
from tidemark.serving.folding import History
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


def newest(
    live: Live, n: int, categories: Sequence[str], wanted: Filter, history: History | None = None
) -> tuple[Listed, ...]:
    """The `n` newest items, of any of `categories`, where some are given.

    First what came since the model's pack was written, the last first; then, for someone with a `history`, what nobody has taken,
    as far as its texts say how it suits them, the best first; then what was first taken last; then the rest of what nobody has
    taken.
    """
    allowed = np.array(live.catalogue.mask(wanted), bool)
    if categories:
        allowed &= np.logical_or.reduce([live.catalogue.mask(Filter(category=name)) for name in categories])
    placement = live.model.placement
    user = placement.user(history.counted) if placement and history and len(history.counted) else None
    suited: list[Found] = []
    if placement is not None and user is not None:
        of_pack = allowed.copy()
        of_pack[live.known :] = False
        numbers, scores = placement.best(user, live.catalogue, of_pack, n)
        suited = [(number, score, CONTENT) for number, score in zip(numbers.tolist(), scores.tolist(), strict=True)]
        allowed[numbers] = False
    return listed(live.catalogue, _newest(live, allowed, suited, n))


def _newest(live: Live, allowed: Array, suited: list[Found], n: int) -> list[Found]:
    """(number, score, method) of the `n` newest items of those `allowed`, with what is `suited` behind what came since."""
    since = (np.flatnonzero(allowed[live.known :])[::-1] + live.known).tolist()
    first_seen = live.model.pack.first_seen
    taken = np.flatnonzero(allowed[: live.model.n_items])
    taken = taken[np.argsort(-first_seen[taken], kind="stable")][:n].tolist()
    untaken = (np.flatnonzero(allowed[live.model.n_items : live.known]) + live.model.n_items).tolist()
    found = [(number, 0.0, CONTENT) for number in since] + suited
    found += [(number, float(first_seen[number]) / 1e6, NEW) for number in taken]
    return [*found, *((number, 0.0, CONTENT) for number in untaken)][:n]
