"""Experiments: which arm a user is in, what an experiment must look like, and the ones that run now.

An experiment gives each user one arm, by SHA-256 of its salt and the user: the same everywhere and at all times, without a
table. Only one runs at a time: two would each measure the other.
"""

import hashlib
import logging
import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo.database import Database
from pymongo.errors import PyMongoError

from tidemark.contracts import conformance
from tidemark.errors import BadInputError
from tidemark.registry import champion
from tidemark.serving.repeating import Repeating
from tidemark.storage import mongo

log = logging.getLogger(__name__)

COLLECTION, CONTRACT = "experiments", "experiment"
CHAMPION, POPULARITY = "champion", "popularity"
"""What an arm may name besides a kept model: whichever is live, and the recent window's most taken."""
OUTSIDE = "champion"
"""The arm of whoever is in no experiment."""
LONGEST = timedelta(days=90)
"""How long one may run: what is known of its users is kept a little longer."""
READ_AGAIN = 5.0
"""Seconds after which the running one is read again; while MongoDB is away the known one holds until its end."""


@dataclass(frozen=True)
class Arm:
    """One arm: `model` is `champion`, the id of a kept model, or `popularity`; `share` is of all users."""

    name: str
    model: str
    share: float


@dataclass(frozen=True)
class Experiment:
    """An experiment as it is stored; the first arm is what the others are compared with."""

    name: str
    arms: tuple[Arm, ...]
    salt: str
    start: datetime
    end: datetime
    planned: int
    stopped_at: datetime | None = None

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "Experiment":
        """The inverse of `document`."""
        arms = tuple(Arm(arm["name"], arm["model"], float(arm["share"])) for arm in document["arms"])
        rest = {name: document[name] for name in ("salt", "start", "end", "planned")}
        return cls(document["_id"], arms, **rest, stopped_at=document.get("stopped_at"))

    def document(self) -> dict[str, Any]:
        """As MongoDB keeps it, by the contract `experiment`."""
        return {
            "_id": self.name,
            "arms": [{"name": arm.name, "model": arm.model, "share": arm.share} for arm in self.arms],
            "salt": self.salt,
            "start": self.start,
            "end": self.end,
            "planned": self.planned,
            "stopped_at": self.stopped_at,
        }

    @property
    def ended_at(self) -> datetime:
        """When it gives arms no longer."""
        return min(self.end, self.stopped_at or self.end)

    def runs(self, now: datetime) -> bool:
        """Whether it gives arms at `now`."""
        return self.start <= now < self.ended_at

    def arm_of(self, user_id: str) -> Arm | None:
        """The user's arm; None for those that no arm has."""
        return arm_of(self.salt, self.arms, user_id)


@dataclass(frozen=True, slots=True)
class Assignment:
    """What a user gets.

    Args:
        arm: what is signed and counted: `<experiment>/<arm>`, or `champion` outside of one.
        model_id: a kept model; None: the champion.
        popularity: whether the most taken of the recent window is shown in place of a model's list.
    """

    arm: str
    model_id: str | None = None
    popularity: bool = False


_CHAMPION = Assignment(OUTSIDE)


def arm_of(salt: str, arms: Sequence[Arm], user_id: str) -> Arm | None:
    """The arm in whose part of [0, 1) the first 8 bytes of SHA-256(salt, 0, user_id) lie."""
    digest = hashlib.sha256(f"{salt}\0{user_id}".encode("utf-8", "surrogatepass")).digest()
    point, end = int.from_bytes(digest[:8], "big") / 2**64, 0.0
    for arm in arms:
        end += arm.share
        if point < end:
            return arm
    return arms[-1] if end > 1 - 1e-9 else None  # shares such as 1/3 add up to a little less than 1


def planned(
    name: str, arms: Sequence[Arm], start: datetime, end: datetime, users: int, *, salt: str = ""
) -> Experiment:
    """An experiment that may be stored.

    Args:
        name: lower case letters, digits, `_` and `-`.
        arms: at least two; the first is the one that the others are compared with.
        start, end: UTC; at most 90 days.
        users: how many each arm must have before anything is concluded.
        salt: made up where it is empty.

    Raises:
        BadInputError: it cannot be; the message says why.
    """
    made = Experiment(name, tuple(arms), salt or secrets.token_hex(16), start, end, users)
    wrong = conformance.reasons(CONTRACT, made.document())
    if len({arm.name for arm in arms}) < len(arms):
        wrong.append("two arms have the same name")
    if any(arm.share <= 0 for arm in arms) or sum(arm.share for arm in arms) > 1 + 1e-9:
        wrong.append("each arm needs a share over 0, and all of them together at most 1")
    if not timedelta(0) < end - start <= LONGEST:
        wrong.append(f"it must end after it starts, and within {LONGEST.days} days")
    if wrong:
        raise BadInputError(f"experiment {name!r}: {'; '.join(wrong)}")
    return made


