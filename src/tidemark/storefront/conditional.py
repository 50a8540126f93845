"""Conditional requests: an answer's weak ETag, known before the answer is made, so that 304 costs less than it."""

import time

from flask import Request, Response
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


def not_modified(request: Request, tag: str) -> Response | None:
    """304 where the caller has what `tag` names; None where it has not, or did not say."""
    wanted = request.headers.get("If-None-Match")
    if wanted is None or not parse_etags(wanted).contains_weak(tag[3:-1]):
        return None
    answer = Response(status=304)
    answer.headers["ETag"] = tag
    answer.headers["Cache-Control"] = "private, no-cache"
    return answer
