"""Because: which of a user's items brought an item into their list, and how much of its score.

The score of implicit-feedback ALS is a sum over the items that the user had (`models.fold_in.FoldIn.contributions`), so
the shares are no guess: with all of them the score is whole. What spoke against the item is left out of the shares.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.linalg import LinAlgError

from tidemark.serving.answers import Share
from tidemark.serving.catalogue import Catalogue
from tidemark.serving.events import Event
from tidemark.serving.folding import History, Model


def shares(model: Model, catalogue: Catalogue, events: Iterable[Event], item_id: str) -> list[Share]:
    """The shares of the items in `events`, a user's whole history, in the score of `item_id`; greatest first.

    Empty where the model cannot tell: it has no fold-in, or does not know the item, or nothing of the history.
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
    if model.fold is None or not len(history.items) or not len(numbers):
        return nothing
    try:
        brought = model.fold.contributions(history.items, history.weights, np.asarray(numbers, np.int64))
    except LinAlgError:  # as in `Model.scores`
        return nothing
    return [
        tuple(
            Share(catalogue.item_id(int(history.items[place])), float(row[place] / row[row > 0].sum()))
            for place in np.argsort(-row, kind="stable")[:most]
            if row[place] > 0
        )
        for row in brought
    ]
