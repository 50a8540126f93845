"""The shop's pages over stand-ins: some 300 products in six categories, people of two tastes, sessions in memory.

    python -m tests.support.shop_stand_in 8099   # to look at it: presenter@shop.example, with PASSWORD

Its sign-in, its protection and its problems are the storefront's own; MongoDB and Kafka are not there.
"""

import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, ClassVar

from flask import Flask, g
from jinja2.bccache import Bucket, BytecodeCache
from pydantic import SecretStr

from tests.support.shop_api import StandInDeleting, StandInErasures, StandInExperiments
from tidemark.errors import UnreachableError
from tidemark.serving.answers import FOLD_IN, NEW, POPULAR, SIMILAR, STORED, Answer, Ask, Listed, Share
from tidemark.serving.events import Event
from tidemark.serving.filters import Filter
from tidemark.settings import Settings
from tidemark.storefront import (
    act_routes,
    erase_routes,
    history_routes,
    login,
    presenter_routes,
    problems,
    protection,
    shop_routes,
    sign_in_routes,
)
from tidemark.storefront.recommendation_ids import Signer
from tidemark.storefront.sessions import Session, later

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
ALL = Filter()
MODEL = "20261126T101500-0a1b2c3d"
CATEGORIES = ("Tea & Coffee", "Bread & Cereal", "Sweets", "Oil & Spice", "Preserves", "Drinks")
WORDS = (
    ("Assam", "Sencha", "Darjeeling", "Espresso", "Rooibos", "Oolong"),
    ("Rye", "Oat", "Spelt", "Muesli", "Granola", "Barley"),
    ("Caramel", "Nougat", "Praline", "Licorice", "Marzipan", "Truffle"),
    ("Saffron", "Olive", "Paprika", "Cumin", "Sesame", "Vanilla"),
    ("Apricot", "Quince", "Mustard", "Chutney", "Honey", "Plum"),
    ("Elderflower", "Ginger", "Tonic", "Cassis", "Birch", "Cider"),
)
KINDS = (
    "of the House",
    "Harvest Selection",
    "Reserve, Stone-Milled and Sun-Dried in Small Lots",
    "Classic",
    "No. 7",
    "Duo",
    "Breakfast",
    "After Dark",
)
PASSWORD = "wet sand at low tide"
PEOPLE = {
    "shopper@shop.example": ("shopper", "anna"),
    "new@shop.example": ("shopper", "newcomer"),
    "presenter@shop.example": ("presenter", "presenter"),
}
"""Email -> role and user_id."""


@dataclass(frozen=True)
class Item:
    """One product, as the catalogue knows it."""

    item_id: str
    title: str
    category: str
    price: float | None = None
    stars: float | None = None
    raters: int = 0
    brand: str = ""
    image: str = ""
    available: bool = True


def products() -> list[Item]:
    """Some 300; each seventh has no price, each fifth nobody rated."""
    made = []
    for number in range(288):
        group, word, kind = number % 6, number // 6 % 6, number // 36
        title = f"{WORDS[group][word]} {KINDS[kind]}"
        price = None if number % 7 == 6 else 2.5 + number * 37 % 900 / 10
        stars = None if number % 5 == 4 else 3 + number % 21 / 10
        made.append(
            Item(
                f"B{number:05}",
                title,
                CATEGORIES[group],
                price,
                stars,
                0 if stars is None else number * 7 % 1_500 + 1,
                "Halm & Sons",
            )
        )
    return made


class StandInCatalogue:
    """Products by number, as `serving.catalogue` has them."""

    def __init__(self, items: Sequence[Item]) -> None:
        self.items = list(items)
        self._number = {item.item_id: number for number, item in enumerate(self.items)}

    def __len__(self) -> int:
        return len(self.items)

    def number(self, item_id: str) -> int | None:
        """The number of an item."""
        return self._number.get(item_id)

    def __getattr__(self, name: str) -> Callable[[int], Any]:
        if name not in Item.__dataclass_fields__:
            raise AttributeError(name)
        # A column of numbers has no None: what nobody told is NaN there, or None, as the column is.
        return lambda number: getattr(self.items[number], name)

    def counts(self) -> dict[str, int]:
        """Category -> products."""
        names = [item.category for item in self.items]
        return {name: names.count(name) for name in dict.fromkeys(names)}

    def search(self, text: str, category: str | None, n: int, start: int) -> list[int]:
        """Those whose title holds every word."""
        words = text.casefold().split()
        found = [
            number
            for number, item in enumerate(self.items)
            if all(word in item.title.casefold() for word in words) and category in (None, item.category)
        ]
        return found[start : start + n]


