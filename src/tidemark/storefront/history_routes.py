"""One's own history: what was done, newest first, all of it as a file, and one of it deleted."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import orjson
from flask import Blueprint, Response, abort, redirect, render_template, request, stream_with_context, url_for
from werkzeug.wrappers import Response as AnyResponse

from tidemark.errors import UnreachableError
from tidemark.serving.events import STREAM
from tidemark.storage.patience import brief
from tidemark.storefront import audit, cards
from tidemark.storefront.login import login_required
from tidemark.storefront.shelves import did, kinds_by_weight
from tidemark.storefront.shop import shop
from tidemark.storefront.shoppers import shopper

if TYPE_CHECKING:
    from tidemark.serving.events import Event

log = logging.getLogger(__name__)

PAGE = 50
"""Events on a page."""
BLOCK = 1_000
"""Events that the export reads at a time."""

blueprint = Blueprint("history", __name__)

Mark = tuple[datetime, str]
"""Where a page begins: after the event of this time and id."""


@blueprint.get("/history")
@login_required
def history() -> str:
    """What the shopper did, newest first."""
    who, catalogue = shopper(), shop().serving.catalogue()
    events = typed(shop().serving.history(who.user_id, PAGE + 1, before=mark(request.args.get("before"))))
    kinds = kinds_by_weight(shop().config.weight_of_event)
    lines = [(event, did(event, kinds), cards.card(catalogue, event.item_id)) for event in events[:PAGE]]
    return render_template(
        "shop/history.html",
        lines=lines,
        older=url_for("history.history", before=text(events[PAGE - 1])) if len(events) > PAGE else "",
        first=request.args.get("before") is None,
        before=request.args.get("before", ""),
        hidden=[cards.card(catalogue, item_id) for item_id in reversed(who.hidden)],
    )


@blueprint.post("/history/delete")
@login_required
def delete() -> AnyResponse:
    """Delete one event of the shopper's own, and go back to the part of the history that it was in."""
    who, before = shopper(), request.form.get("before") or None
    mark(before)
    if not shop().deleting.delete(who.user_id, request.form.get("event", "")):
        abort(404)
    audit.note(
        "delete_interaction",
        account=who.account,
        address=request.remote_addr,
        interaction=request.form["event"],
        user=who.user_id if who.acting else None,
    )
    return redirect(url_for("history.history", before=before, said="deleted"), 303)


@blueprint.get("/history/export")
@login_required
def export() -> Response:
    """All of it, as JSON lines, newest first."""
    serving, user_id = shop().serving, shopper().user_id
    block = serving.history(user_id, BLOCK)  # before the answer begins: what is away is then a page and not half a file

    def lines() -> Iterator[bytes]:
        events = block
        while events:
            yield b"".join(orjson.dumps(line(event)) + b"\n" for event in typed(events))
            last = events[-1]
            events = serving.history(user_id, BLOCK, before=(last.timestamp, last.id)) if len(events) == BLOCK else []

    headers = {"Content-Disposition": 'attachment; filename="history.jsonl"'}
    return Response(stream_with_context(lines()), mimetype="application/x-ndjson", headers=headers)


def typed(events: "list[Event]") -> "list[Event]":
    """The same events, with the types that MongoDB has beside the interactions: of messages that said more than those hold."""
    lost = [event.id for event in events if event.event_type is None and event.source == STREAM]
    if not lost:
        return events
    try:
        with brief():
            found = shop().db["interaction_details"].find({"_id": {"$in": lost}}, {"event_type": 1})
            kinds = {one["_id"]: one["event_type"] for one in found}
    except UnreachableError as error:
        log.warning("a history is without the types of its events: %s", error)
        return events
    return [replace(event, event_type=kinds[event.id]) if event.id in kinds else event for event in events]


def line(event: "Event") -> dict[str, object]:
    """One line of the export."""
    return {
        "id": event.id,
        "user_id": event.user_id,
        "item_id": event.item_id,
        "event_type": event.event_type,
        "rating": event.rating,
        "weight": event.weight,
        "timestamp": event.timestamp,
        "source": event.source,
    }


def text(event: "Event") -> str:
    """The mark after `event`, as an address has it."""
    return f"{event.timestamp.astimezone(UTC).isoformat()} {event.id}"


def mark(asked: str | None) -> Mark | None:
    """The mark of an address; None: from the newest on. What is no mark is refused (400)."""
    if asked is None:
        return None
    at, _, event_id = asked.partition(" ")
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        abort(400)
    if not event_id or moment.tzinfo is None:
        abort(400)
    return moment, event_id