def add(db: Database[dict[str, Any]], experiment: Experiment) -> None:
    """Store an experiment.

    Raises:
        BadInputError: the name is taken, another one runs at the same time, or an arm names a model that is not kept.
    """
    mongo.ensure(db, COLLECTION)
    for other in everything(db):
        if other.name == experiment.name:
            raise BadInputError(f"there is an experiment {other.name!r} already: names are used once")
        if other.start < experiment.end and experiment.start < other.ended_at:
            raise BadInputError(f"experiment {other.name!r} runs at that time, and only one may: stop it first")
    kept = champion.kept(db)
    for arm in experiment.arms:
        if arm.model not in (CHAMPION, POPULARITY, *kept):
            raise BadInputError(
                f"arm {arm.name!r}: {arm.model!r} is neither {CHAMPION}, {POPULARITY} nor a kept model: {', '.join(kept)}"
            )
    db[COLLECTION].insert_one(experiment.document())


def everything(db: Database[dict[str, Any]]) -> list[Experiment]:
    """All experiments, the newest start first."""
    return [Experiment.from_document(each) for each in db[COLLECTION].find().sort("start", -1)]


def get(db: Database[dict[str, Any]], name: str) -> Experiment:
    """One experiment.

    Raises:
        BadInputError: there is none of that name.
    """
    found = db[COLLECTION].find_one({"_id": name})
    if found is None:
        raise BadInputError(f"there is no experiment {name!r}")
    return Experiment.from_document(found)


def stop(db: Database[dict[str, Any]], name: str, now: datetime | None = None) -> Experiment:
    """End an experiment now; one that has ended stays as it is. Raises BadInputError where there is none of that name."""
    now, known = now or datetime.now(UTC), get(db, name)
    if known.ended_at > now:
        db[COLLECTION].update_one({"_id": name, "stopped_at": None}, {"$set": {"stopped_at": now}})
    return get(db, name)


class Experiments:
    """The running experiment, as a worker knows it: read every 5 s at most, by one thread while the others go on.

    Attributes:
        fallbacks: how often a user got the champion since the model of their arm could not be had.
        problem: why the running one could not be read, the last time; empty where it could.
    """

    def __init__(
        self, database: Callable[[], Database[dict[str, Any]]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`database` gives the platform's, when it is needed."""
        self._database, self._clock = database, clock
        self._running: Experiment | None = None
        self._read_at: float | None = None
        self._reading = threading.Lock()
        self.fallbacks, self.problem = 0, ""
        self._counting = threading.Lock()
        self._following: Repeating | None = None

    def follow(self) -> None:
        """Read the running one from now on in a thread, so that no request waits for MongoDB; until `close`."""
        self._following = Repeating("experiments", self._look, READ_AGAIN)
        self._following.start()

    def close(self) -> None:
        """Follow it no longer."""
        if self._following:
            self._following.close()

    def running(self, now: datetime | None = None) -> Experiment | None:
        """The one that runs now; None where none does."""
        if self._following is None and (self._read_at is None or self._clock() - self._read_at > READ_AGAIN):
            self._look(now)
        known = self._running
        return known if known is not None and known.runs(now or datetime.now(UTC)) else None

    def assign(self, user_id: str | None, *, acting: object = None, now: datetime | None = None) -> Assignment:
        """What a user is to get. Never raises.

        Args:
            user_id: None for somebody unknown, who is in no experiment.
            acting: anything true where a presenter acts as the user: in no experiment.
            now: UTC.
        """
        known = None if user_id is None or acting else self.running(now)
        arm = known.arm_of(user_id) if known is not None and user_id is not None else None
        if known is None or arm is None:
            return _CHAMPION
        label = f"{known.name}/{arm.name}"
        if arm.model == POPULARITY:
            return Assignment(label, popularity=True)
        return Assignment(label, None if arm.model == CHAMPION else arm.model)

    def fell_back(self) -> None:
        """Count that the model of somebody's arm could not be had."""
        with self._counting:
            self.fallbacks += 1

    def _look(self, now: datetime | None = None) -> None:
        """Read the running one, unless another thread does."""
        if self._reading.acquire(blocking=False):
            try:
                self._read(now or datetime.now(UTC))
            finally:
                self._read_at = self._clock()
                self._reading.release()

    def _read(self, now: datetime) -> None:
        try:
            found = self._database()[COLLECTION].find(
                {"start": {"$lte": now + timedelta(seconds=READ_AGAIN)}, "end": {"$gt": now}}
            )
            there = [each for each in map(Experiment.from_document, found) if each.ended_at > now]
            self._running, self.problem = min(there, key=lambda each: each.start, default=None), ""
        except (PyMongoError, OSError) as error:
            if not self.problem:
                log.warning("the running experiment could not be read (%s): the known one holds", type(error).__name__)
            self.problem = type(error).__name__
