"""The description says what there is; and who may ask it stands in a table here, so that no route escapes."""

import json
import re
import shlex

import jsonschema
import pytest

from tests.support.shop_api import bearer
from tidemark.storefront.description import operations

SCOPES = {
    "GET /healthz": None,
    "GET /readyz": None,
    "GET /metrics": "read",
    "GET /api/v1/models": "read",
    "GET /api/v1/experiments/{name}": "read",
    "GET /api/v1/popular": "read",
    "POST /api/v1/interactions": "write",
    "POST /api/v1/items": "write",
    "PUT /api/v1/items/{item_id}": "write",
    "GET /api/v1/items/{item_id}/similar": "read",
    "POST /api/v1/recommendations/batch": "read",
    "POST /api/v1/recommendations/session": "read",
    "DELETE /api/v1/users/{user_id}": "admin",
    "GET /api/v1/erasures/{erasure_id}": "admin",
    "POST /api/v1/erasures": "admin",
    "GET /api/v1/users/{user_id}/recommendations": "read",
    "GET /api/v1/users/{user_id}/interactions": "read",
    "DELETE /api/v1/users/{user_id}/interactions/{interaction_id}": "admin",
    "GET /api/v1/users/{user_id}/export": "read",
    "GET /api/v1/users/{user_id}/because/{item_id}": "read",
}
"""Operation -> the scope that a key needs."""

OPEN = {"openapi.spec", "description.page", "problems.page", "static"}
"""Endpoints that are not operations: pages, and the description."""


@pytest.fixture
def spec(client):
    return client.get("/api/v1/openapi.json").json


def test_the_description_is_openapi_3_1_and_open_to_everybody(client):
    answer = client.get("/api/v1/openapi.json")
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    assert answer.json["openapi"].startswith("3.1")
    assert answer.json["servers"] == [{"url": "/"}]


def described_here(app, rule):
    """Whether a route is for programs: those of the pages are in `test_roles.py`."""
    blueprint = app.blueprints.get(rule.endpoint.rpartition(".")[0])
    return blueprint is None or getattr(blueprint, "enable_openapi", False)


def test_every_route_is_described_with_its_scope(client, spec):
    described = {f"{method} {path}": operation for method, path, operation in operations(spec)}
    assert {name: o.get("security", [{}])[0].get("key", [None])[0] for name, o in described.items()} == SCOPES
    routed = set()
    for rule in client.application.url_map.iter_rules():
        if rule.endpoint not in OPEN and described_here(client.application, rule):
            path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
            routed |= {f"{method} {path}" for method in rule.methods - {"HEAD", "OPTIONS"}}
    assert routed == set(SCOPES)


@pytest.mark.parametrize("name", SCOPES)
def test_each_route_by_each_scope(client, name):
    method, path = name.split()
    path = (
        path.format(user_id="u", item_id="item01", erasure_id="e", name="autumn", interaction_id="t-0-1")
        if "{" in path
        else path
    )

    def status(headers):
        return client.open(path, method=method, headers=headers, json={} if method != "GET" else None).status_code

    needed = SCOPES[name]
    refused = {401} if needed else set()
    for headers in ({}, bearer("tm_wrong"), {"Authorization": "Basic YTpi"}, {"Authorization": "tm_admin"}):
        assert ({status(headers)} <= {401}) == bool(refused)
    for scope in ("read", "write", "admin"):
        allowed = needed in (None, scope) or scope == "admin"
        assert (status(bearer(f"tm_{scope}")) not in (401, 403)) == allowed, scope


def test_every_error_is_described_as_a_problem(spec):
    for _, path, operation in operations(spec):
        for status, response in operation["responses"].items():
            if status[0] in "45":
                assert list(response["content"]) == ["application/problem+json"], (path, status)
        assert "500" in operation["responses"]
        assert "422" in operation["responses"]


def test_every_reference_leads_somewhere_and_every_schema_is_one(spec):
    known = spec["components"]["schemas"]
    for name in re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(spec)):
        assert name in known
    for name, schema in known.items():
        assert "." not in name
        jsonschema.Draft202012Validator.check_schema(schema)


def test_every_example_is_as_its_schema_says(spec):
    looked_at = 0
    for _, path, operation in operations(spec):
        bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
        for content in [kind for body in bodies for kind in body.get("content", {}).values()]:
            if "example" in content:
                schema = content["schema"] | {"components": spec["components"]}
                jsonschema.validate(content["example"], schema)
                looked_at += 1
        assert operation["summary"], path
    assert looked_at > len(SCOPES)


def test_a_parameter_is_never_null(spec):
    for _, path, operation in operations(spec):
        for parameter in operation["parameters"]:
            assert "anyOf" not in parameter["schema"], (path, parameter["name"])
            assert parameter["schema"]["type"], (path, parameter["name"])


def test_the_page_shows_every_operation_as_a_command_that_can_be_copied(client):
    page = client.get("/api/v1").text
    for name in SCOPES:
        assert name.split()[1] in page
    for command in re.findall(r"<code>(curl [^<]+)</code>", page):
        shlex.split(command.replace("&#34;", '"').replace("&#39;", "'"))
    assert not re.search(r"<script|style=|\son\w+=", page)
