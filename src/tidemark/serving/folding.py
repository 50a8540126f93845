"""A model made ready to answer: its pack, and what a pack alone does not say: how somebody new to it is placed.

Who is newer than the model is scored from their history by the recommender itself (`Fitted.scores_of_history`), the same
code that the gate measured; one that says nothing of a history, or the same of every one, serves the lists that it has.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import numpy as np

from tidemark.errors import ContractError, PackError
from tidemark.models import ranking, recipes, user_history, variety
from tidemark.models.interface import Fitted
from tidemark.serving.catalogue import Catalogue
from tidemark.serving.events import Event, microseconds
from tidemark.serving.pack import Array, Pack
from tidemark.serving.placement import Placement

log = logging.getLogger(__name__)

CHUNK = 256
"""Items of the popular order that are looked at before more are."""


@dataclass(frozen=True)
class History:
    """What a user had, as a model reads it: each item once.

    Args:
        taken: int64 `(m,)`, numbers of all the items that the catalogue knows, ascending.
        counted: those that the model knows, which are its first, as it counts them.
    """

    taken: Array
    counted: user_history.History


@dataclass(frozen=True)
class Had:
    """One item of a history, as in `models.pairs.from_frame`.

    Args:
        newest: the event that counts: of equally new ones, that with the greatest id.
        first: when it was first taken.
    """

    newest: Event
    first: datetime


def had(events: Iterable[Event]) -> dict[str, Had]:
    """item_id -> what somebody had of it."""
    kept: dict[str, Had] = {}
    for event in events:
        other = kept.get(event.item_id)
        if other is None:
            kept[event.item_id] = Had(event, event.timestamp)
            continue
        newer = (event.timestamp, event.id) > (other.newest.timestamp, other.newest.id)
        kept[event.item_id] = Had(event if newer else other.newest, min(other.first, event.timestamp))
    return kept


class Model:
    """One model, ready; it never changes, so any number of threads may ask it.

    Args:
        pack: what it serves.
        fitted: scores a history; None where this recommender has no such thing.
    """

    def __init__(self, pack: Pack, fitted: Fitted | None) -> None:
        self.pack, self.fitted = pack, fitted
        self.n_items = len(pack.items)
        self.longest = int(pack.lists.shape[1])
        """How many items its longest list can have."""
        self._members = fitted.member_names() if fitted else ()
        self._lists: Any = pack.lists.reshape(-1).data
        self._scores: Any = pack.scores.reshape(-1).data

    @classmethod
    def of(cls, pack: Pack) -> "Model":
        """The model that `pack` is of.

        Raises:
            ContractError: its recipe is none.
            PackError: what it holds is not of such a recommender.
        """
        return cls(pack, _fitted(pack))

    @property
    def model_id(self) -> str:
        """The model's id."""
        return self.pack.about.model_id

    @property
    def made_at(self) -> datetime:
        """When it was made, UTC."""
        return self.pack.about.made_at

    @cached_property
    def folds(self) -> bool:
        """Whether it scores what somebody had."""
        return self.fitted is not None and self.fitted.reads_histories()

    def warm(self) -> None:
        """Make what the first history that is scored would have to wait for."""
        _ = self.placement
        if self.fitted is not None and self.folds:
            one, now = np.ones(1, np.float32), np.zeros(1, np.int64)
            history = user_history.History(self.pack.popular[:1].astype(np.int64), one, now)
            self.fitted.best_of_history(history, np.ones(self.n_items, np.bool_), 1)

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

    def best(self, history: History, allowed: Array, n: int) -> tuple[Array, Array] | None:
        """The `n` best items for whoever had `history`, as diverse as the lists of this model are.

        Args:
            allowed: boolean `(>= n_items,)`.

        Returns:
            item numbers, best first, and what they are listed by; fewer where for fewer something speaks; None where the
            model cannot tell.
        """
        if self.fitted is None or not len(history.counted):
            return None
        diversity = self.pack.about.diversity
        candidates = variety.candidates(n, diversity)
        told = self.fitted.best_of_history(history.counted, allowed[: self.n_items], candidates)
        if told is None:
            return None
        numbers, scores = told
        vectors = self.fitted.factors_of_items() if diversity else None
        if vectors is None or not len(numbers):
            return numbers[:n], scores[:n]
        found, values, _ = variety.listed(numbers[np.newaxis], scores[np.newaxis], vectors, diversity, n)
        there = found[0] != ranking.NONE
        return found[0][there], values[0][there]

    def brought_to(self, row: int) -> dict[int, str]:
        """Item number -> the member of a blend that brought it into the list of the user `row`; nothing where none is known."""
        if self.pack.brought_by is None or not self._members:
            return {}
        places = zip(self.pack.lists[row].tolist(), self.pack.brought_by[row].tolist(), strict=True)
        return {number: self._members[by] for number, by in places if 0 <= by < len(self._members)}

    def brought_to_history(self, history: History, numbers: Sequence[int]) -> dict[int, str]:
        """The same of `numbers` that were scored for whoever had `history`."""
        items = np.asarray(numbers, np.int64)
        by = self.fitted.brought_to_history(history.counted, items) if self.fitted and len(items) else None
        return (
            {} if by is None else {n: self._members[at] for n, at in zip(numbers, by.tolist(), strict=True) if at >= 0}
        )

    def read(self, events: Iterable[Event], catalogue: Catalogue) -> History:
        """What those `events` are to this model. What neither it nor the catalogue knows is left out."""
        known = {number: it for item_id, it in had(events).items() if (number := catalogue.number(item_id)) is not None}
        taken = np.array(sorted(known), np.int64)
        counted = [known[number] for number in taken.tolist() if number < self.n_items]
        weights = np.array([it.newest.weight for it in counted], np.float32)
        times = np.array([microseconds(it.first) for it in counted], np.int64)
        return History(taken, user_history.History(taken[: len(counted)], weights, times))

    @cached_property
    def placement(self) -> Placement | None:
        """How items that nobody has taken are placed; None where nothing was learned of it."""
        return Placement.of(self.pack, self.fitted) if self.pack.content else None

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


def _fitted(pack: Pack) -> Fitted | None:
    """What the recommender of a pack learned, without its users; None where it has the same for everybody, or nothing."""
    recipe = recipes.from_document(pack.about.recipe)
    try:
        recommender = recipe.recommender()
    except ContractError as error:
        log.warning("the lists of %s are served, but nobody is folded in: %s", pack.about.model_id, error)
        return None
    if recommender.fallback is None or not pack.learned or not len(pack.items):
        return None
    try:
        return recommender.load_for_histories(pack.learned)
    except (KeyError, ValueError) as error:
        raise PackError(
            f"the pack of {pack.about.model_id} does not hold what a model of {recommender.name} has learned ({error})",
            "run retrain_recommender, or roll back to another model",
        ) from None
