"""Attribution: which interactions a shown list brought, and what is counted for it. Pure rules, no server.

An interaction belongs to a list where it bears the list's id, the id holds (signed, not expired, this very user's) and the
list showed the item. It counts as a click, and as a purchase too where it is one; each item of a list at most once as
either. All else is organic. An interaction with an id that holds is never organic: where its item was not shown, it counts
nowhere.

Lists and interactions are two topics, read in any order. So an interaction that comes before its list waits in the list's
document, and the counts depend on what has come and not on the order. They belong to the hour in which the list was shown:
no hour then has more clicks than items that were shown.
"""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from tidemark.contracts import conformance
from tidemark.interactions.from_messages import Interaction

Document = dict[str, Any]

Read = Callable[[str, str, datetime], object | None]
"""(recommendation_id, user_id, when) -> what the id says; None where it is forged, expired or another user's."""

EXPOSURE = "exposure"
PURCHASE = "purchase"
PRESENTER = "presenter"
"""The arm of what somebody was shown who acted as another: it says nothing about the user, or about a model."""
LONGEST = 100
"""Items of a list; also how many may wait for a list that has not come, so that no document grows without end."""
KEPT = timedelta(days=8)
"""How long a list's document is kept: ids hold for 7 days, and a clock may be wrong."""
USER_KEPT = timedelta(days=120)
"""How long an experiment's user is kept: an experiment may run for 90 days."""

_LARGEST_ID = 512
_conforms_surely = conformance.quick_check(EXPOSURE)


@dataclass(frozen=True, slots=True)
class Exposure:
    """A list that was shown; `arm` is `PRESENTER` where somebody acted as the user."""

    recommendation_id: str
    user_id: str | None
    item_ids: tuple[str, ...]
    model_id: str | None
    arm: str
    placement: str
    shown_at: datetime


@dataclass(frozen=True, slots=True)
class Act:
    """An interaction, as far as it counts here. `recommendation_id` is one that holds; None: organic, and `unproven` where
    it bore one that does not hold."""

    recommendation_id: str | None
    user_id: str
    item_id: str
    is_purchase: bool
    at: datetime
    unproven: bool = False


class Key(NamedTuple):
    """What a document of `engagement` counts; the last three are None for organic interactions."""

    hour: datetime
    model_id: str | None
    arm: str | None
    placement: str | None

    @property
    def id(self) -> str:
        """The document's `_id`."""
        rest = hashlib.sha256(json.dumps(self[1:]).encode()).hexdigest()[:24]
        return f"{self.hour:%Y-%m-%dT%H}:{rest}"


@dataclass
class Changes:
    """What a batch changes.

    Attributes:
        lists: recommendation_id -> its document as it is now (contract `shown_list`); only those that changed.
        counts: what is added to `engagement`, by field.
        users: (arm, user_id) -> what is added to `experiment_users`, by field.
    """

    lists: dict[str, Document] = field(default_factory=dict)
    counts: dict[Key, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    users: dict[tuple[str, str], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))


def hour_of(moment: datetime) -> datetime:
    """The hour that `moment` is in, UTC."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def exposure(value: bytes | None) -> Exposure | None:
    """A message of the topic `recommendations`; None where it is not as its contract says."""
    try:
        message = json.loads(value or b"")
        if not _conforms_surely(message) and conformance.reasons(EXPOSURE, message):
            return None
        shown_at = datetime.fromisoformat(message["shown_at"])
        items = tuple(dict.fromkeys(item["item_id"] for item in message["items"]))
        for text in (*items, *(str(message[name]) for name in ("recommendation_id", "user_id", "model_id"))):
            text.encode()
    except (ValueError, RecursionError):  # not JSON, no time, or half of a character
        return None
    if shown_at.tzinfo is None:
        return None
    arm = PRESENTER if message.get("acting") else message["arm"] or "champion"
    ids = message["recommendation_id"], message["user_id"]
    return Exposure(*ids, items, message["model_id"], arm, message["placement"], shown_at)


def act(interaction: Interaction, at: datetime, read: Read) -> Act:
    """What an interaction counts as.

    Args:
        interaction: as it was parsed; its `recommendation_id` is one of the fields that the contract does not name.
        at: when Kafka took it: the time by which its id may have expired. The same message always gives the same answer.
        read: reads ids.
    """
    claimed = json.loads(interaction.extra).get("recommendation_id") if interaction.extra else None
    holds = (
        isinstance(claimed, str) and len(claimed) <= _LARGEST_ID and read(claimed, interaction.user_id, at) is not None
    )
    bought = interaction.event_type == PURCHASE
    known = claimed if holds else None
    return Act(known, interaction.user_id, interaction.item_id, bought, at, claimed is not None and not holds)


def join(known: dict[str, Document], events: Iterable[Exposure | Act]) -> Changes:
    """Count `events`.

    Args:
        known: recommendation_id -> the document of each list that the events name and that there is; is changed.
        events: in any order.
    """
    changes = Changes()
    for event in events:
        if isinstance(event, Exposure):
            _show(known, changes, event)
        elif event.recommendation_id is None:
            counted = changes.counts[Key(hour_of(event.at), None, None, None)]
            counted["organic"] += 1
            counted["unproven"] += event.unproven
        else:
            _act(known, changes, event, event.recommendation_id)
    return changes


def _show(known: dict[str, Document], changes: Changes, shown: Exposure) -> None:
    there = known.setdefault(shown.recommendation_id, {"_id": shown.recommendation_id, "clicked": [], "purchased": []})
    if "items" in there:
        return  # sent again
    items = list(shown.item_ids[:LONGEST])
    there |= {
        "user_id": shown.user_id,
        "model_id": shown.model_id,
        "arm": shown.arm,
        "placement": shown.placement,
        "hour": hour_of(shown.shown_at),
        "items": items,
        "clicked": [item for item in there["clicked"] if item in items],
        "purchased": [item for item in there["purchased"] if item in items],
        "expires_at": shown.shown_at + KEPT,
    }
    for name, count in (
        ("lists", 1),
        ("shown", len(items)),
        ("clicked", len(there["clicked"])),
        ("purchased", len(there["purchased"])),
    ):
        _count(changes, there, name, count)
    changes.lists[shown.recommendation_id] = there


def _act(known: dict[str, Document], changes: Changes, done: Act, recommendation_id: str) -> None:
    there = known.setdefault(recommendation_id, {"_id": recommendation_id, "clicked": [], "purchased": []})
    there.setdefault("user_id", done.user_id)
    there.setdefault("expires_at", done.at + KEPT)
    has_come = "items" in there
    if has_come and done.item_id not in there["items"]:
        return
    for name in ("clicked", "purchased") if done.is_purchase else ("clicked",):
        if done.item_id in there[name] or len(there[name]) >= LONGEST:
            continue
        there[name].append(done.item_id)
        changes.lists[recommendation_id] = there
        if has_come:
            _count(changes, there, name, 1)


def _count(changes: Changes, there: Document, name: str, count: int) -> None:
    if count == 0:
        return
    changes.counts[Key(there["hour"], there["model_id"], there["arm"], there["placement"])][name] += count
    if "/" in there["arm"] and there["user_id"] is not None:
        changes.users[there["arm"], there["user_id"]][name] += count
