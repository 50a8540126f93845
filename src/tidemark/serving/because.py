"""Because: which of a user's items brought an item into their list, and how much of its score.

What recommenders say of a history is a sum over its items (`Fitted.contributions`), so the shares are no guess. What spoke
against the item is left out of them.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from tidemark.serving.answers import Share
from tidemark.serving.catalogue import Catalogue
from tidemark.serving.events import Event
from tidemark.serving.folding import History, Model


def shares(model: Model, catalogue: Catalogue, events: Iterable[Event], item_id: str) -> list[Share]:
    """The shares of the items in `events`, a user's whole history, in the score of `item_id`; greatest first.

    Empty where the model cannot tell: it reads no histories, or does not know the item, or nothing of the history.
    """
    number = catalogue.number(item_id)
    if number is None or number >= model.n_items:
        return []
    (found,) = of_items(model, catalogue, model.read(events, catalogue), [number])
    return list(found)


def of_items(
    model: Model, catalogue: Catalogue, history: History, numbers: Sequence[int], most: int | None = None
) -> list[tuple[Share, ...]]:
    """The shares, greatest first, in the score of each of the items `numbers`, which the model knows; at most `most` each.

    Equal shares come in the order of the item numbers.
    """
    nothing: list[tuple[Share, ...]] = [() for _ in numbers]
    had = history.counted.items
    if model.fitted is None or not len(had) or not len(numbers):
        return nothing
    brought = model.fitted.contributions(history.counted, np.asarray(numbers, np.int64))
    if brought is None:
        return nothing
    return [
        tuple(
            Share(catalogue.item_id(int(had[place])), float(row[place] / row[row > 0].sum()))
            for place in np.argsort(-row, kind="stable")[:most]
            if row[place] > 0
        )
        for row in brought
    ]
