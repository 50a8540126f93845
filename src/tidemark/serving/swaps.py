"""Swaps: which model answers. It follows the registry's pointer, and nobody who asks waits for it.

| what it finds | what it does |
|---|---|
| the pointer names another model | loads it beside the one that answers, and puts it in its place by one assignment |
| that cannot be had | the one before answers on; counted, tried again after 1 s, 2 s, 4 s ... 60 s, and at once if the pointer moves |
| the same, and nothing answers yet | the model's lists in MongoDB stand in, or the newest pack of this host; the pack follows |
| MongoDB is away | what answers answers on; where nothing does yet, the newest pack of this host |
| there is no champion | nothing answers: there is nothing to recommend, and that is known |

A roll-back is a swap like any other: another model, and a tail from that model's offsets.
"""

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

from tidemark.errors import NoChampionError, PackError, TidemarkError, UnreachableError
from tidemark.serving.loading import MONGODB, Live

log = logging.getLogger(__name__)

POLL = 0.5
"""Seconds between two looks at the pointer."""
FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0
"""Seconds before a load that failed is tried again: the first time, and where it stops doubling."""
UNKNOWN_FOR = 5.0
"""Seconds in which a model that could not be had by its name is not asked for again."""
MOST_UNKNOWN = 1_000
"""Models that are remembered not to be had, at most: ids come from outside."""


class Loads(Protocol):
    """What loads models: `loading.Loader`."""

    def pointer(self) -> str | None:
        """The model that is live by the registry."""

    def load(self, model_id: str, catching_up: float = ...) -> Live:
        """A model of the registry."""

    def stand_in(self, model_id: str) -> Live:
        """A model whose pack cannot be had."""

    def of_host(self) -> Live | None:
        """The newest model of this host."""

    def with_changes(self, live: Live) -> Live:
        """`live` with what was changed since."""

    def staying(self) -> set[str]:
        """Models whose packs must stay."""

    def drop_packs(self, keep: set[str]) -> list[str]:
        """Remove the packs of all others."""


