"""The API's description (OpenAPI 3.1), as APIFlask makes it of the routes and completed here, and the page made from it."""

import json
import shlex
from collections.abc import Iterator
from typing import Any

from apiflask import APIBlueprint, APIFlask
from flask import current_app, render_template

from tidemark.contracts import schemas
from tidemark.storefront import id_paths
from tidemark.storefront.api_operation import SCOPES

blueprint = APIBlueprint("description", __name__, enable_openapi=False)

Document = dict[str, Any]

INTRODUCTION = (
    "Recommendations for programs. Each request brings an API key (`Authorization: Bearer tm_...`); each error is "
    "`application/problem+json` (RFC 9457) with a `type` that is a page here. A parameter or field that is not described, "
    "or that comes twice, is refused. The API of `/api/v1` only grows: ignore fields that you do not know."
)
PROBLEM: Document = {
    "type": "object",
    "title": "Problem",
    "description": "Why a request was refused or failed: RFC 9457.",
    "required": ["type", "title", "status", "detail", "instance", "request_id"],
    "properties": {
        "type": {"type": "string", "description": "address of a page here that says what the kind means"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "what is wrong this time"},
        "instance": {"type": "string", "description": "the path that was asked"},
        "request_id": {"type": "string", "description": "as in the header X-Request-ID, and in the log"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["where", "what"],
                "properties": {"where": {"type": "string"}, "what": {"type": "string"}},
            },
        },
    },
}


def use(app: APIFlask) -> None:
    """Let `app` describe what is documented by `api_operation`, and nothing else."""
    for name in ("200", "404", "VALIDATION_ERROR", "AUTH_ERROR"):
        app.config[f"AUTO_{name}_RESPONSE"] = False
    app.config["AUTO_SERVERS"] = False
    app.servers = [{"url": "/"}]
    app.info = {"description": INTRODUCTION, "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}}
    app.config["SECURITY_SCHEMES"] = {
        "key": {
            "type": "http",
            "scheme": "bearer",
            "description": "An API key. Scopes: "
            + "; ".join(f"`{scope}`: {text}" for scope, text in SCOPES.items())
            + ".",
        }
    }
    app.spec_processor(completed)


def completed(spec: Any) -> Any:
    """`spec`, with what APIFlask does not know: problems, ids in paths, the contract of interactions, conditional answers."""
    known = spec["components"]["schemas"]
    known["Problem"] = PROBLEM
    known["InteractionMessage"] = _message()
    anything = {"description": "anything else comes back in `rejected`, with the reason"}
    message = {"$ref": "#/components/schemas/InteractionMessage"}
    known["InteractionsIn"]["properties"]["interactions"]["items"] = {"anyOf": [message, anything]}
    for _, _, operation in operations(spec):
        for parameter in operation["parameters"]:
            if parameter["in"] == "path" and parameter["name"] == "interaction_id":
                parameter["schema"] = dict(id_paths.described_key())
            elif parameter["in"] == "path" and parameter["name"].endswith("_id"):
                parameter["schema"] = dict(id_paths.described())
            else:
                _describe_left_out(parameter)
        if body := operation.get("requestBody"):
            body["required"] = True
        if operation.pop("x-conditional", False):
            _describe_conditional(operation)
        for response in operation["responses"].values():
            response.setdefault("headers", {})["X-Request-ID"] = {"schema": {"type": "string"}, "required": True}
    return _with_short_names(spec)


def _describe_left_out(parameter: Document) -> None:
    """A parameter is left out and never null, as a field of a model is; what it is stands beside it, not in its type."""
    schema = parameter["schema"]
    for kind in schema.pop("anyOf", ()):
        if kind.get("type") != "null":
            schema.update(kind)
    if schema.get("default", 0) is None:
        del schema["default"]
    schema.pop("title", None)
    if text := schema.pop("description", ""):
        parameter["description"] = text


def _with_short_names(spec: Document) -> Document:
    """`ListOut.ItemOut`, as APIFlask names a model within one, is `ItemOut`, which is the same in all of them."""
    known = spec["components"]["schemas"]
    text = json.dumps(spec)
    for name in [name for name in known if "." in name]:
        text = text.replace(f'"#/components/schemas/{name}"', f'"#/components/schemas/{name.partition(".")[2]}"')
    short: Document = json.loads(text)
    schemas_of = short["components"]["schemas"]
    short["components"]["schemas"] = {name.rpartition(".")[2]: schemas_of[name] for name in sorted(schemas_of)}
    return short


def _message() -> Document:
    """The contract of one interaction, without the definitions that only its check needs."""
    contract = schemas.schema("interaction_message")
    told = {name: contract[name] for name in ("title", "description", "type", "required")}
    properties = {name: dict(node) for name, node in contract["properties"].items()}
    for name in ("user_id", "item_id"):
        properties[name] = dict(id_paths.described())
    return told | {"properties": properties, "additionalProperties": True}


def _describe_conditional(operation: Document) -> None:
    del operation["responses"]["304"]["content"]  # it has none
    operation["parameters"].append(
        {
            "name": "If-None-Match",
            "in": "header",
            "required": False,
            "schema": {"type": "string"},
            "description": "the ETag of an answer that you have: 304 where you would get the same",
        }
    )
    for status in ("200", "304"):
        operation["responses"][status].setdefault("headers", {})["ETag"] = {
            "schema": {"type": "string"},
            "required": True,
        }


def operations(spec: Document) -> Iterator[tuple[str, str, Document]]:
    """Method, path and description of each operation."""
    for path, methods in spec["paths"].items():
        for method, operation in methods.items():
            if method in ("get", "put", "post", "delete", "patch"):
                yield method.upper(), path, operation


def curl(method: str, path: str, operation: Document) -> str:
    """The operation as a command, with the examples that the description has."""
    for parameter in operation["parameters"]:
        if parameter["in"] == "path":
            known = {"user_id": "A2SUAM1J3GNN3B", "item_id": "B000A0GOEQ", "interaction_id": "interactions-0-1042"}
            path = path.replace(f"{{{parameter['name']}}}", known.get(parameter["name"], parameter["name"]))
    parts = ["curl"] + ([] if method == "GET" else ["-X", method])
    if operation.get("security"):
        parts.append('-H "Authorization: Bearer $TIDEMARK_KEY"')
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("example")
    if body is not None:
        parts += ["-H", shlex.quote("Content-Type: application/json"), "-d", shlex.quote(json.dumps(body))]
    return " ".join([*parts, f'"$TIDEMARK_SHOP{path}"'])


@blueprint.get("/api/v1")
def page() -> str:
    """The API for people to read."""
    spec: Any = current_app._get_spec("json")  # type: ignore[attr-defined]
    told = [
        {
            "method": method,
            "path": path,
            "operation": operation,
            "curl": curl(method, path, operation),
            "example": _example(operation),
        }
        for method, path, operation in operations(spec)
    ]
    return render_template("api/description.html", spec=spec, operations=told, scopes=SCOPES)


def _example(operation: Document) -> str:
    for status in ("200", "202"):
        content = operation["responses"].get(status, {}).get("content", {}).get("application/json", {})
        if "example" in content:
            return json.dumps(content["example"], indent=2)
    return ""
