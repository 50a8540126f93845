"""Which shelves "For you" has for one person, each with its reason; no product is on two of them.

What is on a shelf is taken out of the question for the next one, so that a shelf is full where the catalogue has enough.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tidemark.errors import UnreachableError
from tidemark.serving.answers import CONTENT, NEIGHBOURS, POPULAR, SIMILAR, Answer, Ask, Share
from tidemark.serving.events import STREAM
from tidemark.serving.filters import Filter
from tidemark.storefront.experiments import OUTSIDE

if TYPE_CHECKING:
    from tidemark.serving.events import Event
    from tidemark.serving.service import Serving

FOR_YOU, BECAUSE, CATEGORY, NEW, POPULAR_NOW = "for_you", "because", "category", "new", "popular"
"""The kinds of shelves; they are the placements that a recommendation is counted under, too."""

FIRST, OTHER = 12, 6
"""Products on the first shelf, and on each of the others."""
STRONGEST = 2
"""Items of the history that get a shelf of their own."""
FAVOURITES = 3
"""Categories, the most taken first, that new products are looked for in."""
HISTORY = 500
"""Newest events that tell what somebody has and likes; the ways know the whole history, and need no help."""
LIKED_FROM = 3.0
"""Stars below which nothing is shown because of an item."""

ALIKE, SAME_CATEGORY = "Taken by much the same people.", "What most people take of the same kind."
"""Why products are beside another one: the model places them close to it, or does not know it well enough."""

_DID = {"purchase": "bought", "cart": "put in your basket", "wish": "wished for", "click": "chose", "view": "looked at"}


@dataclass(frozen=True)
class Shelf:
    """One shelf.

    Args:
        kind: which, as above.
        heading: its name; what it says of a product is in `subject`.
        subject: the title or category that the heading ends with; empty: none.
        reason: why these, in a sentence.
        answer: what is on it, and how it came about.
        milliseconds: how long that took.
        because: how much of the scores each item of the history brought, the most first.
        arm: of the experiment that made it.
    """

    kind: str
    heading: str
    subject: str
    reason: str
    answer: Answer
    milliseconds: float
    because: tuple[Share, ...] = ()
    arm: str = OUTSIDE


_WHY_ALIKE = {NEIGHBOURS: ALIKE, SIMILAR: ALIKE, CONTENT: "Described much like it."}
"""By the method of `similar`; everything else is of the same category."""


def did(event: "Event", kinds: Mapping[float, str] | None = None) -> str:
    """What somebody did, in the past tense: `bought`, `rated`; `took` where that is not known.

    Args:
        event: what was done.
        kinds: weight -> the type of event that alone counts that, for a message whose type was not kept. What a file
            brought is none: its weight says nothing.
    """
    if event.event_type is None and event.rating is not None:
        return "rated"
    weighed = (kinds or {}).get(event.weight, "") if event.source == STREAM else ""
    return _DID.get(event.event_type or weighed, "took")


def why_alike(answer: Answer) -> str:
    """Why the products of `Serving.similar` are beside another one."""
    return _WHY_ALIKE.get(answer.method, SAME_CATEGORY)


def kinds_by_weight(weight_of_event: Mapping[str, float]) -> dict[float, str]:
    """Weight -> the type of event that alone counts that: MongoDB keeps what an event counts, and not what it was."""
    kinds: dict[float, list[str]] = defaultdict(list)
    for kind, weight in weight_of_event.items():
        kinds[weight].append(kind)
    return {weight: named[0] for weight, named in kinds.items() if len(named) == 1}


def strongest(history: Iterable["Event"], n: int) -> list["Event"]:
    """Of the `n` items whose events weigh the most together (of equals the newer first), the weightiest event of each.

    What was rated below `LIKED_FROM` is none of them.
    """
    weight: dict[str, float] = defaultdict(float)
    best: dict[str, Event] = {}
    disliked = set()
    for event in history:
        if event.rating is not None and event.rating < LIKED_FROM:
            disliked.add(event.item_id)
        weight[event.item_id] += event.weight
        known = best.get(event.item_id)
        if known is None or (event.weight, event.timestamp) > (known.weight, known.timestamp):
            best[event.item_id] = event
    liked = [event for event in best.values() if event.item_id not in disliked]
    return sorted(liked, key=lambda event: (-weight[event.item_id], -event.timestamp.timestamp(), event.item_id))[:n]


def favourites(history: Iterable["Event"], category_of: Mapping[str, str]) -> list[str]:
    """The categories of the history, the one whose events weigh the most first.

    Args:
        history: events, in any order.
        category_of: item_id -> its main category; an item that is not in it, or has none, counts for nothing.
    """
    weight: dict[str, float] = defaultdict(float)
    for event in history:
        if category := category_of.get(event.item_id):
            weight[category] += event.weight
    return sorted(weight, key=lambda category: (-weight[category], category))


def shares(answer: Answer, n: int = 5) -> tuple[Share, ...]:
    """How much of the answer's scores the items of the history brought, the `n` largest: the mean over its items."""
    explained = [listed for listed in answer.items if listed.because]
    total: dict[str, float] = defaultdict(float)
    for listed in explained:
        for share in listed.because:
            total[share.item_id] += share.share / len(explained)
    return tuple(Share(item, total[item]) for item in sorted(total, key=lambda item: (-total[item], item))[:n])


