"""How far the ingest has stored the topic `interactions`, and what a model may learn from: the snapshot.

One document in the collection `progress` for each topic, written by the ingest alone, after what it speaks of:
`{_id: topic, topic_id, generation, next_offsets: {"0": 17, ...}, updated_at, seen_at}`. It, and not Spark's checkpoint, says
where the ingest goes on: a database restored from a backup is filled up again from where the backup ends.
"""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pymongo.database import Database

from tidemark.errors import ContractError
from tidemark.interactions import keys
from tidemark.stream.bookmark import Bookmark, Lag, NextOffsets

if TYPE_CHECKING:
    from pyspark.sql import Column

COLLECTION = "progress"


@dataclass(frozen=True)
class Progress:
    """What is stored of the topic that has the identity `topic_id`.

    `generation` counts how often the topic was deleted and made again: offsets then start anew, keys must not. `seen_at` is when
    the ingest last went round, whether or not anything had come.
    """

    topic: str
    topic_id: str
    generation: int
    next_offsets: NextOffsets
    updated_at: datetime
    seen_at: datetime | None = None

    @property
    def prefix(self) -> str:
        """What stands before `-partition-offset` in the keys."""
        return keys.prefix(self.topic, self.generation)


def behind(lag: Lag, stored: NextOffsets) -> int:
    """Records that have come and are not stored: those past `stored`, of what the partitions still hold."""
    return sum(max(0, p.end - max(stored.get(p.partition, 0), p.earliest)) for p in lag.partitions)


def read(db: Database[dict[str, Any]], topic: str) -> Progress | None:
    """How far the topic is stored; None before the ingest first ran."""
    stored = db[COLLECTION].find_one({"_id": topic})
    if stored is None:
        return None
    offsets = {int(number): int(at) for number, at in stored["next_offsets"].items()}
    made_by = stored["topic_id"], stored["generation"]
    return Progress(topic, *made_by, offsets, stored["updated_at"], stored.get("seen_at"))


def generation(known: Progress | None, topic_id: str) -> int:
    """The generation of the topic that has the identity `topic_id`: the known one, or the next where it was made anew."""
    if known is None:
        return 0
    return known.generation if known.topic_id == topic_id else known.generation + 1


def begin(db: Database[dict[str, Any]], topic: str, topic_id: str) -> Progress:
    """Where the ingest goes on: from what is stored, or from nothing for a topic that is new or made anew."""
    known = read(db, topic)
    if known is not None and known.topic_id == topic_id:
        return known
    now, number = datetime.now(UTC), generation(known, topic_id)
    fresh = {"topic_id": topic_id, "generation": number, "next_offsets": {}, "updated_at": now}
    db[COLLECTION].replace_one({"_id": topic}, fresh, upsert=True)
    return Progress(topic, topic_id, number, {}, now)


def advance(db: Database[dict[str, Any]], topic: str, topic_id: str, next_offsets: Mapping[int, int]) -> None:
    """Note that everything before `next_offsets` is stored. Never goes back: a batch that runs again changes nothing.

    Raises:
        ContractError: another ingest has begun with a topic made anew.
    """
    if not next_offsets:
        return
    higher = {f"next_offsets.{number}": at for number, at in next_offsets.items()}
    done = db[COLLECTION].update_one(
        {"_id": topic, "topic_id": topic_id}, {"$max": higher, "$set": {"updated_at": datetime.now(UTC)}}
    )
    if done.matched_count == 0:
        raise ContractError(
            f"progress of {topic!r} speaks of another topic than {topic_id}: it was deleted and made anew"
        )


def beat(db: Database[dict[str, Any]], topic: str, topic_id: str) -> None:
    """Note that the ingest goes round: a health check asks for it."""
    db[COLLECTION].update_one({"_id": topic, "topic_id": topic_id}, {"$set": {"seen_at": datetime.now(UTC)}})


@dataclass(frozen=True)
class Snapshot:
    """What a model may learn from the stream: of each partition, the records before `next_offsets`.

    `behind` records had come when it was asked for but were not stored within the wait of `waited` seconds; `unlearned`
    records are in the snapshot and no model has learned from them.
    """

    topic: str
    topic_id: str
    generation: int
    next_offsets: NextOffsets
    unlearned: int
    behind: int
    waited: float

    def document(self) -> dict[str, Any]:
        """As JSON and MongoDB keep it: partitions are texts there."""
        return asdict(self) | {"next_offsets": {str(number): at for number, at in self.next_offsets.items()}}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "Snapshot":
        """The inverse of `document`."""
        offsets = {int(number): int(at) for number, at in document["next_offsets"].items()}
        return cls(**{**document, "next_offsets": offsets})

    def text(self) -> str:
        """For a person: what of the stream is learned from, and what is not stored yet."""
        text = f"{self.unlearned:,} interactions of the stream that no model has learned from are in the snapshot"
        if self.behind:
            text += f"; {self.behind:,} more had come and are not stored after a wait of {self.waited:.0f} s: the next one's"
        return text

    @property
    def prefix(self) -> str:
        """What stands before `-partition-offset` in the keys, as `Progress.prefix`."""
        return keys.prefix(self.topic, self.generation)

    def has(self, key: str) -> bool:
        """Whether the interaction with this key is in the snapshot; what is not of this topic as it is now, is."""
        place = keys.position(key) if key.startswith(self.prefix) else None
        return place is None or place[0] != self.prefix or place[2] < self.next_offsets.get(place[1], 0)

    def covers(self, key: "Column") -> "Column":
        """`has`, for Spark."""
        from pyspark.sql import functions as f

        prefix, partition, offset = (f.regexp_extract(key, keys.POSITION_PATTERN, group) for group in (1, 2, 3))
        stored = f.lit(False)
        for number, at in self.next_offsets.items():
            stored |= (partition.cast("long") == number) & (offset.cast("long") < at)
        return (prefix != self.prefix) | stored


def snapshot(db: Database[dict[str, Any]], bookmark: Bookmark, wait_seconds: float) -> Snapshot:
    """What is stored of the stream now; where the ingest is behind, waits up to `wait_seconds` for what had come.

    Raises:
        UnreachableError: Kafka does not answer.
    """
    start, lag, topic_id = time.monotonic(), bookmark.lag(), bookmark.topic_id()
    while True:
        known = read(db, bookmark.topic)
        stored = known.next_offsets if known is not None and known.topic_id == topic_id else {}
        missing, waited = behind(lag, stored), time.monotonic() - start
        if missing == 0 or waited >= wait_seconds:
            unlearned = sum(max(0, stored.get(number, 0) - base) for number, base in lag.bases.items())
            generation = known.generation if known is not None and stored else 0
            return Snapshot(bookmark.topic, topic_id, generation, stored, unlearned, missing, round(waited, 3))
        time.sleep(min(0.25, wait_seconds - waited))
