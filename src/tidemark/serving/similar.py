"""Similar: items that the same people take; and where the model knows nothing of an item, others of its category."""

import numpy as np

from tidemark.models import ranking
from tidemark.serving.answers import CATEGORY, CONTENT, SIMILAR, Listed
from tidemark.serving.catalogue import Catalogue
from tidemark.serving.filters import Filter
from tidemark.serving.folding import Model
from tidemark.serving.listing import listed
from tidemark.serving.pack import Array


def similar(model: Model, catalogue: Catalogue, item_number: int, n: int, mask: Array) -> tuple[Listed, ...]:
    """The `n` items nearest to an item, best first; fewer where fewer are like it.

    First those whose factors point its way (a positive cosine), then the most taken of its categories, the narrowest
    first, then what nobody has taken of these: each says its method. Equal scores come in the order of the item numbers.

    Args:
        item_number: one of the catalogue's.
        mask: boolean `(len(catalogue),)`, what may be listed; the item itself never is.
    """
    left = np.array(mask, bool)
    left[item_number] = False
    numbers, scores = _near(model, item_number, n, left)
    found = [(number, score, SIMILAR) for number, score in zip(numbers.tolist(), scores.tolist(), strict=True)]
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


def _near(model: Model, item_number: int, n: int, allowed: Array) -> tuple[Array, Array]:
    """Numbers and cosines of the items whose factors are nearest, of those that are `allowed`."""
    factors = model.pack.item_factors
    if factors is None or item_number >= model.n_items or not model.norms[item_number] > 0:
        return np.empty(0, np.int64), np.empty(0, np.float32)
    norms = model.norms
    with np.errstate(divide="ignore", invalid="ignore"):
        cosines = factors @ (factors[item_number] / norms[item_number]) / norms
    cosines[~(allowed[: model.n_items] & (cosines > 0))] = -np.inf
    numbers = ranking.best(cosines, n)
    return numbers, cosines[numbers]


def _narrowest_first(catalogue: Catalogue, item_number: int) -> list[str]:
    """The categories of an item, that with the fewest items first."""
    items = catalogue.counts()
    names = list(dict.fromkeys([*catalogue.categories(item_number)[::-1], catalogue.category(item_number)]))
    return sorted((name for name in names if name), key=lambda name: items.get(name, 0))
