"""Routes for operators and their machines: the models, whether the process lives, whether it can answer, its metrics."""

from typing import Any

from apiflask import APIBlueprint
from flask import Response, current_app
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4 as CONTENT_TYPE

from tidemark.storefront.api_models import HealthOut, ModelsOut, ReadyOut
from tidemark.storefront.api_operation import READ, answer_json, operation
from tidemark.storefront.problems import away
from tidemark.storefront.shop import shop
from tidemark.storefront.shop_metrics import ShopMetrics

blueprint = APIBlueprint("system", __name__, tag="Operation")


@operation(
    blueprint,
    "GET",
    "/api/v1/models",
    scope=READ,
    answer=ModelsOut,
    answered={"live": "20261124T101500-als", "models": [{"model_id": "20261124T101500-als", "status": "champion"}]},
)
def models() -> Response:
    """The models that are kept, with their figures, and which one is live."""
    serving = shop().serving
    return answer_json({"live": serving.state().model_id, "models": [_named(model) for model in serving.models()]})


def _named(model: dict[str, Any]) -> dict[str, Any]:
    named = dict(model)
    return {"model_id": named.pop("model_id", None) or named.pop("_id", None)} | named


@operation(blueprint, "GET", "/healthz", scope=None, answer=HealthOut, answered={"status": "ok"})
def healthz() -> Response:
    """Whether the process answers; it asks no other."""
    return answer_json({"status": "ok"}, headers={"Cache-Control": "no-store"})


@operation(
    blueprint,
    "GET",
    "/readyz",
    scope=None,
    answer=ReadyOut,
    problems=("away",),
    answered={"status": "ready", "model_id": "20261124T101500-als", "made_at": "2026-11-24T10:15:00Z", "fresh": True},
)
def readyz() -> Response:
    """Whether it can answer what a person gets: a model is mapped, or there is none yet. MongoDB may be away."""
    serving = shop().serving
    if not serving.ready():
        raise away("no model is mapped yet")
    state = serving.state()
    told = {"status": "ready", "model_id": state.model_id, "made_at": state.made_at, "fresh": state.fresh}
    return answer_json(told, headers={"Cache-Control": "no-store"})


@operation(blueprint, "GET", "/metrics", scope=READ, answer=None, media_type="text/plain")
def metrics() -> Response:
    """Metrics of all workers in Prometheus' text form."""
    measured: ShopMetrics = current_app.extensions[ShopMetrics.EXTENSION]
    answer = Response(measured.exposition(shop()), content_type=CONTENT_TYPE)
    answer.headers["Cache-Control"] = "no-store"
    return answer
