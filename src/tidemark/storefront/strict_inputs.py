"""Reading what a program sends, strictly: an unknown parameter, one that comes twice, JSON that could be read two ways are refused.

APIFlask calls the reader of a pydantic model by its registry of adapters. Its own takes the last of `n=1&n=2`, any content
type, and the last of two equal fields: hence ours. A query that came before is not read again: reading ten parameters costs
more than a stored answer does, and programs ask the same ones all day.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, NoReturn, TypeVar, get_origin
from urllib.parse import parse_qsl

import orjson
from apiflask.schema_adapters.pydantic import PydanticAdapter
from apiflask.schema_adapters.registry import registry
from flask import Request
from pydantic import BaseModel, ValidationError

from tidemark.storefront.problems import Problem
from tidemark.storefront.protection import LARGEST_BODY

Model = TypeVar("Model", bound=BaseModel)

LONGEST_KEPT = 512
"""Bytes of a query string above which it is read each time, so that those that are kept take little memory."""
MOST_KEPT = 2_048
"""Queries that are kept; the least recently used one makes room."""
MOST_PARAMETERS = 300
MOST_ERRORS = 20
"""Things wrong with a request that an answer names, at most."""
DEEPEST = 32
"""Levels of nesting above which JSON is not taken: what it can hold here has four."""


class StrictAdapter(PydanticAdapter):
    """How a pydantic model is read from a request."""

    def validate_input(self, request: Request, location: str, **kwargs: Any) -> BaseModel:
        """The model, from the query, the headers or the JSON body.

        Raises:
            Problem: `invalid` (422), or `not-json` (415) by the content type.
        """
        match location:
            case "query":
                return read_query(self.model_class, request.query_string)
            case "headers":
                names = [field.alias or name for name, field in self.model_class.model_fields.items()]
                sent = {name: value for name in names if (value := request.headers.get(name)) is not None}
                return _validated(self.model_class, sent, "header")
            case _:
                return _validated(self.model_class, read_json(request), "body")


# At once: APIFlask looks for the adapter when a route is declared, which is when its module is imported.
registry.register("pydantic", StrictAdapter)


def read_query(model: type[Model], text: bytes) -> Model:
    """The model from the query string `text`.

    Raises:
        Problem: `invalid`.
    """
    read = _read_query if len(text) > LONGEST_KEPT else _read_kept_query
    return read(model, text)  # type: ignore[return-value]


def _read_query(model: type[BaseModel], text: bytes) -> BaseModel:
    try:
        pairs = parse_qsl(text.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MOST_PARAMETERS)
    except UnicodeDecodeError:
        _refuse("query", "it is not UTF-8, percent-encoded")
    except ValueError:
        _refuse("query", f"it has more than {MOST_PARAMETERS} parameters")
    lists = {name for name, field in model.model_fields.items() if get_origin(field.annotation) in (list, tuple)}
    sent: dict[str, Any] = {}
    for name, value in pairs:
        if name in lists:
            sent.setdefault(name, []).append(value)
        elif name in sent:
            _refuse(name[:60], "it comes twice")
        else:
            sent[name] = value
    return _validated(model, sent, "query")


_read_kept_query = lru_cache(MOST_KEPT)(_read_query)


def _validated(model: type[BaseModel], sent: Any, where: str) -> BaseModel:
    """The model; what is sent as JSON has its type already, while a query has texts alone."""
    try:
        return model.model_validate(sent, strict=where == "body")
    except ValidationError as error:
        found = [
            {"where": _shown([where, *e["loc"]]), "what": e["msg"].removeprefix("Value error, ")[:200]}
            for e in error.errors(include_url=False, include_input=False, include_context=False)
        ]
        raise _problem(found) from None


def _shown(path: Iterable[object]) -> str:
    """A place in a request, shortened: a name of a megabyte is not said again."""
    return ".".join(str(part)[:60] for part in path).encode("utf-8", "replace").decode()


def _problem(found: list[dict[str, str]]) -> Problem:
    told = "; ".join(f"{error['where']}: {error['what']}" for error in found[:3])
    more = f"; and {len(found) - 3} more" if len(found) > 3 else ""
    return Problem("invalid", told + more, errors=found[:MOST_ERRORS])


def _refuse(where: str, what: str) -> NoReturn:
    raise _problem([{"where": where, "what": what}])


def read_json(request: Request) -> Any:
    """The JSON body of a request: UTF-8, no NaN, no half surrogate, no field twice, not deeper than `DEEPEST`.

    Raises:
        Problem: `not-json` (415) by the content type, `too-large` (413), else `invalid` (422).
    """
    if request.mimetype != "application/json":
        raise Problem("not-json", f"its content type is {request.mimetype[:60] or 'not said'!r}")
    body = request.get_data(cache=False)
    if not request.content_length and len(body) >= (request.max_content_length or LARGEST_BODY):
        raise Problem("too-large")  # of a body whose length was not said, Werkzeug gives what is below the limit
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        _refuse("body", f"not JSON: {str(error)[:120]}")
    if _depth(value, DEEPEST) > DEEPEST:
        _refuse("body", f"nested deeper than {DEEPEST} levels")
    json.loads(body, object_pairs_hook=_no_field_twice)  # orjson takes the last of two
    return value


def _depth(value: Any, most: int) -> int:
    """How deep `value` is nested; no deeper than `most` + 1 is looked."""
    level, depth = [value], 0
    while level and depth <= most:
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        depth += 1
    return depth


def _no_field_twice(pairs: list[tuple[str, Any]]) -> Mapping[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        twice = next(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)
        _refuse(_shown(["body", twice]), "the field comes twice")
    return fields
