"""A model made ready to answer: its pack, and what a pack alone does not say: how somebody new to it is placed.

Who is newer than the model is folded in where the model's scores are products of factors from implicit feedback, the two
kinds of ALS; any other recommender serves the lists that it has.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import numpy as np
from numpy.linalg import LinAlgError

from tidemark.models import recipes
from tidemark.models.fold_in import FoldIn
from tidemark.serving.catalogue import Catalogue
from tidemark.serving.events import Event
from tidemark.serving.pack import Array, Pack

CHUNK = 256
"""Items of the popular order that are looked at before more are."""


@dataclass(frozen=True)
class History:
    """What a user had, as a model reads it: each item once.

    Args:
        taken: int64 `(m,)`, numbers of all the items that the catalogue knows, in no order that counts.
        items: int64 `(k,)`, numbers of those that the fold-in counts, ascending.
        weights: float32 `(k,)`, what each counts.
    """

    taken: Array
    items: Array
    weights: Array


def newest(events: Iterable[Event]) -> dict[str, Event]:
    """item_id -> the event that counts: the newest, and of equally new ones the one with the greatest id, as in
    `models.pairs.from_frame`."""
    kept: dict[str, Event] = {}
    for event in events:
        other = kept.get(event.item_id)
        if other is None or (event.timestamp, event.id) > (other.timestamp, other.id):
            kept[event.item_id] = event
    return kept


class Model:
    """One model, ready; it never changes, so any number of threads may ask it.

    Args:
        pack: what it serves.
        fold: places users from their history; None where this recommender has no such thing.
    """

    def __init__(self, pack: Pack, fold: FoldIn | None) -> None:
        self.pack, self.fold = pack, fold
        self.n_items = len(pack.items)
        self.longest = int(pack.lists.shape[1])
        """How many items its longest list can have."""
        self._lists: Any = pack.lists.reshape(-1).data
        self._scores: Any = pack.scores.reshape(-1).data

    @classmethod
    def of(cls, pack: Pack) -> "Model":
        """The model that `pack` is of.

        Raises:
            ContractError: its recipe is none.
        """
        return cls(pack, _fold_in(pack.about.recipe, pack.item_factors))

    @property
    def model_id(self) -> str:
        """The model's id."""
        return self.pack.about.model_id

    @property
    def made_at(self) -> datetime:
        """When it was made, UTC."""
        return self.pack.about.made_at

    @cached_property
    def norms(self) -> Array:
        """Lengths of the item factors: float32 `(n_items,)`, 0 where the model knows nothing of the item."""
        if self.pack.item_factors is None:
            return np.zeros(self.n_items, np.float32)
        norms = np.sqrt(np.einsum("ij,ij->i", self.pack.item_factors, self.pack.item_factors))
        return np.where(np.isfinite(norms), norms, np.float32(0))

    def beginning(self, row: int, n: int) -> tuple[list[int], list[float]]:
        """The first `n` places of the list of the user `row`: item numbers, -1 in a place that holds none, and scores.

        `n` is at most `longest`. Through NumPy the few numbers of one list would cost five times as much.
        """
        start = row * self.longest
        return self._lists[start : start + n].tolist(), self._scores[start : start + n].tolist()

    def stored(self, row: int) -> tuple[Array, Array, bool]:
        """The list of the user `row`: item numbers int32 and scores float32, best first; and whether it ends before its
        place does, because nothing is left that the model could list."""
        numbers = self.pack.lists[row]
        there = numbers >= 0
        return numbers[there], self.pack.scores[row][there], not there.all()

    def read(self, events: Iterable[Event], catalogue: Catalogue) -> History:
        """What those `events` are to this model. What neither it nor the catalogue knows is left out."""
        counted = {
            number: event.weight
            for item_id, event in newest(events).items()
            if (number := catalogue.number(item_id)) is not None
        }
        taken = np.array(sorted(counted), np.int64)
        weights = np.array([counted[number] for number in taken.tolist()], np.float32)
        folded = taken < self.n_items
        if self.fold is not None and self.fold.scaled:
            folded &= weights > 0  # MLlib counts an event of no weight neither in the sum nor in the regularisation
        return History(taken, taken[folded], weights[folded])

    def scores(self, history: History) -> Array | None:
        """Of every item, float32 `(n_items,)`, for whoever had `history`; None where the model cannot tell."""
        if self.fold is None or not len(history.items):
            return None
        try:
            user_factor = self.fold.user_factor(history.items, history.weights)
        except LinAlgError:  # factors that lie in a plane and no regularisation: no one answer
            return None
        return np.asarray(self.fold.item_factors @ user_factor)

    def most_taken(self, allowed: Array, n: int) -> tuple[Array, Array]:
        """The first `n` items of the popular order that the boolean array `allowed` `(>= n_items,)` has.

        Returns:
            item numbers int32, most taken first, and their scores float32; fewer where fewer are allowed.
        """
        places: list[Array] = []
        start, size, missing = 0, CHUNK, n
        while missing > 0 and start < self.n_items:
            found = np.flatnonzero(allowed[self.pack.popular[start : start + size]])[:missing] + start
            places.append(found)
            start, size, missing = start + size, 4 * size, missing - len(found)
        chosen = np.concatenate(places) if places else np.empty(0, np.int64)
        return self.pack.popular[chosen], self.pack.popular_scores[chosen]

    def untaken(self, allowed: Array, n: int) -> Array:
        """The `n` last of the products that nobody has taken, the last first: int64 numbers, from `n_items` on.

        What came after the pack has the greatest numbers, so it comes first; of the others nothing says which is newer.

        Args:
            allowed: boolean `(len(catalogue),)`.
        """
        return np.flatnonzero(allowed[self.n_items :])[::-1][: max(n, 0)] + self.n_items


def _fold_in(recipe: Mapping[str, Any], item_factors: Array | None) -> FoldIn | None:
    """The fold-in of a recipe, where it has one and its factors are numbers."""
    known = recipes.from_document(recipe)
    settings = known.settings
    implicit = known.name == "als_implicit" or (known.name == "als_spark" and not settings.get("explicit", False))
    if not implicit or item_factors is None or not len(item_factors):
        return None
    fold = FoldIn(
        item_factors,
        float(settings["regularization"]),
        float(settings.get("alpha", 1.0)),
        scaled=known.name == "als_spark",
    )
    return fold if fold.finite else None
