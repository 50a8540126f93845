"""Loading: how a model of the registry becomes one that answers: its pack mapped, its catalogue, and the tail after it."""

import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from pymongo.database import Database

from tidemark.errors import NoChampionError, TidemarkError, UnreachableError
from tidemark.registry import champion, entries
from tidemark.serving import changes, pack
from tidemark.serving.catalogue import Catalogue
from tidemark.serving.changes import Seen
from tidemark.serving.deletions import Deletions
from tidemark.serving.filters import Filter
from tidemark.serving.folding import Model
from tidemark.serving.pack_contents import About
from tidemark.serving.packs import Packs
from tidemark.serving.tail import Tail
from tidemark.serving.unpacked import Unpacked
from tidemark.settings import Settings
from tidemark.storage.patience import brief
from tidemark.stream.bookmark import Bookmark

log = logging.getLogger(__name__)

REGISTRY, HOST, MONGODB = "registry", "host", "mongodb"
"""Where a model's answers come from: the pack that the registry names; one that this host had while nobody could say which
is live; the collection of its lists, without a pack."""

CATCHING_UP = 5.0
"""Seconds that a model waits, before it goes live, for its tail to have caught up."""
NO_WAIT = 0.5
"""The same for one that is to answer because servers are away."""
ASKING = 2.0
"""Seconds that the registry may take to answer."""


@dataclass(frozen=True)
class Live:
    """A model that answers. It never changes: a reader who holds one has one model, one catalogue, one tail.

    Args:
        model: it, ready.
        catalogue: the items by the numbers of the model, the changes up to `seen` over them.
        tail: what came after its snapshot.
        pack_from: `REGISTRY`, `HOST` or `MONGODB`.
        known: items that the catalogue had without changes; those with greater numbers came since.
        seen: how far the changes of items were read.
        unpacked: where its lists are, if it has no pack.
        final: whether it is all that can be had of its model; a stand-in is tried to be replaced.
    """

    model: Model
    catalogue: Catalogue
    tail: Tail
    pack_from: str
    known: int
    seen: Seen = field(default_factory=Seen)
    unpacked: Unpacked | None = None
    final: bool = True

    @property
    def model_id(self) -> str:
        """The model's id."""
        return self.model.model_id

    @property
    def about(self) -> About:
        """What the pack is of."""
        return self.model.pack.about


class Loader:
    """Makes models answer.

    Args:
        config: the settings.
        db: the platform's database.
        packs: this host's packs.
        deletions: what users deleted.
    """

    def __init__(self, config: Settings, db: Database[dict[str, Any]], packs: Packs, deletions: Deletions) -> None:
        self._config, self._db, self._packs, self._deletions = config, db, packs, deletions

    @cached_property
    def _bookmark(self) -> Bookmark:
        """A way to ask Kafka about the topic, which all tails share."""
        return Bookmark(self._config, timeout=2)

    def pointer(self) -> str | None:
        """The model that is live by the registry; None before the first publication.

        Raises:
            UnreachableError: MongoDB does not answer.
        """
        with brief(ASKING, or_refused=True):
            return champion.model_id(self._db)

    def load(self, model_id: str, catching_up: float = CATCHING_UP) -> Live:
        """A model of the registry: by its pack, or without, where it never had one.

        Args:
            model_id: any that is kept.
            catching_up: seconds that its tail is waited for.

        Raises:
            NoChampionError: it is not kept.
            PackError: its pack is not there, or not as it was published, or this host has no room for it.
            UnreachableError: MongoDB or where the packs are does not answer.
        """
        document = self._document(model_id)
        named = document.get("pack")
        if not named:
            return self._unpacked(document, catching_up, final=True)
        folder = self._packs.fetch(named["path"], model_id, named["sha256"])
        return self._ready(Model.of(pack.read(folder)), REGISTRY, catching_up)

    def stand_in(self, model_id: str) -> Live:
        """A model whose pack cannot be had, by its lists in MongoDB.

        Raises:
            NoChampionError: it is not kept.
            UnreachableError: MongoDB does not answer.
        """
        return self._unpacked(self._document(model_id), CATCHING_UP, final=False)

    def of_host(self) -> Live | None:
        """The newest model whose pack is whole on this host, for when nobody can say which is live; None without any."""
        for model_id in reversed(self._packs.there()):
            try:
                folder = self._packs.fetch("", model_id)  # from nowhere: what is there and whole, or nothing
                return self._ready(Model.of(pack.read(folder)), HOST, NO_WAIT)
            except TidemarkError as error:
                log.warning("the pack of model %s on this host cannot be used: %s", model_id, error)
        return None

    def with_changes(self, live: Live) -> Live:
        """`live`, with what was changed of the items since it was last looked at; itself where nothing was.

        Raises:
            UnreachableError: MongoDB does not answer.
        """
        new, seen = changes.of_items(self._db, live.seen)
        if not new:
            return live
        return replace(live, catalogue=live.catalogue.with_changes(new), seen=seen)

    def staying(self) -> set[str]:
        """Models whose packs must stay on this host.

        Raises:
            UnreachableError: MongoDB does not answer.
        """
        with brief(ASKING, or_refused=True):
            return champion.staying(self._db, self._config.kept_models)

    def drop_packs(self, keep: set[str]) -> list[str]:
        """Remove the packs of all other models from this host; gives those that went."""
        return self._packs.drop(keep)

    def _document(self, model_id: str) -> Mapping[str, Any]:
        with brief(ASKING, or_refused=True):
            if model_id not in champion.recommended(self._db):
                raise NoChampionError(f"model {model_id[:80]!r} is not kept, so it cannot answer")
            return entries.get(self._db, model_id)

    def _ready(self, model: Model, pack_from: str, catching_up: float) -> Live:
        catalogue = Catalogue.of(model.pack)
        # The pack was written after its model was made, with the changes that there were by then.
        seen = Seen(model.made_at)
        return self._warm(
            Live(model, catalogue, self._tail(model.pack.about), pack_from, len(catalogue), seen), catching_up
        )

    def _unpacked(self, document: Mapping[str, Any], catching_up: float, *, final: bool) -> Live:
        unpacked = Unpacked(self._db, document)
        model, catalogue = unpacked.model, unpacked.catalogue
        seen = Seen(model.made_at)
        tail = self._tail(model.pack.about)
        return self._warm(
            Live(model, catalogue, tail, MONGODB, len(catalogue), seen, unpacked, final=final), catching_up
        )

    def _tail(self, about: About) -> Tail:
        return Tail(
            self._config,
            about.next_offsets,
            about.topic_id,
            bookmark=self._bookmark,
            db=self._db,
            deletions=self._deletions,
            # The newest interaction that it saw: whatever was deleted later, it had.
            since=min(about.cut, about.made_at),
        )

    def _warm(self, live: Live, catching_up: float) -> Live:
        """Let nobody's first answer pay for what all need, or miss what was changed; and the tail catch up."""
        try:
            if live.pack_from != HOST:  # there, MongoDB is away
                with suppress(UnreachableError):  # the next look has them
                    live = self.with_changes(live)
            live.model.most_taken(live.catalogue.mask(Filter()), 1)
            live.model.warm()
            live.tail.wait(catching_up)
        except BaseException:
            live.tail.close()
            raise
        return live