class StandInServing:
    """Ranks the categories that somebody takes from first; what is `away` cannot be read."""

    def __init__(self, items: Sequence[Item], histories: dict[str, list[Event]], model: str | None = MODEL) -> None:
        self.known, self.histories, self.model = StandInCatalogue(items), histories, model
        self.away = False
        self.documents: dict[str, dict[str, Any]] = {}

    def _answer(self, items: Iterable[Item], n: int, wanted: Filter, method: str, **more: Any) -> Answer:
        allowed = [
            item
            for item in items
            if item.item_id not in wanted.exclude and wanted.category in (None, item.category) and item.available
        ][:n]
        listed = tuple(
            Listed(item.item_id, place, 1.2 / (place + 1), method, item.title, item.price, more.get("because", ()))
            for place, item in enumerate(allowed, 1)
        )
        return Answer(
            more.get("user_id"), self.model, method, NOW - timedelta(hours=3), True, False, len(listed) < n, listed, "1"
        )

    def recommend(self, ask: Ask, model_id: str | None = None) -> Answer:
        """Of the categories taken from."""
        if self.model is None:
            return self._answer([], ask.n, ask.filter, POPULAR)
        history = self.histories.get(ask.user_id or "", [])
        taken = {event.item_id for event in history}
        liked = [self.known.items[number].category for item in taken if (number := self.known.number(item)) is not None]
        if not liked:
            return self._answer(self.known.items, ask.n, ask.filter, POPULAR, user_id=ask.user_id)
        best = sorted(self.known.items, key=lambda item: (-liked.count(item.category), item.title, item.item_id))
        shares = [Share(event.item_id, 1 / len(history)) for event in history]
        return self._answer(
            [item for item in best if item.item_id not in taken],
            ask.n,
            ask.filter,
            FOLD_IN if len(history) % 2 else STORED,
            user_id=ask.user_id,
            because=tuple(shares) if ask.explain else (),
        )

    def similar(self, item_id: str, n: int, wanted: Filter = ALL) -> Answer:
        """Of the same category."""
        number = self.known.number(item_id) if self.model else None
        same = (
            [] if number is None else [i for i in self.known.items if i.category == self.known.items[number].category]
        )
        return self._answer([item for item in same if item.item_id != item_id], n, wanted, SIMILAR)

    def popular(self, n: int, wanted: Filter = ALL) -> Answer:
        """In the catalogue's order."""
        return self._answer(self.known.items if self.model else [], n, wanted, POPULAR)

    def new_items(
        self, n: int, categories: Sequence[str] = (), wanted: Filter = ALL, history: Sequence[Event] = ()
    ) -> Answer:
        """From its end."""
        new = [item for item in self.known.items[::-1] if not categories or item.category in categories]
        return self._answer(new if self.model else [], n, wanted, NEW)

    def version(self, user_id: str) -> str:
        """As many as there are events."""
        return str(len(self.histories.get(user_id, [])))

    def because(self, user_id: str, item_id: str) -> list[Share]:
        """What was taken of the same category, in equal parts."""
        if self.away:
            raise UnreachableError("MongoDB does not answer")
        category = {item.item_id: item.category for item in self.known.items}
        taken = {event.item_id for event in self.histories.get(user_id, [])}
        same = sorted(item for item in taken if category.get(item) == category.get(item_id) and item in category)
        return [Share(item, 1 / len(same)) for item in same]

    def history(self, user_id: str, n: int = 50, before: tuple[datetime, str] | None = None) -> list[Event]:
        """Newest first."""
        if self.away:
            raise UnreachableError("MongoDB does not answer")
        events = sorted(self.histories.get(user_id, []), key=lambda event: (event.timestamp, event.id), reverse=True)
        return [event for event in events if before is None or (event.timestamp, event.id) < before][:n]

    def catalogue(self) -> StandInCatalogue:
        """What knows the products."""
        return self.known

    def models(self) -> list[dict[str, Any]]:
        """The one."""
        return [{"_id": self.model, "dag": "retrain_recommender", "run_id": "manual__1"}] if self.model else []

    def product(self, item_id: str) -> dict[str, Any] | None:
        """What `documents` has."""
        return self.documents.get(item_id)

    def state(self) -> Any:
        """Which model is live."""
        return SimpleNamespace(model_id=self.model, made_at=NOW, fresh=True)