class Swaps:
    """The model that answers, and those that were asked for by name.

    `look` and `overlay` are each called by one thread, again and again; `live` and `of` by any.

    Args:
        loader: how models are loaded.
        most: models asked for by name that are held at once.
        clock: monotonic seconds.

    Attributes:
        live: the model that answers; None where none does. To be read once for each answer.
        no_champion: whether the registry said that there is none.
        pointer_seen_at: when the registry last answered, UTC; None: never.
        swaps: models that took the place of another one.
        failures: loads that failed; `problem` is the last one's reason, empty once the pointer's model answers.
        without_pack: models that went live without a pack.
    """

    def __init__(self, loader: Loads, most: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._loader, self._most, self._clock = loader, most, clock
        self._writing, self._mapping = threading.Lock(), threading.Lock()
        self._named: dict[str, Live] = {}
        self._unknown: dict[str, tuple[float, TidemarkError]] = {}
        self._failed: str | None = None
        self._wait = FIRST_WAIT
        self._again_at = float("-inf")
        self._before: str | None = None
        self.live: Live | None = None
        self.no_champion = False
        self.pointer_seen_at: datetime | None = None
        self.swaps = self.failures = self.without_pack = 0
        self.problem = ""

    @property
    def ready(self) -> bool:
        """Whether a question gets the answer that there is: a model answers, or it is known that there is none.

        Without a champion every answer is empty, and rightly so: a platform that has just been set up is not broken. Where
        MongoDB was never reached and this host has no pack, nobody can say; another worker may.
        """
        return self.live is not None or self.no_champion

    def look(self) -> None:
        """Look at the pointer, and follow it."""
        try:
            wanted = self._loader.pointer()
        except UnreachableError as error:
            if self.live is None and not self.no_champion:
                self._begin_with(self._loader.of_host, str(error))
            return
        self.pointer_seen_at = datetime.now(UTC)
        self.no_champion = wanted is None
        if wanted is None:
            if self.live is not None:
                self._put(None)
        elif self.live is None or self.live.model_id != wanted or not self.live.final:
            self._follow(wanted)
        else:
            self._failed, self.problem = None, ""

    def of(self, model_id: str | None) -> Live | None:
        """The model that answers; or one that is kept, by its name, which is loaded where it is first asked for.

        Raises:
            NoChampionError: it is not kept.
            PackError, UnreachableError: it cannot be loaded now.
        """
        live = self.live
        if model_id is None or (live is not None and live.model_id == model_id):
            return live
        return self._named.get(model_id) or self._load_named(model_id)

    def made_by(self, model_id: str) -> dict[str, str]:
        """`dag` and `run_id` of the Airflow run that made a model, where one that is held knows; else nothing."""
        for live in (self.live, self._named.get(model_id)):
            if live is not None and live.model_id == model_id and live.about.run_id:
                return {"dag": live.about.dag, "run_id": live.about.run_id}
        return {}

    def overlay(self) -> None:
        """Lay what was changed of the items over every catalogue that is held.

        Raises:
            UnreachableError: MongoDB does not answer.
        """
        for old in (self.live, *list(self._named.values())):
            if old is None:
                continue
            new = self._loader.with_changes(old)
            with self._writing:  # it may have been swapped meanwhile: then the next look has it
                if self.live is old:
                    self.live = new
                elif self._named.get(old.model_id) is old:
                    self._named[old.model_id] = new

    def close(self) -> None:
        """End what was begun; whoever holds a model may still ask it."""
        with self._writing:
            held = [live for live in (self.live, *self._named.values()) if live is not None]
            self.live, self._named = None, {}
        for live in held:
            live.tail.close()

    def _follow(self, wanted: str) -> None:
        if self._failed != wanted:
            self._failed, self._wait = None, FIRST_WAIT
        elif self._clock() < self._again_at:
            return
        try:
            new = self._named.get(wanted) or self._loader.load(wanted)
        except Exception as error:  # whatever is wrong with the new one, the old one answers on
            self.failures += 1
            self.problem = f"model {wanted} cannot be loaded: {error}"
            log.warning("%s; tried again in %g s", self.problem, self._wait)
            self._failed, self._again_at = wanted, self._clock() + self._wait
            self._wait = min(2 * self._wait, LONGEST_WAIT)
            if self.live is None:
                self._begin_with(lambda: self._loader.stand_in(wanted), self.problem)
            if self.live is None:
                self._begin_with(self._loader.of_host, self.problem)
            return
        self._failed, self.problem = None, ""
        self._put(new)
        self._tidy()

    def _begin_with(self, make: Callable[[], Live | None], why: str) -> None:
        """Let something answer, where nothing does."""
        try:
            found = make()
        except Exception as error:
            log.warning("nothing answers yet: %s", error)
            return
        if found is not None:
            log.warning("model %s answers, from %s: %s", found.model_id, found.pack_from, why)
            self._put(found)

    def _put(self, new: Live | None) -> None:
        """The one place where the model that answers becomes another."""
        loaded = new
        with self._writing:
            if new is not None:  # somebody may have asked for it by name meanwhile
                new = self._named.pop(new.model_id, new)
            old, self.live = self.live, new
        if loaded is not None and new is not None:
            if loaded.tail is not new.tail:
                loaded.tail.close()
            self.without_pack += new.pack_from == MONGODB
        if old is None:
            return
        self.swaps += 1
        self._before = old.model_id
        log.info("model %s answers, where %s did", new and new.model_id, old.model_id)
        # Whoever is at an answer still has the old one, whole: a tail that is closed keeps what it holds.
        old.tail.close()

    def _load_named(self, model_id: str) -> Live:
        with self._mapping:
            known, live = self._named.get(model_id), self.live
            if known is not None:
                return known
            if live is not None and live.model_id == model_id:
                return live
            until, why = self._unknown.get(model_id, (float("-inf"), None))
            if why is not None and self._clock() < until:
                raise type(why)(*why.args)
            try:
                new = self._loader.load(model_id, 0.0)  # a request waits: its tail catches up while it answers
            except (NoChampionError, PackError, UnreachableError) as error:
                if len(self._unknown) >= MOST_UNKNOWN:
                    self._unknown.clear()
                self._unknown[model_id] = self._clock() + UNKNOWN_FOR, error
                raise
            with self._writing:
                self._named[model_id] = new
                gone = [self._named.pop(name) for name in list(self._named)[: max(0, len(self._named) - self._most)]]
        for old in gone:
            old.tail.close()
        return new

    def _tidy(self) -> None:
        """Let go of the models that are no longer kept, and of their packs."""
        try:
            staying = self._loader.staying()
        except UnreachableError:
            return  # the next swap does it
        with self._writing:
            gone = [self._named.pop(name) for name in list(self._named) if name not in staying]
            held = {live.model_id for live in (self.live, *self._named.values()) if live is not None}
        for old in gone:
            old.tail.close()
        self._loader.drop_packs(staying | held | ({self._before} if self._before else set()))
