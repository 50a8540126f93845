"""Routes about one user: what is stored of them, newest first, a part at a time or as a whole; and one of it deleted."""

import base64
import binascii
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from apiflask import APIBlueprint
from flask import Response, g, stream_with_context

from tidemark.serving.events import at_microseconds, microseconds
from tidemark.storefront import audit
from tidemark.storefront.api_models import HistoryOut, HistoryWish
from tidemark.storefront.api_operation import ADMIN, READ, answer_json, encoded, operation
from tidemark.storefront.problems import Problem
from tidemark.storefront.shop import shop

blueprint = APIBlueprint("persons", __name__, url_prefix="/api/v1", tag="Users")

LINES = "application/x-ndjson"
PART = 1_000
"""Interactions of an export that are in memory at a time."""

Place = tuple[datetime, str]
EXAMPLE = {
    "interaction_id": "interactions-0-1042",
    "item_id": "B000A0GOEQ",
    "timestamp": "2026-11-24T10:15:00Z",
    "weight": 5.0,
    "rating": None,
    "event_type": "purchase",
    "source": "stream",
}


def cursor(timestamp: datetime, event_id: str) -> str:
    """A place in a history as text: what comes after it is older."""
    return base64.urlsafe_b64encode(f"{microseconds(timestamp)}:{event_id}".encode()).decode().rstrip("=")


def place(text: str) -> Place:
    """The place that a cursor names.

    Raises:
        Problem: `invalid`: no answer gave this cursor.
    """
    try:
        read = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode()
        micros, _, event_id = read.partition(":")
        timestamp = at_microseconds(int(micros))
        if event_id and cursor(timestamp, event_id) == text:
            return timestamp, event_id
    except (binascii.Error, ValueError, OverflowError):
        pass
    raise Problem("invalid", "no answer gave this cursor", errors=[{"where": "query.cursor", "what": "not a cursor"}])


def _told(event: Any) -> dict[str, Any]:
    return {
        "interaction_id": event.id,
        "item_id": event.item_id,
        "timestamp": event.timestamp,
        "weight": event.weight,
        "rating": event.rating,
        "event_type": event.event_type,
        "source": event.source,
    }


@operation(
    blueprint,
    "GET",
    "/users/<id:user_id>/interactions",
    scope=READ,
    query=HistoryWish,
    answer=HistoryOut,
    answered={"user_id": "A2SUAM1J3GNN3B", "interactions": [EXAMPLE], "next_cursor": None},
    next_={
        "history": {"user_id": "$request.path.user_id", "cursor": "$response.body#/next_cursor"},
        "delete_interaction": {
            "user_id": "$request.path.user_id",
            "interaction_id": "$response.body#/interactions/0/interaction_id",
        },
    },
)
def history(user_id: str, query_data: HistoryWish) -> Response:
    """The interactions of a user, the newest first."""
    before = None if query_data.cursor is None else place(query_data.cursor)
    events = shop().serving.history(user_id, query_data.n + 1, before)  # one more: is there an older one?
    shown = events[: query_data.n]
    older = cursor(shown[-1].timestamp, shown[-1].id) if len(events) > len(shown) else None
    return answer_json({"user_id": user_id, "interactions": [_told(event) for event in shown], "next_cursor": older})


@operation(
    blueprint,
    "GET",
    "/users/<id:user_id>/export",
    scope=READ,
    answer=None,
    media_type=LINES,
)
def export(user_id: str) -> Response:
    """All interactions of a user, the newest first: one JSON object a line.

    It is sent as it is read. Should MongoDB go away in the midst of it, the answer breaks off and is no whole one.
    """
    serving = shop().serving
    first = serving.history(user_id, PART, None)  # before anything is said: if it fails, the answer can be 503

    def lines() -> Iterator[bytes]:
        part = first
        while part:
            yield b"".join(encoded(_told(event)) + b"\n" for event in part)
            part = serving.history(user_id, PART, (part[-1].timestamp, part[-1].id)) if len(part) == PART else []

    answer = Response(stream_with_context(lines()), mimetype=LINES)
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["Content-Disposition"] = 'attachment; filename="interactions.jsonl"'
    return answer


@operation(
    blueprint,
    "DELETE",
    "/users/<id:user_id>/interactions/<key:interaction_id>",
    scope=ADMIN,
    answer=None,
    status=204,
)
def delete_interaction(user_id: str, interaction_id: str) -> Response:
    """Delete one interaction of a user, for good.

    From the answer on it is gone: histories and answers are without it within two seconds, and neither the ingest, nor a
    replay, nor a load of the file that it came from brings it back. The next model does not learn from it. What is a
    review's goes with its review. Deleted again, it is 204 again; 404: the user has no such interaction.
    """
    if not shop().deleting.delete(user_id, interaction_id):
        raise Problem("not-found", "the user has no such interaction")
    audit.note("delete_interaction", key=g.key_id, interaction=interaction_id)
    answer = Response(status=204)
    answer.headers["Cache-Control"] = "no-store"
    return answer
