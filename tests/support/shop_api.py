"""The storefront with stand-ins for its parts: a small catalogue, keys of every scope, and a record of what was told to whom."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from apiflask import APIFlask
from pydantic import SecretStr

from tidemark.errors import UnreachableError
from tidemark.serving.answers import Answer, Ask, Listed, Share
from tidemark.serving.filters import Filter
from tidemark.settings import Settings
from tidemark.storefront.app import create_app
from tidemark.storefront.erasures import DONE, PENDING, Erasure
from tidemark.storefront.experiments import OUTSIDE, Assignment
from tidemark.storefront.shop import Shop

MODEL = "20261124T101500-als"
MADE_AT = datetime(2026, 11, 24, 10, 15, tzinfo=UTC)
ITEMS = {f"item{number:02}": (f"Thing {number}", None if number == 7 else 5.0 + number) for number in range(40)}
HOSTILE_IDS = (
    "a/b",
    "a%2Fb",
    "a+b",
    "..",
    ".",
    "käse",
    "日本",
    "a/because/b",
    "100%",
    "/",
    "a//b",
    "x?y#z",
    "&=",
    "'\"<>",
)


def bearer(key: str = "tm_admin") -> dict[str, str]:
    """The header by which a request brings `key`."""
    return {"Authorization": f"Bearer {key}"}


@dataclass(frozen=True)
class Event:
    """An interaction as serving gives it."""

    id: str
    user_id: str
    item_id: str
    timestamp: datetime
    weight: float = 1.0
    rating: float | None = None
    event_type: str | None = "view"
    source: str = "stream"


class StandInServing:
    """Answers from `ITEMS`; notes what it was asked, and does as told: away, not ready."""

    def __init__(self) -> None:
        self.asked: list[Ask] = []
        self.changed = 0
        self.away = self.down = False
        self.histories: dict[str, list[Event]] = {}
        self.gone: set[str] = set()

    def erased(self, user_id: str) -> bool:
        """Those of `gone`."""
        return user_id in self.gone

    def _fail_if_away(self) -> None:
        if self.away:
            raise UnreachableError("MongoDB does not answer")

    def _answer(self, user_id: str | None, n: int, wanted: Filter, method: str, *, explain: bool = False) -> Answer:
        allowed = [
            (item_id, title, price)
            for item_id, (title, price) in ITEMS.items()
            if item_id not in wanted.exclude
            and (wanted.category is None or wanted.category == "Things")
            and (wanted.price_min is None or (price is not None and price >= wanted.price_min))
            and (wanted.price_max is None or (price is not None and price <= wanted.price_max))
        ][:n]
        because = (Share("item00", 1.0),) if explain else ()
        listed = tuple(
            Listed(item_id, position, 1 / position, method, title, price, because)
            for position, (item_id, title, price) in enumerate(allowed, 1)
        )
        return Answer(user_id, MODEL, method, MADE_AT, True, False, len(listed) < n, listed, self.version(user_id))

    def recommend(self, ask: Ask, model_id: str | None = None) -> Answer:
        """The first items that the filter allows."""
        self.asked.append(ask)
        return self._answer(ask.user_id, ask.n, ask.filter, "stored", explain=ask.explain)

    def version(self, user_id: str | None, model_id: str | None = None) -> str:
        """Changes with `changed`."""
        return f"{MODEL}.{self.changed}.1"

    def similar(self, item_id: str, n: int, wanted: Filter = Filter()) -> Answer:  # noqa: B008
        """The first items."""
        return self._answer(None, n, wanted, "similar")

    def popular(self, n: int, wanted: Filter = Filter()) -> Answer:  # noqa: B008
        """The first items."""
        return self._answer(None, n, wanted, "popular")

    def because(self, user_id: str, item_id: str) -> list[Share]:
        """Two shares."""
        self._fail_if_away()
        return [Share("item00", 0.75), Share("item01", 0.25)]

    def history(self, user_id: str, n: int = 50, before: tuple[datetime, str] | None = None) -> list[Event]:
        """Of `histories`, newest first."""
        self._fail_if_away()
        events = sorted(self.histories.get(user_id, ()), key=lambda e: (e.timestamp, e.id), reverse=True)
        return [e for e in events if before is None or (e.timestamp, e.id) < before][:n]

    def catalogue(self) -> Any:
        """What knows the items."""
        return SimpleNamespace(number=lambda item_id: list(ITEMS).index(item_id) if item_id in ITEMS else None)

    def models(self) -> list[dict[str, Any]]:
        """One."""
        return [{"model_id": MODEL, "status": "champion", "created_at": MADE_AT}]

    def ready(self) -> bool:
        """Unless it is `down`."""
        return not self.down

    def state(self) -> Any:
        """As of a worker that has done nothing yet."""
        return SimpleNamespace(
            model_id=MODEL, made_at=MADE_AT, tail_lag=0, fresh=True, swaps=1, swap_failures=0, catalogue_version=1
        )

    def close(self) -> None:
        """Nothing to close."""


class StandInInteractions:
    """Keeps what was sent, or is away."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, bytes]] = []
        self.away = False
        self.acknowledged = self.failed = 0

    def deliver(self, messages: Sequence[tuple[str, bytes]], patience: float = 5) -> None:
        """Keep them."""
        if self.away:
            raise UnreachableError("Kafka did not acknowledge them")
        self.messages += messages
        self.acknowledged += len(messages)

    def close(self) -> None:
        """Nothing to close."""


