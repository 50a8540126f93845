"""The keys of interactions, which say where each came from; the doors' keys can never meet.

| key | the interaction |
|---|---|
| `review:<key of the review>` | is a review that `load_reviews` loaded |
| `<topic>-<partition>-<offset>` | came by the topic; `<topic>~<n>` once it was deleted and made anew n times |
| `file:<source>:<seconds>:<user>:<item>:<event>` | came by a file that `load_interactions` loaded; without times no seconds |
| `replay:<key of a dead letter>:<its item>` | was rejected first, and sent again by `replay_dead_letters` |

A key always comes with the same item, which is what `interactions` is sharded by: it names the item, or a message that
Kafka never changes.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

REVIEW_PREFIX = "review:"
"""Begins the key of an interaction that is a review; no topic may be named so."""

FILE, FILE_PREFIX = "file", "file:"
"""The `source` of an interaction that came by a file, and what begins its key."""

ORIGIN_HEADER = "tidemark-origin"
"""Kafka header of a dead letter that was sent again: `<its key>@<milliseconds when Kafka first took it>`."""

_ORIGIN = re.compile(r"([\w.~-]{1,270}-\d{1,9}-\d{1,19})@(\d{1,14})")
_POSITION = re.compile(r"(.*)-(\d+)-(\d+)", re.DOTALL)

POSITION_PATTERN = r"^(.*)-(\d+)-(\d+)$"
"""The key of what came by a topic, as a pattern for Spark: prefix, partition, offset."""


def prefix(topic: str, generation: int) -> str:
    """What stands before `-partition-offset`; `~` is in no topic's name, so no two prefixes are the same."""
    return topic if generation == 0 else f"{topic}~{generation}"


def of_message(topic_prefix: str, partition: int, offset: int) -> str:
    """The key of the message at this place."""
    return f"{topic_prefix}-{partition}-{offset}"


def of_file(source: str, user_id: str, item_id: str, seconds: int | None, event_type: str | None) -> str:
    """The key of an interaction of a file of the source named `source`; ids hold no colon, so no two keys are the same.

    The time comes first: keys that grow as events do are written side by side, and so are what the index of times has of them.
    With random keys each is a place of its own in an index that is larger than the cache.
    """
    return f"{FILE_PREFIX}{source}:{'' if seconds is None else seconds}:{user_id}:{item_id}:{event_type or ''}"


def position(key: str) -> tuple[str, int, int] | None:
    """The prefix, partition and offset that `of_message` made `key` of; None where it made it of none."""
    parts = _POSITION.fullmatch(key)
    return (parts[1], int(parts[2]), int(parts[3])) if parts else None


def origin_header(letter_id: str, taken: datetime) -> tuple[str, bytes]:
    """The header by which a dead letter is sent again."""
    return ORIGIN_HEADER, f"{letter_id}@{int(taken.timestamp() * 1000)}".encode()


def origin(headers: Iterable[Mapping[str, Any]] | None) -> tuple[str | None, datetime | None]:
    """Of a record that `replay_dead_letters` sent again: the key of what it was, and the time to give it.

    The key is in a name space of its own: a forged header can overwrite nothing but what was sent again.
    """
    for header in headers or ():
        if header["key"] == ORIGIN_HEADER and header["value"] is not None:
            parts = _ORIGIN.fullmatch(bytes(header["value"]).decode("ascii", "replace"))
            if parts:
                return f"replay:{parts[1]}", datetime.fromtimestamp(int(parts[2]) / 1000, UTC)
    return None, None


def of_replayed(origin_key: str, item_id: str) -> str:
    """The key of the interaction that a record sent again became: sent twice, it is still one.

    Args:
        origin_key: as `origin` gives it.
        item_id: what the record names; with a forged header that is any, and each is another interaction.
    """
    return f"{origin_key}:{item_id}"
