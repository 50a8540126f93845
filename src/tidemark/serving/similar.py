"""Similar: items that the same people take; and where the model knows nothing of an item, others of its category."""

import numpy as np

from tidemark.models import interface, ranking
from tidemark.serving.answers import CATEGORY, CONTENT, NEIGHBOURS, SIMILAR, Listed
from tidemark.serving.catalogue import Catalogue
from tidemark.serving.filters import Filter
from tidemark.serving.folding import Model
from tidemark.serving.listing import listed
from tidemark.serving.pack import Array


def similar(model: Model, catalogue: Catalogue, item_number: int, n: int, mask: Array) -> tuple[Listed, ...]:
    """The `n` items nearest to an item, best first; fewer where fewer are like it.

    First those that the model finds like it (`Fitted.likeness`: what the same people take, or whose factors point its way), or
    of an item that nobody has taken those that its texts place near it (`Placement.likeness`),
    then the most taken of its categories, the narrowest first, then what nobody has taken of these: each says its method.
    Equal scores come in the order of the item numbers.

    Args:
        item_number: one of the catalogue's.
        mask: boolean `(len(catalogue),)`, what may be listed; the item itself never is.
    """
    left = np.array(mask, bool)
    left[item_number] = False
    numbers, scores, method = _near(model, catalogue, item_number, n, left)
    found = [(number, score, method) for number, score in zip(numbers.tolist(), scores.tolist(), strict=True)]
    left[numbers] = False
    for category in _narrowest_first(catalogue, item_number):
        if len(found) >= n:
            break
        of_it = left & catalogue.mask(Filter(category=category))
        numbers, scores = model.most_taken(of_it, n - len(found))
        found += [(number, score, CATEGORY) for number, score in zip(numbers.tolist(), scores.tolist(), strict=True)]
        left[numbers] = False
        numbers = model.untaken(of_it, n - len(found))
        found += [(number, 0.0, CONTENT) for number in numbers.tolist()]
        left[numbers] = False
    return listed(catalogue, found)


def _near(model: Model, catalogue: Catalogue, item_number: int, n: int, allowed: Array) -> tuple[Array, Array, str]:
    """Numbers and scores of the items that the model finds like one, of those that are `allowed`, and the method."""
    fitted = model.fitted if item_number < model.n_items else None
    likeness = fitted.likeness(item_number) if fitted is not None else None
    if likeness is None:
        by_content = model.placement.likeness(item_number, catalogue) if model.placement else None
        if by_content is None:
            return np.empty(0, np.int64), np.empty(0, np.float32), SIMILAR
        scores = np.where(allowed & (by_content > 0), by_content, -np.inf)
        numbers = ranking.best(scores, n)
        return numbers, scores[numbers], CONTENT
    scores = np.where(allowed[: model.n_items] & (likeness.scores > 0), likeness.scores, -np.inf)
    numbers = ranking.best(scores, n)
    return numbers, scores[numbers], NEIGHBOURS if likeness.by == interface.NEIGHBOURS else SIMILAR


def _narrowest_first(catalogue: Catalogue, item_number: int) -> list[str]:
    """The categories of an item, that with the fewest items first."""
    items = catalogue.counts()
    names = list(dict.fromkeys([*catalogue.categories(item_number)[::-1], catalogue.category(item_number)]))
    return sorted((name for name in names if name), key=lambda name: items.get(name, 0))