@dataclass
class StandInExposures:
    """Keeps what was shown."""

    lists: list[dict[str, Any]] = field(default_factory=list)
    sent: int = 0
    acknowledged: int = 0
    failed: int = 0
    overflowed: int = 0

    def shown(self, **told: Any) -> None:
        """Keep it."""
        self.lists.append(told)
        self.sent += 1

    def close(self) -> None:
        """Nothing to close."""


@dataclass(frozen=True, slots=True)
class Key:
    """What a key may do."""

    id: str
    scopes: frozenset[str]
    rate: int = 1_000

    def may(self, scope: str) -> bool:
        """Whether it has `scope`."""
        return scope in self.scopes or "admin" in self.scopes


class StandInKeys:
    """The keys of `KEYS`; `ahead`: seconds after which the next request is within the rate."""

    ahead = 0.0

    def check(self, text: str) -> Key | None:
        """The key, or None."""
        return KEYS.get(text)

    def wait(self, key: Key) -> float:
        """As set."""
        return self.ahead


class StandInErasures:
    """Keeps who is to be erased, and has done it when it is asked how far that is."""

    def __init__(self) -> None:
        self.there: dict[str, Erasure] = {}
        self.users: list[str] = []

    def ask(self, user_id: str) -> Erasure:
        """Keep it."""
        self.users.append(user_id)
        erasure_id = hashlib.sha256(user_id.encode("utf-8", "surrogatepass")).hexdigest()
        asked = Erasure(erasure_id, PENDING, MADE_AT, None, {}, {})
        self.there[erasure_id] = replace(asked, state=DONE, finished_at=MADE_AT, removed={"interactions": 3})
        return asked

    def get(self, erasure_id: str) -> Erasure | None:
        """Done by now."""
        return self.there.get(erasure_id)

    def close(self) -> None:
        """Nothing to close."""


class StandInDeleting:
    """Deletes what serving has, as the storefront does."""

    def __init__(self, serving: Any) -> None:
        self._serving = serving
        self.there: set[tuple[str, str]] = set()

    def delete(self, user_id: str, interaction_id: str) -> bool:
        """Out of the history."""
        if self._serving.away:
            raise UnreachableError("MongoDB does not answer")
        events = self._serving.histories.get(user_id, [])
        left = [event for event in events if event.id != interaction_id]
        if len(left) < len(events):
            self._serving.histories[user_id] = left
            self.there.add((user_id, interaction_id))
        return (user_id, interaction_id) in self.there


class StandInExperiments:
    """Gives everybody the same arm."""

    def __init__(self, assignment: Assignment = Assignment(OUTSIDE)) -> None:  # noqa: B008
        self.assignment, self.fallbacks = assignment, 0

    def assign(self, user_id: str | None, *, acting: object = None) -> Assignment:
        """As set, but for who is in none."""
        return Assignment(OUTSIDE) if user_id is None or acting else self.assignment

    def fell_back(self) -> None:
        """Counted."""
        self.fallbacks += 1

    def close(self) -> None:
        """Nothing to close."""


class StandInSigner:
    """Signs by a hash that says whose and where."""

    def sign(self, model_id: str | None, arm: str, placement: str, user_id: str, now: datetime) -> str:
        """A text."""
        return hashlib.sha256(f"{model_id} {arm} {placement} {user_id}".encode()).hexdigest()[:20]


KEYS = {f"tm_{scope}": Key(scope, frozenset([scope])) for scope in ("read", "write", "admin")}


def stand_in_shop(config: Settings | None = None, db: Any = None) -> Any:
    """A `Shop` of stand-ins, but for `db`."""
    parts: dict[str, Any] = {
        "serving": StandInServing(),
        "exposures": StandInExposures(),
        "interactions": StandInInteractions(),
        "signer": StandInSigner(),
        "keys": StandInKeys(),
        "experiments": StandInExperiments(),
        "erasures": StandInErasures(),
        **dict.fromkeys(("accounts", "sessions", "sign_ins")),
    }
    parts["deleting"] = StandInDeleting(parts["serving"])
    return Shop(config or Settings.model_construct(shop_secret=SecretStr("signed with this")), db=db, **parts)


def stand_in_app(shop: Shop) -> APIFlask:
    """The application over `shop`, which tells its errors to the test."""
    app = create_app(shop=shop)
    app.testing = False  # an error is a problem, as it is for a caller
    return app


def history(user_id: str, count: int) -> list[Event]:
    """`count` interactions, an hour apart."""
    return [
        Event(f"interactions-0-{number}", user_id, f"item{number % 40:02}", MADE_AT - timedelta(hours=number))
        for number in range(count)
    ]
