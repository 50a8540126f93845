"""v1 only grows: whatever holds to the description that was released holds to the present one.

At a release, `make test ARGS="tests/unit/storefront/test_api_growth.py --release-api"` keeps the present one as the released.
"""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.api_growth import broken
from tidemark.settings import ROOT

RELEASED = ROOT / "docs" / "reference" / "api-v1.released.json"

Document = dict[str, Any]


def test_what_was_released_still_holds(client, request):
    present = client.get("/api/v1/openapi.json").json
    assert broken(json.loads(RELEASED.read_text()), present) == []
    if request.config.getoption("--release-api"):
        RELEASED.write_text(json.dumps(present, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


def description() -> Document:
    """One operation that has of everything."""
    sent = {
        "type": "object",
        "additionalProperties": False,
        "required": ["name"],
        "properties": {
            "name": {"type": "string", "maxLength": 20},
            "size": {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "null"}]},
            "kind": {"enum": ["a", "b"], "type": "string"},
            "tags": {"type": "array", "items": {"type": "string"}},
            "more": {"type": "object"},
        },
    }
    told = {
        "type": "object",
        "required": ["id", "state"],
        "properties": {
            "id": {"type": "string"},
            "state": {"enum": ["on", "off"], "type": "string"},
            "note": {"type": "string"},
            "share": {"type": ["number", "null"]},
        },
    }
    return {
        "components": {"schemas": {"Sent": sent, "Told": told}},
        "paths": {
            "/things": {
                "post": {
                    "security": [{"key": ["write"]}],
                    "parameters": [
                        {"in": "query", "name": "n", "schema": {"type": "integer", "maximum": 100}},
                        {"in": "query", "name": "mode", "required": True, "schema": {"enum": ["x", "y"]}},
                    ],
                    "requestBody": {
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Sent"}}},
                    },
                    "responses": {
                        "200": {
                            "headers": {"ETag": {"required": True, "schema": {"type": "string"}}},
                            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Told"}}},
                        },
                        "404": {},
                    },
                }
            }
        },
    }


def changed(change: Callable[[Document, Document, Document], object]) -> list[str]:
    """What is broken once `change` was made, which is given the operation, what is sent, and what is told."""
    new = copy.deepcopy(description())
    schemas = new["components"]["schemas"]
    change(new["paths"]["/things"]["post"], schemas["Sent"], schemas["Told"])
    return broken(description(), new)


NAME, AT = "POST /things", "POST /things query"
BREAKS: dict[str, Callable[[Document, Document, Document], object]] = {
    f"{AT}.n: gone": lambda op, sent, told: op["parameters"].pop(0),
    f"{AT}.n: must be given now": lambda op, sent, told: op["parameters"][0].update(required=True),
    f"{AT}.page: must be given now": lambda op, sent, told: op["parameters"].append(
        {"in": "query", "name": "page", "required": True, "schema": {}}
    ),
    f"{AT}.n: maximum is 50 now, and was 100": lambda op, sent, told: op["parameters"][0]["schema"].update(maximum=50),
    f"{AT}.n: minimum is 1 now, and was none": lambda op, sent, told: op["parameters"][0]["schema"].update(minimum=1),
    f"{AT}.n: integer is not taken any more": lambda op, sent, told: op["parameters"][0].update(
        schema={"type": "string"}
    ),
    f"{AT}.mode: not the same values, ['x', 'y'] and ['x']": lambda op, sent, told: op["parameters"][1].update(
        schema={"enum": ["x"]}
    ),
    f"{NAME}: needs admin now": lambda op, sent, told: op.update(security=[{"key": ["admin"]}]),
    f"{NAME} 404: gone": lambda op, sent, told: op["responses"].pop("404"),
    f"{NAME} 200 application/json: gone": lambda op, sent, told: op["responses"]["200"].update(
        content={"text/plain": {}}
    ),
    f"{NAME} 200 header ETag: gone": lambda op, sent, told: op["responses"]["200"].pop("headers"),
    f"{NAME} 200 header ETag: may be missing now": lambda op, sent, told: op["responses"]["200"]["headers"][
        "ETag"
    ].update(required=False),
    f"{NAME} body: must be given now": lambda op, sent, told: op["requestBody"].update(required=True),
    f"{NAME} body application/json: gone": lambda op, sent, told: op.pop("requestBody"),
    f"{NAME} body.tags: gone": lambda op, sent, told: sent["properties"].pop("tags"),
    f"{NAME} body.size: must be given now": lambda op, sent, told: sent["required"].append("size"),
    f"{NAME} body.size: null is not taken any more": lambda op, sent, told: sent["properties"].update(
        size={"type": "integer", "minimum": 0}
    ),
    f"{NAME} body.size: minimum is 1 now, and was 0": lambda op, sent, told: sent["properties"]["size"]["anyOf"][
        0
    ].update(minimum=1),
    f"{NAME} body.name: maxLength is 5 now, and was 20": lambda op, sent, told: sent["properties"]["name"].update(
        maxLength=5
    ),
    f"{NAME} body.name: pattern is ^a now, and was none": lambda op, sent, told: sent["properties"]["name"].update(
        pattern="^a"
    ),
    f"{NAME} body.kind: not the same values, ['a', 'b'] and ['b', 'c']": lambda op, sent, told: sent["properties"][
        "kind"
    ].update(enum=["b", "c"]),
    f"{NAME} body.tags[]: string is not taken any more": lambda op, sent, told: sent["properties"]["tags"].update(
        items={"type": "integer"}
    ),
    f"{NAME} body.more: not any additionalProperties are taken now": lambda op, sent, told: sent["properties"][
        "more"
    ].update(additionalProperties=False),
    f"{NAME} 200.note: gone": lambda op, sent, told: told["properties"].pop("note"),
    f"{NAME} 200.state: may be missing now": lambda op, sent, told: told["required"].remove("state"),
    f"{NAME} 200.id: integer is answered now": lambda op, sent, told: told["properties"].update(id={"type": "integer"}),
    f"{NAME} 200.id: null is answered now": lambda op, sent, told: told["properties"].update(
        id={"type": ["string", "null"]}
    ),
    f"{NAME} 200.state: not the same values, ['on', 'off'] and ['on', 'off', 'lost']": lambda op, sent, told: told[
        "properties"
    ]["state"]["enum"].append("lost"),
}