class StandInSessions:
    """Sessions in memory, each change seen at once."""

    def __init__(self) -> None:
        self.there: dict[str, Session] = {}

    def begin(
        self, account: str, role: str, user_id: str, user_agent: str = "", instead_of: str = ""
    ) -> tuple[str, Session]:
        """A session, whose cookie bears its key."""
        key = f"{len(self.there):043}"
        ends = datetime.now(UTC) + timedelta(days=1)
        self.there[key] = Session(key, account, role, user_id, NOW, NOW, ends, user_agent, "c" * 64, None, (), (), 0)
        return later(key, self.there[key]), self.there[key]

    def find(self, cookie: str) -> Session | None:
        """The session of a cookie."""
        return self.there.get(cookie.partition(".")[0])

    def end(self, cookie: str) -> None:
        """Forget it."""
        self.there.pop(cookie.partition(".")[0], None)

    def _changed(self, session: Session, **fields: Any) -> Session:
        now = replace(self.there[session.key], revision=session.revision + 1, **fields)
        self.there[session.key] = now
        return now

    def put_in_basket(self, session: Session, item_id: str, recommendation_id: str = "") -> Session:
        """Into the basket."""
        came = ((item_id, recommendation_id),) if recommendation_id else ()
        return self._changed(
            session,
            basket=(*(item for item in session.basket if item != item_id), item_id),
            origins=(*(one for one in session.origins if one[0] != item_id), *came),
        )

    def take_from_basket(self, session: Session, item_ids: Sequence[str]) -> Session:
        """Out of it."""
        return self._changed(session, basket=tuple(item for item in session.basket if item not in item_ids))

    def exclude(self, session: Session, item_id: str) -> Session:
        """Not for them."""
        return self._changed(session, not_for_me=(*session.not_for_me, item_id))

    def include(self, session: Session, item_id: str) -> Session:
        """For them after all."""
        return self._changed(session, not_for_me=tuple(item for item in session.not_for_me if item != item_id))

    def act_as(self, session: Session, user_id: str | None) -> Session:
        """Shop as another."""
        return self._changed(session, acting=user_id, basket=(), not_for_me=(), origins=())


@dataclass
class StandInInteractions:
    """Keeps what was sent, or is away."""

    sent: list[tuple[str, bytes]] = field(default_factory=list)
    away: bool = False

    def send(self, key: str, value: bytes) -> None:
        """Keep it."""
        self.deliver([(key, value)])

    def deliver(self, messages: Sequence[tuple[str, bytes]], patience: float = 5) -> None:
        """Keep them."""
        if self.away:
            raise UnreachableError("Kafka does not answer")
        self.sent += messages


@dataclass
class StandInExposures:
    """Keeps what was shown; Kafka has it at once."""

    lists: list[dict[str, Any]] = field(default_factory=list)

    def shown(self, **told: Any) -> None:
        """Keep it."""
        self.lists.append(told)

    def report(self, recommendation_id: str) -> Any:
        """Where Kafka has it."""
        for offset, told in enumerate(self.lists):
            if told["recommendation_id"] == recommendation_id:
                return SimpleNamespace(partition=1, offset=41_000 + offset, at=NOW)
        return None


@dataclass
class StandInCollection:
    """Documents that every question finds, in the order that they have."""

    documents: list[dict[str, Any]] = field(default_factory=list)

    def find(self, *_: Any) -> "StandInCollection":
        """All of them."""
        return self

    def sort(self, *_: Any) -> "StandInCollection":
        """As they are."""
        return self

    def limit(self, n: int) -> list[dict[str, Any]]:
        """The first."""
        return self.documents[:n]

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.documents)


def stand_in_database(histories: dict[str, list[Event]]) -> dict[str, StandInCollection]:
    """A database with the interactions of some histories, and no more."""
    interactions = [
        {"user_id": event.user_id, "item_id": event.item_id, "timestamp": event.timestamp}
        for events in histories.values()
        for event in events
    ]
    return defaultdict(StandInCollection, interactions=StandInCollection(interactions))


