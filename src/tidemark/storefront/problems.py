"""Problems: how the storefront says no. RFC 9457 for programs, and a page for people; the kinds of it are in one table.

A problem's `type` is the address of a page here (`/problems/<name>`), which says what the kind means and what to do.
"""

import logging
from dataclasses import dataclass
from typing import Any

import orjson
from apiflask import APIBlueprint
from flask import Flask, Response, g, render_template, request
from pymongo.errors import ConnectionFailure, PyMongoError
from werkzeug.exceptions import HTTPException

from tidemark.errors import NoChampionError, UnreachableError

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
FOR_PROGRAMS = ("/api/", "/healthz", "/readyz", "/metrics")
"""Paths below which every error is for programs; elsewhere it depends on what the request accepts."""
RETRY_SECONDS = 5
"""After which a server that is away is asked again."""


@dataclass(frozen=True)
class Kind:
    """One kind of problem: its status, a title that never changes, and what it means and what to do, for its page."""

    status: int
    title: str
    meaning: str


KINDS = {
    "bad-request": Kind(400, "The request cannot be read", "It is not HTTP as this server knows it. Mend the client."),
    "no-key": Kind(
        401,
        "An API key is needed",
        "Send the header `Authorization: Bearer tm_...`. Keys are made by `tidemark key add`; one that has expired or was "
        "revoked is as good as none.",
    ),
    "not-allowed": Kind(
        403, "This is not allowed", "The key has not the scope that the route needs, or this is another person's."
    ),
    "not-found": Kind(
        404, "There is no such thing", "The path, the item or the model that it names is not known here."
    ),
    "wrong-method": Kind(405, "The path has no such method", "The header `Allow` names those that it has."),
    "conflict": Kind(
        409,
        "The idempotency key is taken",
        "It came before with another body: use a new key for a new request. Or the first request with it is still being "
        "worked on: ask again, with the same key and body, after the seconds in `Retry-After`.",
    ),
    "too-large": Kind(413, "The request is too large", "A body may have 1 MiB: send less at a time."),
    "not-json": Kind(415, "The body is not JSON", "Send the header `Content-Type: application/json`."),
    "invalid": Kind(
        422,
        "The request is not as the description says",
        "`detail` and `errors` name what is wrong. A parameter or field that is not described is refused, and so is one "
        "that comes twice: a wish that was not understood is never dropped silently.",
    ),
    "too-many": Kind(429, "Too many requests", "Ask again after the seconds in `Retry-After`."),
    "failed": Kind(500, "Something went wrong here", "It is in the log under the `request_id`."),
    "away": Kind(
        503,
        "A server that this needs is away",
        "Nothing was done that is not said. Ask again after the seconds in `Retry-After`.",
    ),
}
"""Name -> kind."""

_NAME_OF_STATUS = {kind.status: name for name, kind in KINDS.items()}


class Problem(HTTPException):
    """A request that is answered with a problem.

    Args:
        name: one of `KINDS`.
        detail: what is wrong this time, for whoever asked; never a secret.
        errors: where several things are wrong: `{"where": ..., "what": ...}` each.
        headers: more headers of the answer.
    """

    def __init__(
        self,
        name: str,
        detail: str = "",
        errors: list[dict[str, str]] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.name_of_kind, self.detail, self.errors, self.more_headers = name, detail, errors, headers or {}
        self.code = KINDS[name].status

    @property
    def name(self) -> str:
        """The title of its kind."""
        return KINDS[self.name_of_kind].title


def away(detail: str) -> Problem:
    """A server does not answer."""
    return Problem("away", detail, headers={"Retry-After": str(RETRY_SECONDS)})


def of(error: Exception) -> Problem:
    """Any error as a problem; what was not foreseen says nothing of itself to whoever asked."""
    match error:
        case Problem():
            return error
        case UnreachableError():  # its words name hosts and ports: they are for the log
            return away("a server behind this does not answer")
        case NoChampionError():
            return Problem("not-found", str(error))
        case ConnectionFailure():
            return away("MongoDB does not answer")
        case PyMongoError() if error.timeout:
            return away("MongoDB did not answer in time")
        case HTTPException() if error.code in _NAME_OF_STATUS:
            kept = ("allow", "retry-after", "www-authenticate")
            headers = {name: value for name, value in error.get_headers() if name.lower() in kept}
            return Problem(_NAME_OF_STATUS[error.code], _detail(error), headers=headers)
        case _:
            return Problem("failed")


def _detail(error: HTTPException) -> str:
    """Werkzeug's words, but for those that repeat the kind's page."""
    return f"there is nothing at {request.path}"[:300] if error.code == 404 else (error.description or "")


def document(problem: Problem) -> dict[str, Any]:
    """What is sent of a problem."""
    kind = KINDS[problem.name_of_kind]
    told = {
        "type": f"{request.root_path}/problems/{problem.name_of_kind}",
        "title": kind.title,
        "status": kind.status,
        "detail": problem.detail or kind.meaning,
        "instance": request.path,
        "request_id": g.get("request_id", ""),
    }
    return told | ({"errors": problem.errors} if problem.errors else {})


def answer(error: Exception) -> Response | HTTPException:
    """The answer to a request that failed by `error`."""
    if isinstance(error, HTTPException) and (error.code or 500) < 400:  # a redirect
        return error
    problem = of(error)
    told = document(problem)
    line = "%s %s %s: %s (request %s)"
    cause = str(error) if isinstance(error, UnreachableError) else told["detail"]
    about = (problem.code, request.method, request.path[:200], cause[:500], told["request_id"])
    if problem.name_of_kind == "failed":
        log.error(line, *about, exc_info=error)
    else:
        log.log(logging.WARNING if (problem.code or 0) >= 500 else logging.INFO, line, *about)
    if _for_program():
        made = Response(orjson.dumps(told), problem.code, mimetype=MEDIA_TYPE)
    else:
        page = render_template(
            ["shop/problem.html", "api/problem.html"], problem=told, kind=KINDS[problem.name_of_kind]
        )
        made = Response(page, problem.code, mimetype="text/html")
    made.headers.update(problem.more_headers)
    made.headers.setdefault("Cache-Control", "no-store")
    return made


def _for_program() -> bool:
    return request.path.startswith(FOR_PROGRAMS) or not request.accept_mimetypes.accept_html


def handle(app: Flask) -> None:
    """Let every error of `app` be answered by `answer`."""
    app.register_error_handler(HTTPException, answer)
    app.register_error_handler(Exception, answer)


blueprint = APIBlueprint("problems", __name__, enable_openapi=False)


@blueprint.get("/problems/<name>")
def page(name: str) -> str:
    """What a kind of problem means, and what to do."""
    if name not in KINDS:
        raise Problem("not-found", f"there is no problem {name[:40]!r}")
    return render_template("api/problem.html", problem=None, kind=KINDS[name])