@pytest.mark.parametrize("said", BREAKS)
def test_what_breaks_somebody_is_named(said):
    assert changed(BREAKS[said]) == [said]


GROWS: dict[str, Callable[[Document, Document, Document], object]] = {
    "a parameter": lambda op, sent, told: op["parameters"].append({"in": "query", "name": "page", "schema": {}}),
    "a parameter may be left out": lambda op, sent, told: op["parameters"][1].pop("required"),
    "more values are taken": lambda op, sent, told: op["parameters"][1]["schema"]["enum"].append("z"),
    "any value is taken": lambda op, sent, told: op["parameters"][1].update(schema={}),
    "a number where a whole one was": lambda op, sent, told: op["parameters"][0]["schema"].update(type="number"),
    "a wider bound": lambda op, sent, told: op["parameters"][0]["schema"].update(maximum=200),
    "no bound": lambda op, sent, told: sent["properties"]["name"].pop("maxLength"),
    "a field that may be sent": lambda op, sent, told: sent["properties"].update(color={"type": "string"}),
    "a field that need not be sent": lambda op, sent, told: sent["required"].clear(),
    "null is taken": lambda op, sent, told: sent["properties"].update(tags={"type": ["array", "null"]}),
    "unknown fields are taken": lambda op, sent, told: sent.pop("additionalProperties"),
    "a field that is answered": lambda op, sent, told: told["properties"].update(color={"type": "string"}),
    "a field that is always answered": lambda op, sent, told: told["required"].append("note"),
    "fewer values are answered": lambda op, sent, told: told["properties"]["state"]["enum"].remove("off"),
    "null is answered no more": lambda op, sent, told: told["properties"].update(share={"type": "number"}),
    "a whole number where any was": lambda op, sent, told: told["properties"].update(share={"type": "integer"}),
    "a status": lambda op, sent, told: op["responses"].update({"429": {}}),
    "a header": lambda op, sent, told: op["responses"]["404"].update(headers={"Retry-After": {"schema": {}}}),
    "open to everybody": lambda op, sent, told: op.pop("security"),
}


@pytest.mark.parametrize("name", GROWS)
def test_what_breaks_nobody_is_growth(name):
    assert changed(GROWS[name]) == []


def test_what_is_gone_or_new_as_a_whole():
    new = copy.deepcopy(description())
    new["paths"]["/others"] = {"get": {"responses": {}}}
    assert broken(description(), new) == []
    assert broken(new, description()) == ["GET /others: gone"]
    new["paths"]["/things"]["put"] = new["paths"]["/things"].pop("post")
    assert broken(description(), new) == ["POST /things: gone"]


def test_a_schema_may_hold_itself():
    whole = description()
    whole["components"]["schemas"]["Told"]["properties"]["part"] = {"$ref": "#/components/schemas/Told"}
    assert broken(whole, copy.deepcopy(whole)) == []
