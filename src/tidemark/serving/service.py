"""Serving: the one door to everything that a person or a program gets now.

Made once in each worker; every method may be called by any thread. A stored answer touches neither MongoDB nor Kafka.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any

from tidemark.errors import UnreachableError
from tidemark.serving import because, changes, listing, similar, state, ways
from tidemark.serving.answers import POPULAR, Answer, Ask, Listed, Share
from tidemark.serving.catalogue import Catalogue
from tidemark.serving.deletions import Deletion, Deletions
from tidemark.serving.events import Event
from tidemark.serving.filters import OPEN, Filter
from tidemark.serving.folding import Model
from tidemark.serving.histories import PAUSE, Before, Histories
from tidemark.serving.kept_deletions import KeptDeletions
from tidemark.serving.kept_models import KeptModels
from tidemark.serving.loading import Live, Loader
from tidemark.serving.pack import Array
from tidemark.serving.packs import Packs
from tidemark.serving.repeating import Repeating
from tidemark.serving.state import State
from tidemark.serving.swaps import POLL, Swaps
from tidemark.settings import Settings, settings
from tidemark.storage import mongo
from tidemark.storage.patience import Breaker

Document = dict[str, Any]

log = logging.getLogger(__name__)

CHANGES_POLL = 1.0
"""Seconds between two looks at what was changed of items, at who was erased, and at what was deleted."""


class Serving:
    """What does this person get now?

    Args:
        config: the settings; those of the process, where not given.
    """

    def __init__(self, config: Settings | None = None) -> None:
        self._config = config = config or settings()
        self._db = mongo.unasked(config, patience=1)
        kept = KeptDeletions(config.packs_root, config.shop_secret.get_secret_value())
        self._deletions = Deletions(self._db, kept)
        self._histories = Histories(self._db, self._deletions)
        self._erased = changes.Erased(self._db, config)
        self._session_weight = config.weight_of_event[config.event_default]
        self._swaps = Swaps(Loader(config, self._db, Packs(config.packs_root), self._deletions), config.kept_models)
        self._kept = KeptModels(self._db, self._swaps.made_by)
        self._products = Breaker(PAUSE, or_refused=True)
        self._deleted = Breaker(PAUSE, or_refused=True)
        self._looked = threading.Event()
        self._nothing = Catalogue.of_documents([])
        self._repeating = (
            Repeating("erased and changed", self._look_at_changes, CHANGES_POLL),
            Repeating("swaps", self._swaps.look, POLL),
        )

    def start(self, patience: float = 10) -> None:
        """Begin to follow the registry, and wait until it is `ready` and knows who is erased; `patience` seconds at most.

        Where MongoDB is away, it is not waited for: those whom this host remembers are known.
        """
        for repeating in self._repeating:
            repeating.start()
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline and not (self.ready() and self._looked.is_set()):
            time.sleep(0.02)

    def close(self) -> None:
        """End it."""
        for repeating in self._repeating:
            repeating.close()
        self._swaps.close()
        self._db.client.close()

    def ready(self) -> bool:
        """Whether a question gets the answer that there is (`Swaps.ready`)."""
        return self._swaps.ready

    def state(self) -> State:
        """How it is now."""
        return state.of(self._swaps, len(self._erased))

    def recommend(self, ask: Ask, model_id: str | None = None) -> Answer:
        """What `ask` gets (`ways.answer`), from the live model or the kept model `model_id`.

        Where MongoDB is away, an answer that needs it is made without, and is `stale`. Before there is a model: no items.

        Raises:
            NoChampionError: `model_id` is not kept.
            PackError, UnreachableError: `model_id` is not the live model, and cannot be loaded now.
        """
        live = self._swaps.of(model_id)
        if live is None:
            return _nothing(ask)
        gone = ask.user_id is not None and ask.user_id in self._erased
        version, events = (0, ()) if gone or ask.user_id is None else _newer(live, ask.user_id)
        model, away = self._model_for(live, ask.user_id) if live.unpacked and not gone else (live.model, False)
        answer = ways.answer(
            ask,
            model,
            live.catalogue,
            events,
            lambda: self._histories.of(ask.user_id or "", events, version),
            tail_version=version,
            fewer=not gone and ask.user_id is not None and live.tail.fewer(ask.user_id),
            fresh=live.tail.fresh,
            erased=frozenset({ask.user_id or ""}) if gone else ways.NOBODY,
            session_weight=self._session_weight,
        )
        if away and not answer.stale:
            return answer._replace(stale=True, version=f"{answer.version}.{ways.STALE}")
        return answer

    def version(self, user_id: str, model_id: str | None = None) -> str:
        """What `Answer.version` would be of anything that is asked for the user now; a few microseconds.

        Raises:
            NoChampionError, PackError, UnreachableError: as `recommend`.
        """
        live = self._swaps.of(model_id)
        if live is None:
            return _NO_VERSION
        gone = user_id in self._erased
        newer = 0 if gone else live.tail.version(user_id)
        return ways.version(live.model_id, newer, live.catalogue.version, erased=gone)

    def similar(self, item_id: str, n: int, filter: Filter = OPEN) -> Answer:  # noqa: A002
        """The `n` items most like an item (`similar.similar`); none where the item is unknown."""
        return self._of_all(lambda live: _similar(live, item_id, n, live.catalogue.mask(filter)), n)

    def popular(self, n: int, filter: Filter = OPEN) -> Answer:  # noqa: A002
        """The `n` items that are taken most in the recent window."""
        return self._of_all(lambda live: listing.most_taken(live, n, filter), n)

    def new_items(
        self,
        n: int,
        categories: Sequence[str] = (),
        filter: Filter = OPEN,  # noqa: A002
        history: Sequence[Event] = (),
    ) -> Answer:
        """The `n` newest items, of any of `categories`, where some are given, for someone with this `history`
        (`listing.newest`)."""

        def listed(live: Live) -> Iterable[Listed]:
            had = live.model.read(history, live.catalogue) if history else None
            return listing.newest(live, n, categories, filter, had)

        return self._of_all(listed, n)

    def because(self, user_id: str, item_id: str) -> list[Share]:
        """The shares of a user's items in the score of an item, greatest first (`because.shares`).

        Raises:
            UnreachableError: MongoDB, which has the history, does not answer.
        """
        live = self._swaps.live
        if live is None or user_id in self._erased:
            return []
        version, events = _newer(live, user_id)
        return because.shares(live.model, live.catalogue, self._histories.of(user_id, events, version), item_id)

    def history(self, user_id: str, n: int = 50, before: Before | None = None) -> list[Event]:
        """The `n` newest events of a user before the place `before`, newest first (`Histories.page`).

        Raises:
            UnreachableError: MongoDB does not answer.
        """
        if user_id in self._erased:
            return []
        events = self.newer(user_id)
        if events:  # another worker may have deleted one of them just now
            with suppress(UnreachableError), self._deleted.asking():
                self._deletions.look()
            events = tuple(event for event in events if event.id not in self._deletions)
        return self._histories.page(user_id, n, before, events)

    def newer(self, user_id: str) -> tuple[Event, ...]:
        """What the user did since the live model, as it came: of it MongoDB may not know yet."""
        live = self._swaps.live
        return live.tail.of(user_id) if live else ()

    def deleted(self, deletion: Deletion) -> None:
        """Know of a deletion at once, and not only with the next look."""
        self._deletions.add([deletion])

    def erased(self, user_id: str) -> bool:
        """Whether the user is erased, and so to be treated as if they had never been here."""
        return user_id in self._erased

    def catalogue(self) -> Catalogue:
        """The items by the numbers of the live model; an empty one before there is a model."""
        live = self._swaps.live
        return live.catalogue if live else self._nothing

    def models(self) -> list[Document]:
        """The models that are kept, newest first (`KeptModels`)."""
        return self._kept.newest_first()

    def product(self, item_id: str) -> Document | None:
        """All that is known of a product, as in the collection `products`, the changes of `items` over it, `available`
        among it; where MongoDB is away, what the catalogue has. None where it is unknown."""
        try:
            with self._products.asking():
                product = self._db["products"].find_one({"_id": item_id})
                change = self._db["items"].find_one({"_id": item_id})
        except (UnreachableError, UnicodeEncodeError):
            return self._of_catalogue(item_id)
        if product is None and change is None:
            return self._of_catalogue(item_id)
        return {"available": True} | (product or {}) | (change or {})

    def _of_catalogue(self, item_id: str) -> Document | None:
        catalogue = self.catalogue()
        number = catalogue.number(item_id)
        if number is None:
            return None
        details = catalogue.details(number)
        return {
            "_id": item_id,
            "title": details.title,
            "brand": details.brand,
            "price": details.price,
            "main_category": details.category,
            "categories": list(details.categories),
            "images": [details.image] if details.image else [],
            "available": details.available,
        }

    def _model_for(self, live: Live, user_id: str | None) -> tuple[Model, bool]:
        """Of a model without a pack, the one with the user's list, and whether that could not be read."""
        if live.unpacked is None or user_id is None:
            return live.model, False
        try:
            return live.unpacked.of(user_id), False
        except UnreachableError:
            return live.model, True

    def _of_all(self, items: Callable[[Live], Iterable[Listed]], n: int) -> Answer:
        """An answer that is the same whoever asks."""
        live = self._swaps.live
        if live is None:
            return _nothing(Ask(n=n))
        listed = tuple(items(live))
        return Answer(
            None,
            live.model_id,
            listed[0].method if listed else POPULAR,
            live.model.made_at,
            live.tail.fresh,
            False,
            len(listed) < n,
            listed,
            ways.version(live.model_id, 0, live.catalogue.version),
        )

    def _look_at_changes(self) -> None:
        try:
            news = self._erased.look()
            self._deletions.look()
            if news:
                self._deletions.forget(self._erased)
            self._swaps.overlay()
        except UnreachableError as error:
            log.debug("%s", error)  # what is known holds on; `Swaps.pointer_seen_at` says since when
        finally:
            self._looked.set()


_NO_VERSION = "none"


def _nothing(ask: Ask) -> Answer:
    """What there is before there is a model."""
    return Answer(ask.user_id, None, POPULAR, None, False, False, True, (), _NO_VERSION)


def _newer(live: Live, user_id: str) -> tuple[int, tuple[Event, ...]]:
    """The version and the events of the tail of a user."""
    # The version first: with events that came in between, an answer is newer than its version says, never older.
    return live.tail.version(user_id), live.tail.of(user_id)


def _similar(live: Live, item_id: str, n: int, allowed: Array) -> Iterable[Listed]:
    number = live.catalogue.number(item_id)
    return () if number is None else similar.similar(live.model, live.catalogue, number, n, allowed)
