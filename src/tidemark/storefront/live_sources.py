"""What the live process follows: one follower of Kafka's two topics, and looks at the tide, the registry, the items and
what users deleted.

Each look is a thread of its own, so that a server that is away holds up nothing but what only it can tell.
"""

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from confluent_kafka import Message
from pymongo.database import Database
from pymongo.errors import PyMongoError

from tidemark.errors import UnreachableError
from tidemark.interactions.from_messages import Interaction, Weights, parse
from tidemark.registry import champion
from tidemark.serving.deletions import Deletions
from tidemark.settings import Settings
from tidemark.storefront import live_steps
from tidemark.storefront.live_board import WINDOW, Board, model_rows, retrain
from tidemark.storefront.live_own import Own
from tidemark.stream import attribution, engagement_figures, topics
from tidemark.stream.bookmark import Bookmark
from tidemark.stream.following import Follower

log = logging.getLogger(__name__)

EVERY = 1.0
"""Seconds between two looks at the tide, at the pointer and at withdrawn items."""
RETRAIN_EVERY = 2.0
"""Seconds between two looks at the newest retrain's run folder."""
SELDOM = 5
"""As many of these between two looks at models, their click-through and titles."""
MODELS = 5
"""Models that are shown, the newest."""
OVERLAP = timedelta(seconds=5)
"""How far a look at changed items goes back before the last one: clocks differ."""

Document = dict[str, Any]


class Look:
    """Something that is done again and again by a thread; a server that is away is said once.

    Args:
        name: of the thread.
        do: what is done.
        every: seconds from one time to the next.
    """

    def __init__(self, name: str, do: Callable[[], None], every: float = EVERY) -> None:
        self._do, self._every = do, every
        self._closing = threading.Event()
        self.problem = ""
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """Do it no more; does not wait for a server that is away."""
        self._closing.set()
        self._thread.join(1)

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                self._do()
                self.problem = ""
            except (UnreachableError, PyMongoError) as error:
                if type(error).__name__ != self.problem:
                    log.warning("%s: %s", self._thread.name, str(error)[:300])
                self.problem = type(error).__name__
            except Exception as error:  # the page then shows what it knew
                log.exception("%s failed", self._thread.name)
                self.problem = type(error).__name__
            self._closing.wait(self._every)


