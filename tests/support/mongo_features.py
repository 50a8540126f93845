"""What the platform asks of MongoDB, held against `deploy/mongo/features.json`: the list of what was looked up in the manuals of
every version that it is meant for.

Twice: what stands in the code (`written`), whether or not a test runs it, and what servers of the tests were asked for by
whatever process, drivers and Spark's connector included (`counted`).
"""

import ast
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from tidemark.contracts import schemas
from tidemark.settings import ROOT

FILE = ROOT / "deploy/mongo/features.json"
OPERATORS = ("stages", "query", "expressions", "accumulators", "update", "extended_json")
"""The kinds whose names stand in code as keys that begin with `$`."""
OTHERS = frozenset(["$defs", "$ref", "$schema"])
"""Such keys that are JSON Schema's."""
_COUNTERS = {
    "expressions": "expressions",
    "match": "query",
    "groupAccumulators": "accumulators",
    "windowAccumulators": "windows",
}
_METHODS = {"create_index": "index_options", "create_collection": "collection_options"}
_OF_PYMONGO = frozenset(["check_exists", "session", "name"])
"""Arguments of `_METHODS` that are not sent."""

_SPEAKS_OF_MONGO = re.compile(r"[\"']\$|pymongo|\.command\(|\.create_(index|collection)\(")

Found = dict[str, set[str]]


def listed() -> dict[str, dict[str, str]]:
    """Kind -> name -> where it was looked up."""
    kinds: dict[str, dict[str, str]] = json.loads(FILE.read_text(encoding="utf-8"))["features"]
    return kinds


def counted(client: "MongoClient[dict[str, Any]]") -> Found:
    """Kind -> what the server was asked for since it started."""
    metrics = client.admin.command("serverStatus")["metrics"]
    commands = {name for name, one in metrics["commands"].items() if isinstance(one, Mapping) and one.get("total")}
    found: Found = {
        "commands": commands,
        "stages": {name for name, count in metrics["aggStageCounters"].items() if count},
    }
    for name, counters in metrics["operatorCounters"].items():
        found[_COUNTERS[name]] = {one for one, count in counters.items() if count}
    return found


def fail_if_not_listed(found: Mapping[str, Iterable[str]]) -> None:
    """Fail where something was found that nobody has looked up."""
    known = listed()
    missing = [
        f"{kind}: {name}" for kind, names in found.items() for name in sorted(set(names) - known.get(kind, {}).keys())
    ]
    if missing:
        pytest.fail(
            f"MongoDB was asked for what {FILE.relative_to(ROOT)} does not list:\n" + "\n".join(missing) + "\n"
            "Look it up in the manuals of both 6.0 and 8.0, and list it if both have it as it is used here.",
            pytrace=False,
        )


def written(files: Iterable[Path]) -> Found:
    """Kind -> what the code of these files names; `operators` are of any of the kinds `OPERATORS`."""
    found: Found = defaultdict(set)
    for file in files:
        text = file.read_text(encoding="utf-8")
        if _SPEAKS_OF_MONGO.search(text):  # most do not, and parsing is the slow part
            for kind, name in _of(ast.parse(text)):
                found[kind].add(name)
    found["operators"] -= OTHERS
    return dict(found)


def _of(tree: ast.AST) -> Iterator[tuple[str, str]]:
    decorators = {id(each) for node in ast.walk(tree) for each in getattr(node, "decorator_list", ())}
    for node in ast.walk(tree):
        if id(node) in decorators:
            continue  # `@app.command("add")` is one of a person's
        if isinstance(node, ast.ImportFrom) and node.module == "pymongo":
            yield from (("index_types", alias.name) for alias in node.names if alias.name.isupper())
        elif isinstance(node, ast.Dict):
            inside = (
                part for key in node.keys if key for part in ast.walk(key)
            )  # `{"$add" if again else "$max": ...}`
            yield from (("operators", key) for key in map(_text, inside) if key.startswith("$"))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield from _of_call(node, node.func.attr)
        elif text := _text(node):
            yield from (("operators", name) for name in re.findall(r'"(\$\w+)"\s*:', text))  # a pipeline as JSON
            yield from (("variables", name) for name in re.findall(r"\$\$[A-Z_]+\b", text))


def _of_call(node: ast.Call, method: str) -> Iterator[tuple[str, str]]:
    if method in _METHODS:
        given = {keyword.arg for keyword in node.keywords if keyword.arg} - _OF_PYMONGO
        yield from ((_METHODS[method], name) for name in given)
    elif method == "command" and node.args:
        first = node.args[0]
        name = _text(next(iter(first.keys), None)) if isinstance(first, ast.Dict) else _text(first)
        if name:
            yield "commands", name


def _text(node: ast.AST | None) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def validators() -> set[str]:
    """The keywords of `$jsonSchema` that contracts become."""
    return {keyword for name in schemas.names() for keyword in _keywords(schemas.mongo_validator(name)["$jsonSchema"])}


def _keywords(node: Any) -> Iterator[str]:
    """Those of `node` and of what stands below it; the keys of `properties` are names of fields."""
    if not isinstance(node, Mapping):
        return
    for key, value in node.items():
        yield key
        for inner in value.values() if key == "properties" else [value]:
            yield from _keywords(inner)