def shelves(
    serving: "Serving",
    user_id: str,
    hidden: frozenset[str] = frozenset(),
    kinds: Mapping[float, str] | None = None,
    recommend: Callable[[Ask], tuple[Answer, str]] | None = None,
) -> list[Shelf]:
    """The shelves of `user_id`, in the order of the page; one that nothing is found for is left out.

    Args:
        serving: what answers. Where the history cannot be read now, there are the shelves that need none.
        user_id: whom for.
        hidden: item_ids that this person does not want to see.
        kinds: as `did` takes it.
        recommend: answers the first shelf, and says which arm it is of (`arms.recommend`); None: `serving`, in none.
    """
    shop, arm = _Page(serving, hidden), OUTSIDE

    def for_you(wanted: Filter) -> Answer:
        nonlocal arm
        ask = Ask(user_id, FIRST, filter=wanted, explain=True)
        answer, arm = recommend(ask) if recommend else (serving.recommend(ask), OUTSIDE)
        return answer

    first = shop.add(
        FOR_YOU, "For you", for_you, "Ranked for you from what you took before; what you did a moment ago counts."
    )
    history = _history(serving, user_id)
    strangers = first is not None and all(listed.method == POPULAR for listed in first.answer.items)
    if first is not None:
        first = replace(first, arm=arm)
        shop.made[0] = _for_a_stranger(first, known=bool(history)) if strangers else first
    shop.out |= {event.item_id for event in history}
    for event in strongest(history, STRONGEST):
        shop.because(event, did(event, kinds))
    liked = favourites(history, shop.categories(history))
    if liked:
        shop.popular_in(liked[0])
    shop.add(
        NEW,
        "New here",
        lambda wanted: serving.new_items(OTHER, liked[:FAVOURITES], wanted, history),
        "Products that came lately, or that nobody has taken yet, from the categories you like."
        if liked
        else "Products that came lately.",
    )
    if not strangers:
        shop.add(
            POPULAR_NOW,
            "Popular now",
            lambda wanted: serving.popular(OTHER, wanted),
            "What most people take in these days.",
        )
    return shop.made


def _history(serving: "Serving", user_id: str) -> Sequence["Event"]:
    try:
        return serving.history(user_id, HISTORY)
    except UnreachableError:
        return []


def _for_a_stranger(shelf: Shelf, *, known: bool) -> Shelf:
    """The first shelf, said as it is: nothing on it is about this person."""
    reason = (
        "This is what most people take in these days, less what you have."
        if known and shelf.arm != OUTSIDE  # the arm that a model is compared with
        else "Nothing that you took is known to the model, so this is what most people take in these days."
        if known
        else "You are new here, so this is what most people take in these days. Buy or wish for something, and this page "
        "becomes yours within seconds."
    )
    return replace(shelf, heading="Popular now", reason=reason)


class _Page:
    """The shelves that there are, and what must not be on the next one."""

    def __init__(self, serving: "Serving", hidden: frozenset[str]) -> None:
        self.serving, self.catalogue = serving, serving.catalogue()
        self.out = set(hidden)
        self.made: list[Shelf] = []

    def add(
        self,
        kind: str,
        heading: str,
        ask: Callable[[Filter], Answer],
        reason: str,
        subject: str = "",
        because: tuple[Share, ...] = (),
    ) -> Shelf | None:
        """One more shelf with what `ask` answers under the filter that it is given; None where that is nothing."""
        start = time.perf_counter()
        answer = ask(Filter(exclude=frozenset(self.out)))
        took = (time.perf_counter() - start) * 1_000
        if not answer.items:
            return None
        self.out |= {listed.item_id for listed in answer.items}
        if reason == ALIKE:
            reason = why_alike(answer)
        shelf = Shelf(kind, heading, subject, reason, answer, took, because or shares(answer))
        self.made.append(shelf)
        return shelf

    def because(self, event: "Event", did: str) -> None:
        """The shelf of what is like one item of the history, with which this was done; none where it is unknown here."""
        number = self.catalogue.number(event.item_id)
        if number is None:
            return
        self.add(
            BECAUSE,
            f"Because you {did}",
            lambda wanted: self.serving.similar(event.item_id, OTHER, wanted),
            ALIKE,
            self.catalogue.title(number) or event.item_id,
            (Share(event.item_id, 1.0),),
        )

    def popular_in(self, category: str) -> None:
        """The shelf of the category that this person takes the most from."""
        self.add(
            CATEGORY,
            "Popular in",
            lambda wanted: self.serving.popular(OTHER, replace(wanted, category=category)),
            "What most people take in these days, in the category you take the most from.",
            category,
        )

    def categories(self, history: Iterable["Event"]) -> dict[str, str]:
        """item_id -> main category of what the history has and the catalogue knows."""
        numbers = {event.item_id: self.catalogue.number(event.item_id) for event in history}
        return {item: self.catalogue.category(number) for item, number in numbers.items() if number is not None}
