"""Ways: how an answer comes about, from the cheapest that is right to what is left when nothing else is.

`answers` says which way is tried when. What holds for all of them: a filter holds over the whole catalogue, before the
cut; no item twice, none that is not to be had, and none that the user has unless the caller allows it. The same question
gets the same answer: equal scores come in the order of the item numbers.

A stored list is the beginning of the model's order of everything, so taking out of it what may not be shown leaves the
right answer as long as enough remains. It knows what its user had inside the model's window; what is older is seen by
the ways that read the history.
"""

from collections.abc import Callable, Container, Iterator, Sequence
from datetime import UTC, datetime
from functools import cached_property
from itertools import count

import numpy as np

from tidemark.errors import UnreachableError
from tidemark.models import new_items
from tidemark.serving import because
from tidemark.serving.answers import CONTENT, FOLD_IN, POPULAR, STORED, Answer, Ask, Listed, Share
from tidemark.serving.catalogue import Catalogue
from tidemark.serving.events import Event
from tidemark.serving.filters import Filter
from tidemark.serving.folding import History, Model
from tidemark.serving.pack import Array

NOBODY: frozenset[str] = frozenset()
REASONS = 3
"""Items of the history that an explained item names, at most."""

ERASED, STALE, SESSION = "erased", "stale", "session"
LATEST = datetime.max.replace(tzinfo=UTC)


def version(model_id: str, tail_version: int, catalogue_version: int, *, erased: bool = False) -> str:
    """`Answer.version` of whatever is asked for one user now: `<model_id>.<tail version>.<catalogue version>`.

    Of a user who is erased it ends in `.erased`. An answer that is stale has one that ends in `.stale`, which this never
    gives: who holds such an answer gets a better one as soon as there is one.
    """
    return f"{model_id}.{tail_version}.{catalogue_version}" + (f".{ERASED}" if erased else "")


def answer(
    ask: Ask,
    model: Model,
    catalogue: Catalogue,
    tail_events: Sequence[Event],
    history: Callable[[], Sequence[Event]],
    *,
    tail_version: int = 0,
    fewer: bool = False,
    fresh: bool = True,
    erased: Container[str] = NOBODY,
    session_weight: float = 1.0,
) -> Answer:
    """What `ask` gets.

    Args:
        model: the model, whose item numbers are those of `catalogue`.
        tail_events: what is newer of the user than the model.
        history: gives all that the user did, `tail_events` among it; called once at most, and only if a way needs it. It
            may raise UnreachableError: then the answer is made without it, and is `stale`.
        tail_version: changes with `tail_events`.
        fewer: whether the user has deleted something that the model may have learned from.
        fresh: whether the tail has caught up.
        erased: users who are to be treated as if they had never been here.
        session_weight: what an item of `ask.session` counts: the weight of the default event type.
    """
    gone = ask.user_id is not None and ask.user_id in erased
    row = None if ask.user_id is None or gone else model.pack.users.number(ask.user_id)
    if (
        row is not None
        and not (tail_events or fewer)
        and not (ask.session or ask.include_seen or ask.explain or ask.popular)
    ):
        items = _stored_as_it_is(ask, model, catalogue, row)
        if items is not None:
            now = version(model.model_id, tail_version, catalogue.version)
            return Answer(ask.user_id, model.model_id, STORED, model.made_at, fresh, False, False, items, now)
    if gone or ask.user_id is None:
        tail_events, history, fewer = (), tuple, False
    person = _Person(ask, model, catalogue, row, tail_events, history, session_weight, fewer=fewer)
    items = person.items()
    now = version(model.model_id, tail_version, catalogue.version, erased=gone)
    return Answer(
        ask.user_id,
        model.model_id,
        items[0].method if items else POPULAR,
        model.made_at,
        fresh,
        person.stale,
        len(items) < ask.n,
        items,
        f"{now}.{STALE}" if person.stale else now,
    )