class Sources:
    """All of them, telling a board and everybody's own.

    Args:
        config: the settings.
        db: the platform's database; not asked before `start`.
        board, own: what is told.
    """

    def __init__(self, config: Settings, db: Database[Document], board: Board, own: Own) -> None:
        self._config, self._db, self._board, self._own = config, db, board, own
        self._weights = Weights(config.weight_of_event, config.event_default)
        self.follower = Follower(config, (topics.INTERACTIONS, topics.RECOMMENDATIONS), self.told)
        self._bookmark: Bookmark | None = None
        self._lag: int | None = None
        self._champion: str | None = None
        self._looks = 0
        self._since = datetime.now(UTC)
        self._gone: dict[str, datetime] = {}
        self._deletions, self._told_deletions = Deletions(db), -1
        self._seeded = False
        self._all = (
            Look("tide", self.look_at_tide),
            Look("registry", self.look_at_registry),
            Look("retrain", self.look_at_retrain, RETRAIN_EVERY),
        )

    def start(self) -> None:
        """Begin; waits for no server."""
        self.follower.start()
        for look in self._all:
            look.start()

    def close(self) -> None:
        """End."""
        for look in self._all:
            look.close()
        self.follower.close()

    def told(self, topic: str, message: Message) -> None:
        """One message of either topic."""
        at = datetime.fromtimestamp(message.timestamp()[1] / 1000, UTC)
        partition, offset = message.partition() or 0, message.offset() or 0
        if topic == topics.RECOMMENDATIONS:
            shown = attribution.exposure(message.value())
            if shown is not None:
                self._board.shown(shown)
                self._own.shown(shown, partition, offset)
            return
        parsed = parse(message.value(), topic, partition, offset, at, self._weights)
        if isinstance(parsed, Interaction):
            self._board.interaction(parsed.item_id, at.timestamp())
            self._own.acted(parsed.user_id, parsed.item_id)

    def look_at_tide(self) -> None:
        """The lag against the mark; raises UnreachableError where Kafka is away, which the page then shows."""
        try:
            if self._bookmark is None:
                self._bookmark = Bookmark(self._config, timeout=5)
            self._lag = self._bookmark.lag().total
        except UnreachableError:
            self._lag = None
            raise
        finally:
            self._board.tell("tide", {"lag": self._lag, "mark": self._config.retrain_mark})

    def look_at_registry(self) -> None:
        """The pointer, withdrawn items and deletions; now and then models, their click-through, and titles."""
        if not self._seeded:
            newest = self._db["interactions"].find({}, {"item_id": 1}).sort("timestamp", -1).limit(WINDOW)
            self._board.seed(reversed([each["item_id"] for each in newest]))
            self._seeded = True
        pointer = champion.pointer(self._db)
        moved = pointer is not None and pointer["model_id"] != self._champion
        if pointer is not None and moved:
            if self._champion is not None:
                self._own.champion(pointer["model_id"])
            self._champion = pointer["model_id"]
        self._board.tell("champion", pointer and _told_pointer(pointer))
        self._withdrawn()
        self._deleted()
        if moved or self._looks % SELDOM == 0:
            self._models()
            self._board.titled(titles(self._db, self._board.top()))
        self._looks += 1

    def look_at_retrain(self) -> None:
        """The steps of the newest retrain; nothing is told of them where the artifacts cannot be read."""
        try:
            self._board.tell("steps", live_steps.of_newest(self._db, self._config.artifacts_root))
        except OSError as error:
            self._board.tell("steps", None)
            raise UnreachableError(f"the artifacts cannot be read ({type(error).__name__})") from None

    def _models(self) -> None:
        fields = {"engine": 1, "status": 1, "created_at": 1}
        newest = list(self._db["models"].find({}, fields).sort("_id", -1).limit(MODELS))
        rates = engagement_figures.by_model(self._db)
        self._board.tell("models", model_rows(newest, rates, self._champion))
        first = newest[0] if newest else None
        self._board.tell("retrain", retrain(self._lag, self._config.retrain_mark, first, self._champion))

    def _withdrawn(self) -> None:
        now = datetime.now(UTC)
        query = {"updated_at": {"$gte": self._since}, "available": False}
        gone = {each["_id"]: each["updated_at"] for each in self._db["items"].find(query, {"updated_at": 1})}
        new = [item_id for item_id, at in gone.items() if self._gone.get(item_id) != at]
        if new:
            self._own.withdrawn(new)
        self._gone, self._since = gone, now - OVERLAP

    def _deleted(self) -> None:
        """Tell of what was deleted since the first look, which is no news."""
        self._deletions.look()
        if self._told_deletions >= 0:
            for deletion in self._deletions.after(self._told_deletions):
                self._own.deleted(deletion.user_id, deletion.id)
        self._told_deletions = len(self._deletions)


def _told_pointer(pointer: Document) -> Document:
    moved = pointer.get("moved_at")
    return {
        "model_id": pointer["model_id"],
        "previous": pointer.get("previous"),
        "moved_at": moved.isoformat() if isinstance(moved, datetime) else None,
    }


def titles(db: Database[Document], item_ids: list[str]) -> dict[str, str]:
    """item_id -> title, of those that have one; what programs say of an item lies over what was loaded."""
    found: dict[str, str] = {}
    for collection in ("products", "items"):
        for each in db[collection].find({"_id": {"$in": item_ids}}, {"title": 1}):
            if each.get("title"):
                found[each["_id"]] = each["title"]
    return found