def event(user_id: str, item_id: str, number: int, event_type: str | None = "purchase", **more: Any) -> Event:
    """One event, the higher its number the newer."""
    weights = {"view": 1.0, "click": 2.0, "wish": 3.0, "cart": 4.0, "purchase": 5.0, None: 1.0}
    told = {"id": f"interactions-0-{number}", "rating": None, "weight": weights[event_type], "source": "stream"} | more
    at = NOW - timedelta(days=30) + timedelta(hours=number)
    return Event(user_id=user_id, item_id=item_id, timestamp=at, event_type=event_type, **told)


def histories() -> dict[str, list[Event]]:
    """Anna takes tea, and rated some of it; Ben bakes, Cleo has a sweet tooth; others take a little of all."""
    taken = {
        "anna": [
            event("anna", f"B{number * 6:05}", number, "purchase" if number % 3 else "wish") for number in range(9)
        ],
        "ben": [event("ben", f"B{number * 6 + 1:05}", 40 + number, "purchase") for number in range(5)],
        "cleo": [event("cleo", f"B{number * 6 + 2:05}", 50 + number, "purchase") for number in range(4)],
    }
    taken["anna"] += [
        event("anna", "B00003", 20, None, rating=5.0, source="review"),
        event("anna", "B00009", 21, "view"),
    ]
    for number in range(6):
        user = f"user{number}"
        taken[user] = [event(user, f"B{number * 11 + place:05}", 60 + number, "view") for place in range(number + 1)]
    return taken


@dataclass
class StandInShop:
    """What the pages find in `app.extensions`."""

    serving: StandInServing
    config: Settings
    db: Any
    sessions: StandInSessions = field(default_factory=StandInSessions)
    exposures: StandInExposures = field(default_factory=StandInExposures)
    experiments: StandInExperiments = field(default_factory=StandInExperiments)
    interactions: StandInInteractions = field(default_factory=StandInInteractions)
    signer: Signer = field(default_factory=lambda: Signer("a secret of the tests"))
    erasures: StandInErasures = field(default_factory=StandInErasures)
    deleting: StandInDeleting = field(init=False)

    def __post_init__(self) -> None:
        self.deleting = StandInDeleting(self.serving)


def stand_in_shop(items: Sequence[Item] | None = None, **more: Any) -> StandInShop:
    """A shop of `items`; `more` is as `StandInServing` takes it."""
    taken = more.pop("histories", None)
    taken = histories() if taken is None else taken
    config = Settings(shop_secret=SecretStr("a secret of the tests"))
    return StandInShop(
        StandInServing(products() if items is None else items, taken, **more), config, stand_in_database(taken)
    )


class _Compiled(BytecodeCache):
    """Templates that were compiled once are not compiled again for the next application."""

    there: ClassVar[dict[str, bytes]] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """What was compiled of this very source."""
        if code := self.there.get(bucket.key + bucket.checksum):
            bucket.bytecode_from_string(code)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep it."""
        self.there[bucket.key + bucket.checksum] = bucket.bytecode_to_string()


def stand_in_app(shop: StandInShop) -> Flask:
    """The pages over `shop`, signed in to by any of `PEOPLE` and `PASSWORD`."""
    app = Flask("tidemark.storefront")
    app.jinja_options = {"bytecode_cache": _Compiled()}
    app.extensions["tidemark"] = shop

    def check(email: str, password: str) -> Any:
        role, user_id = PEOPLE.get(email, ("", ""))
        return SimpleNamespace(email=email, role=role, user_id=user_id) if role and password == PASSWORD else None

    nothing = SimpleNamespace(attempt=lambda *_: None, succeeded=lambda *_: None, not_looked_at=lambda *_: None)
    login.install(app, shop.config, SimpleNamespace(check=check), shop.sessions, nothing)  # type: ignore[arg-type]
    protection.protect(app, shop.config)
    problems.handle(app)
    app.before_request(lambda: setattr(g, "request_id", "request-1"))
    for routes in (shop_routes, act_routes, history_routes, erase_routes, presenter_routes, sign_in_routes):
        app.register_blueprint(routes.blueprint)
    return app


if __name__ == "__main__":
    from werkzeug.serving import run_simple

    run_simple("127.0.0.1", int(sys.argv[1]), stand_in_app(stand_in_shop()), threaded=True)