def _stored_as_it_is(ask: Ask, model: Model, catalogue: Catalogue, row: int) -> tuple[Listed, ...] | None:
    """The beginning of a stored list, where nothing has to be taken out of it; what nearly every read is."""
    n = ask.n
    if n > model.longest or not ask.filter.is_open():
        return None
    numbers, scores = model.beginning(row, n)
    if numbers[-1] < 0 or not catalogue.all_available(numbers):
        return None
    return tuple(
        [
            Listed(item_id, at, score, STORED if number < model.n_items else CONTENT, title, price)
            for at, number, score, (item_id, title, price) in zip(
                count(1), numbers, scores, catalogue.briefs(numbers), strict=False
            )
        ]
    )


def _session(ask: Ask, weight: float) -> list[Event]:
    """The items of a session as events, newer than all others."""
    user_id = ask.user_id or ""
    return [
        Event(f"{SESSION}:{at}", user_id, item_id, weight, None, LATEST, None, SESSION)
        for at, item_id in enumerate(ask.session)
    ]


class _Person:
    """One question on its way through the ways."""

    def __init__(
        self,
        ask: Ask,
        model: Model,
        catalogue: Catalogue,
        row: int | None,
        tail_events: Sequence[Event],
        history: Callable[[], Sequence[Event]],
        session_weight: float,
        *,
        fewer: bool,
    ) -> None:
        self.ask, self.model, self.catalogue, self.row = ask, model, catalogue, row
        self._fewer = fewer
        self._session = _session(ask, session_weight)
        self._newer, self._history = [*tail_events, *self._session], history
        self.stale = False
        self.allowed = catalogue.mask(ask.filter).copy()
        self._picked: list[tuple[int, float, str]] = []

    @cached_property
    def had(self) -> History | None:
        """The whole history; None while MongoDB is away."""
        try:
            events = self._history()
        except UnreachableError:
            self.stale = True
            return None
        return self.model.read([*events, *self._session], self.catalogue)

    @cached_property
    def newer(self) -> History:
        """What is newer than the model: all that is known of what a user had while MongoDB is away."""
        return self.model.read(self._newer, self.catalogue)

    def items(self) -> tuple[Listed, ...]:
        """The answer's items."""
        if not self._stored_will_do():
            had = self.had
            if not self.ask.include_seen:
                self.allowed[(self.newer if had is None else had).taken] = False
            best = None
            if had is not None and not self.ask.popular:
                best = self.model.best(had, self.allowed, self.ask.n)
            if best is not None:
                self._pick_scored(*best)
            elif (
                self.row is not None
                and not self.ask.popular
                and not (self._fewer and had is not None and not len(had.counted))
            ):
                self._pick(*self._left_of_stored(self.row), STORED)
            self._pick_popular()
        self._pick(*self._new(self._missing), CONTENT)
        untaken = self.model.untaken(self.allowed, self._missing)
        self._pick(untaken, np.zeros(len(untaken)), CONTENT)
        return tuple(self._listed())

    @property
    def _missing(self) -> int:
        return self.ask.n - len(self._picked)

    def _pick(self, numbers: Array, scores: Array, method: str) -> None:
        """Take the first of these that are missing, all of which are allowed; none of them comes again."""
        numbers, scores = numbers[: self._missing], scores[: self._missing]
        self._picked += [
            (number, score, method) for number, score in zip(numbers.tolist(), scores.tolist(), strict=True)
        ]
        self.allowed[numbers] = False

    def _stored_will_do(self) -> bool:
        """Pick from the stored list, if that is all that the model would give: the history need not be read for it."""
        if self.row is None or self.ask.include_seen or self.ask.popular:
            return False
        if self.model.folds and (
            self._newer or self._fewer or self.ask.filter != Filter(exclude=self.ask.filter.exclude)
        ):
            return False
        numbers, scores = self._left_of_stored(self.row)
        fresh = ~np.isin(numbers, self.newer.taken)
        numbers, scores = numbers[fresh], scores[fresh]
        # A list that ends early names everything that its user does not have: there is nothing left to score.
        if len(numbers) < self.ask.n and not self.model.stored(self.row)[2]:
            return False
        self.allowed[self.newer.taken] = False
        self._pick(numbers, scores, STORED)
        return True

    def _left_of_stored(self, row: int) -> tuple[Array, Array]:
        """What of a stored list is allowed."""
        numbers, scores, _ = self.model.stored(row)
        left = self.allowed[numbers]
        return numbers[left], scores[left]

    def _pick_scored(self, numbers: Array, values: Array) -> None:
        """Pick what the history scores, best first, and in their places (`new_items.places`) what nobody has taken."""
        at = new_items.places(self.ask.n, self.model.pack.about.new_item_share)
        new = self._new(len(at))[0] if len(at) else ()
        for place, number in zip(at.tolist(), new, strict=False):
            upto = place - len(self._picked)
            self._pick(numbers[:upto], values[:upto], FOLD_IN)
            numbers, values = numbers[upto:], values[upto:]
            if len(self._picked) < max(place, 1):
                break
            self._pick(np.array([number]), np.array([self._picked[-1][1]]), CONTENT)
        self._pick(numbers, values, FOLD_IN)

    def _pick_popular(self) -> None:
        """Pick what is taken most: of whom the model knows nothing, first in the category of what they took last."""
        if not self._picked and not self.ask.popular and (category := self._category_of_newest()):
            of_it = self.allowed & self.catalogue.mask(Filter(category=category))
            self._pick(*self.model.most_taken(of_it, self._missing), POPULAR)
        self._pick(*self.model.most_taken(self.allowed, self._missing), POPULAR)

    def _category_of_newest(self) -> str:
        """The main category of what the person took last; empty where that is not known."""
        newest = max(self._newer, key=lambda event: (event.timestamp, event.id), default=None)
        number = self.catalogue.number(newest.item_id) if newest else None
        return self.catalogue.category(number) if number is not None else ""

    def _new(self, n: int) -> tuple[Array, Array]:
        """The `n` items that nobody has taken which are best for the history; none where that cannot be told."""
        placement = self.model.placement if n > 0 else None
        had = self.had if placement else None
        user = placement.user(had.counted) if placement and had and len(had.counted) else None
        if placement is None or user is None:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        return placement.best(user, self.catalogue, self.allowed, n)

    def _listed(self) -> Iterator[Listed]:
        catalogue = self.catalogue
        reasons = self._reasons() if self.ask.explain else [()] * len(self._picked)
        by = self._brought_by() if self.ask.explain else {}
        for at, ((number, score, method), why) in enumerate(zip(self._picked, reasons, strict=True), 1):
            title, price = catalogue.title(number), catalogue.price(number)
            method = CONTENT if method == STORED and number >= self.model.n_items else method
            yield Listed(catalogue.item_id(number), at, score, method, title, price, why, by.get(number, ""))

    def _brought_by(self) -> dict[int, str]:
        """Picked item -> the member of a blend that brought it."""
        stored, folded = ([n for n, _, method in self._picked if method == way] for way in (STORED, FOLD_IN))
        found = {}
        if stored and self.row is not None:
            of_list = self.model.brought_to(self.row)
            found = {number: of_list[number] for number in stored if number in of_list}
        if folded and self.had is not None:
            found |= self.model.brought_to_history(self.had, folded)
        return found

    def _reasons(self) -> list[tuple[Share, ...]]:
        """Why each picked item is there; nothing for what is there whoever asks."""
        theirs = [number for number, _, method in self._picked if self._is_scored(number, method)]
        had = self.had if theirs else None
        found = iter(because.of_items(self.model, self.catalogue, had, theirs, REASONS) if had is not None else ())
        return [next(found, ()) if self._is_scored(number, method) else () for number, _, method in self._picked]

    def _is_scored(self, number: int, method: str) -> bool:
        """Whether an item is there for what the model made of the history."""
        return method in (STORED, FOLD_IN) and number < self.model.n_items
