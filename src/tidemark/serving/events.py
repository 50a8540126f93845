"""Events: what somebody did to an item, as serving holds it, whether it was read from MongoDB or came by Kafka's tail.

Both give the same `id`, so that a history and the tail after it are put together without counting anything twice.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tidemark.interactions.from_messages import Interaction

STREAM = "stream"
"""The source of what came by the topic, as the ingest stores it."""

_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Event:
    """One interaction.

    Args:
        id: its key (`interactions.keys`): the `_id` under which MongoDB has it, or will have it.
        user_id, item_id: who, and what.
        weight: what it counts.
        rating: 1 to 5 stars; None where nobody rated.
        timestamp: when it happened, UTC.
        event_type: what was done; None where it was not kept: MongoDB keeps what it counts and not what it was.
        source: `review` or `stream`.
    """

    id: str
    user_id: str
    item_id: str
    weight: float
    rating: float | None
    timestamp: datetime
    event_type: str | None
    source: str


def microseconds(at: datetime) -> int:
    """A time as whole microseconds since 1970 UTC: exact, as seconds in a float would not be."""
    return (at - _EPOCH) // _MICROSECOND


def at_microseconds(number: int) -> datetime:
    """The time that `microseconds` gave.

    Raises:
        OverflowError: there is no such time.
    """
    return _EPOCH + number * _MICROSECOND


def from_interaction(interaction: Interaction) -> Event:
    """The event of a message that was parsed."""
    return Event(
        interaction.id,
        interaction.user_id,
        interaction.item_id,
        interaction.weight,
        interaction.rating,
        interaction.timestamp,
        interaction.event_type,
        STREAM,
    )
