"""Ids in paths: any that the contract of interactions allows, so also those with `/`, `%`, `+`, dots and all of Unicode.

WSGI gives a path decoded: whether a `/` came as `%2F` is not known any more, so an id takes as many segments as it needs,
and no two slashes are made one. Where an id holds the words of another route (`a/because/b`), the path has two readings:
the first one by the router's order is taken. It grants nothing that the other would not: a key's scope is not of one user.
Deleting is the one exception, for it must not be mistaken: `users/a/interactions/b` is an interaction, and never the user
of that name, whom `POST /erasures` names.
"""

import re
from functools import cache
from typing import Any

from flask import Flask
from werkzeug.routing import BaseConverter

from tidemark.contracts import schemas
from tidemark.storefront.problems import Problem

_NODE = schemas.schema("interaction_message")["properties"]["user_id"]

LONGEST = int(_NODE["maxLength"])
"""Characters of an id, at most."""
PATTERN = r"^[^\u0000-\u0020:\u007f\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+$"
"""The contract's pattern as a description says it: white space by its code points, for readers do not agree on what it is."""

LONGEST_KEY = int(schemas.schema("interaction")["properties"]["_id"]["maxLength"])
"""Characters of an interaction's key, at most."""
KEY_PATTERN = PATTERN.replace(r":\u007f", r"\u007f")
"""The same for keys, which are made of ids put together by `:`."""

_allowed = re.compile(_NODE["pattern"]).match
_allowed_key = re.compile(KEY_PATTERN).fullmatch


def is_id(text: str) -> bool:
    """Whether the contract allows `text` as a user_id or item_id."""
    return len(text) <= LONGEST and _allowed(text) is not None


class IdConverter(BaseConverter):
    """`<id:user_id>` in a route."""

    regex = r"(?s:.+?)"
    part_isolating = False

    def to_python(self, value: str) -> str:
        """The id.

        Raises:
            Problem: `invalid`: no id can be so.
        """
        if not is_id(value):
            raise Problem("invalid", f"no id has more than {LONGEST} characters, or white space, ':' or controls in it")
        return value


class KeyConverter(IdConverter):
    """`<key:interaction_id>` in a route."""

    def to_python(self, value: str) -> str:
        """The key.

        Raises:
            Problem: `invalid`: no key can be so.
        """
        if len(value) > LONGEST_KEY or not _allowed_key(value):
            raise Problem("invalid", f"no key has more than {LONGEST_KEY} characters, or white space or controls in it")
        return value


def use(app: Flask) -> None:
    """Let routes of `app` have ids; to be called before any is added."""
    app.url_map.converters |= {"id": IdConverter, "key": KeyConverter}
    app.url_map.merge_slashes = False
    app.url_map.strict_slashes = True


@cache
def described() -> dict[str, Any]:
    """An id as OpenAPI says it."""
    return {"type": "string", "minLength": 1, "maxLength": LONGEST, "pattern": PATTERN}


@cache
def described_key() -> dict[str, Any]:
    """An interaction's key as OpenAPI says it."""
    return {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": KEY_PATTERN}
