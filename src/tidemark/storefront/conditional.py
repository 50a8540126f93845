"""Conditional requests: an answer's weak ETag, known before the answer is made, so that 304 costs less than it."""

import time

from flask import Response
from werkzeug.http import parse_etags

DAY = 86_400
"""Seconds after which an answer is made anew though nothing changed: it has a recommendation id, which is good for 7 days."""


def etag(version: str, arm: str, now: float | None = None) -> str:
    """The ETag of the answer at one address, query included, which an ETag need not repeat.

    Args:
        version: of model, user's newest interactions and catalogue, as `serving.version` gives it.
        arm: of the experiment that the user is in.
        now: seconds since 1970.
    """
    return f'W/"{version}.{arm}.{int((time.time() if now is None else now) // DAY)}"'


def has(known: str, tag: str) -> bool:
    """Whether the header If-None-Match `known` names what `tag` names."""
    text = tag[3:-1]
    # What does not hold the text cannot name it, unless it names everything: nothing in an ETag is escaped.
    return known == tag or ((text in known or "*" in known) and parse_etags(known).contains_weak(text))


def not_modified(tag: str) -> Response:
    """304: the caller has what `tag` names."""
    answer = Response(status=304)
    answer.headers["ETag"] = tag
    answer.headers["Cache-Control"] = "private, no-cache"
    return answer
