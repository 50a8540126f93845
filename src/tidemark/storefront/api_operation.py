"""One route of the API and all that is said of it, at one place: who may, what comes in, what goes out, how it may fail.

The order in which a request is refused: no key (401), key without the scope (403), too many (429), then what it asks.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import wraps
from typing import Any

import orjson
from apiflask import APIBlueprint
from flask import Response, g, request
from pydantic import BaseModel

from tidemark.storefront import strict_inputs  # noqa: F401 - how APIFlask reads what comes in, from here on
from tidemark.storefront.problems import KINDS, MEDIA_TYPE, Problem
from tidemark.storefront.shop import shop

READ, WRITE, ADMIN = "read", "write", "admin"
SCOPES = {
    READ: "ask for recommendations, items, histories, models and metrics",
    WRITE: "send interactions and items",
    ADMIN: "everything, and what is for operators",
}
"""Scope -> what a key that has it may do; `admin` may what the others may."""

CHALLENGE = 'Bearer realm="tidemark"'
JSON = "application/json"
PRIVATE = "private, no-cache"
"""What may be kept by no one but the caller, who asks again each time."""

Example = Mapping[str, Any]
View = Callable[..., Response]


def operation(
    routes: APIBlueprint,
    method: str,
    rule: str,
    *,
    scope: str | None,
    answer: type[BaseModel] | None,
    query: type[BaseModel] | None = None,
    headers: type[BaseModel] | None = None,
    body: type[BaseModel] | None = None,
    status: int = 200,
    problems: Iterable[str] = (),
    conditional: bool = False,
    asked: Example | None = None,
    answered: Example | None = None,
    media_type: str = JSON,
    next_: Mapping[str, Mapping[str, str]] | None = None,
) -> Callable[[View], View]:
    """Make a view the operation `method rule` of `routes`; its docstring is its summary and description.

    Args:
        routes: where it belongs.
        method, rule: as Flask has them.
        scope: what a key must have; None: open to everybody.
        answer: what is sent with `status`; None: another `media_type`, or with 204 nothing.
        query, headers, body: what comes in, given to the view as `query_data`, `headers_data`, `json_data`.
        status: of the answer.
        problems: names of `problems.KINDS` that can happen besides those that follow from the above.
        conditional: whether the answer has an ETag and may be 304.
        asked, answered: an example of the body, and of the answer.
        media_type: of the answer.
        next_: what may be asked next (OpenAPI's links): operation id -> parameter -> where this request or its answer has it.
    """
    possible = ["failed", *problems]
    if scope:
        possible += ["no-key", "not-allowed", "too-many", "away"]
    possible += ["invalid"]
    if "<" in rule:
        possible += ["not-found"]
    if body:
        possible += ["too-large", "not-json"]
    links = {name: {"operationId": name, "parameters": dict(given)} for name, given in (next_ or {}).items()}
    responses: dict[int, Any] = {KINDS[name].status: _problem_response(name) for name in possible}
    if conditional:
        responses[304] = {"description": "What the caller has (If-None-Match) is what it would get", "content": {}}
    if answer is None:
        content = {} if status == 204 else {"content": {media_type: {"schema": {"type": "string"}}}}
        responses[status] = {"description": "The answer"} | content

    def decorate(view: View) -> View:
        if body:
            view = routes.input(body, location="json", example=asked)(view)
        view = routes.input(query, location="query")(view) if query else _without_query(view)
        if headers:
            view = routes.input(headers, location="headers")(view)
        if answer:
            told: dict[str, Any] = {"status_code": status, "example": answered, "description": "The answer"}
            view = routes.output(answer, **told, links=links or None)(view)
        view = routes.doc(
            responses=responses,
            operation_id=view.__name__,
            security=[{"key": [scope]}] if scope else None,
            extensions={"x-scope": scope or "none", "x-conditional": conditional},
        )(view)
        if scope:
            view = _needs(scope, view)
        routes.route(rule, methods=[method], endpoint=view.__name__)(view)
        return view

    return decorate


def _problem_response(name: str) -> dict[str, Any]:
    kind = KINDS[name]
    described: dict[str, Any] = {
        "description": kind.title,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    if kind.status in (429, 503):
        seconds = {"description": "seconds after which to ask again", "schema": {"type": "string"}}
        described["headers"] = {"Retry-After": seconds | {"required": kind.status == 429}}
    if kind.status == 401:
        described["headers"] = {"WWW-Authenticate": {"schema": {"type": "string"}, "required": True}}
    return described


def _without_query(view: View) -> View:
    """A view that takes no parameters, and drops none silently."""

    @wraps(view)
    def checked(*args: Any, **kwargs: Any) -> Response:
        if request.query_string:
            raise Problem("invalid", "this takes no parameters")
        return view(*args, **kwargs)

    return checked


def _needs(scope: str, view: View) -> View:
    @wraps(view)
    def checked(*args: Any, **kwargs: Any) -> Response:
        admit(scope)
        return view(*args, **kwargs)

    return checked


def admit(scope: str) -> None:
    """Let the request in, or not, by the key that it brings; `g.key_id` is the key's id then.

    Raises:
        Problem: `no-key`, `not-allowed`, `too-many`.
    """
    kind, _, text = request.headers.get("Authorization", "").partition(" ")
    keys = shop().keys
    key = keys.check(text) if kind.lower() == "bearer" else None
    if key is None:
        said = "the key is not known, or no longer" if kind else "there is no header Authorization"
        more = ', error="invalid_token"' if kind else ""
        raise Problem("no-key", said, headers={"WWW-Authenticate": CHALLENGE + more})
    if not key.may(scope):
        raise Problem(
            "not-allowed",
            f"the key has not the scope {scope}",
            headers={"WWW-Authenticate": f'{CHALLENGE}, error="insufficient_scope", scope="{scope}"'},
        )
    if seconds := keys.wait(key):
        said = f"the key may ask {key.rate:,} times a minute"
        raise Problem("too-many", said, headers={"Retry-After": str(math.ceil(seconds))})
    g.key_id = key.id


def _plain(value: Any) -> Any:
    """What orjson does not know: numbers and arrays of NumPy it does; anything else as its text."""
    return str(value)


def encoded(value: Any) -> bytes:
    """`value` as JSON; times in UTC with a Z."""
    return orjson.dumps(
        value, default=_plain, option=orjson.OPT_UTC_Z | orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS
    )


def answer_json(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """The answer `value`, which no one but the caller may keep."""
    return Response(encoded(value), status, {"Cache-Control": PRIVATE, **(headers or {})}, mimetype=JSON)


def age_seconds(made_at: datetime | None, now: datetime) -> float | None:
    """How long ago a model was made; a clock that is behind makes none younger than new."""
    return None if made_at is None else round(max(0.0, (now - made_at).total_seconds()), 1)
