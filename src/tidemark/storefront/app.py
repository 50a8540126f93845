"""The storefront as an application: what a worker holds, its routes, and what holds for every request.

Every answer has an `X-Request-ID`, the caller's own where it sent one, by which the log and a problem can be found again.
"""

import time
from typing import TYPE_CHECKING, Any

import orjson
from apiflask import APIFlask
from flask import Flask, Response, g, request
from flask.json.provider import JSONProvider

from tidemark import __version__
from tidemark.settings import Settings, settings
from tidemark.storefront import (
    act_routes,
    description,
    erase_routes,
    erasure_routes,
    experiment_routes,
    history_routes,
    hot_route,
    id_paths,
    interaction_routes,
    item_routes,
    live_routes,
    login,
    person_routes,
    presenter_routes,
    problems,
    protection,
    recommendation_routes,
    request_ids,
    shop_routes,
    sign_in_routes,
    system_routes,
)
from tidemark.storefront.shop import EXTENSION, Shop
from tidemark.storefront.shop_metrics import ShopMetrics

if TYPE_CHECKING:
    from tidemark.serving.service import Serving

BLUEPRINTS = (
    recommendation_routes.blueprint,
    item_routes.blueprint,
    interaction_routes.blueprint,
    person_routes.blueprint,
    erasure_routes.blueprint,
    experiment_routes.blueprint,
    system_routes.blueprint,
    description.blueprint,
    problems.blueprint,
    sign_in_routes.blueprint,
    shop_routes.blueprint,
    act_routes.blueprint,
    history_routes.blueprint,
    erase_routes.blueprint,
    presenter_routes.blueprint,
    live_routes.blueprint,
)


class OrjsonProvider(JSONProvider):
    """Flask's JSON by orjson."""

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        """`obj` as JSON."""
        return orjson.dumps(obj, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z).decode()

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        """What the JSON `s` says."""
        return orjson.loads(s)


def create_app(
    config: Settings | None = None, serving: "Serving | None" = None, *, shop: Shop | None = None
) -> APIFlask:
    """The application; it asks no server and starts no thread but those of the parts of `shop`.

    Args:
        config: the settings; None: those of the process.
        serving: who answers what a person gets; None: the platform's own, which the caller starts.
        shop: all that the worker holds, where it is not to be made of the platform's own parts.
    """
    app = APIFlask(
        __name__,
        title="Tidemark",
        version=__version__,
        spec_path="/api/v1/openapi.json",
        docs_path=None,
        json_errors=False,
        static_url_path="/static",
    )
    app.json = OrjsonProvider(app)
    shop = shop or Shop.of(config or settings(), serving)
    app.extensions[EXTENSION] = shop
    app.extensions[ShopMetrics.EXTENSION] = ShopMetrics()
    id_paths.use(app)
    description.use(app)
    problems.handle(app)
    _measure(app)
    login.install(app, shop.config, shop.accounts, shop.sessions, shop.sign_ins)
    app.wsgi_app = protection.read_whole(app.wsgi_app)  # type: ignore[method-assign]
    hot_route.install(app)
    protection.protect(app, shop.config)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    return app


def _measure(app: Flask) -> None:
    """Name each request and note how long it took."""
    metrics: ShopMetrics = app.extensions[ShopMetrics.EXTENSION]

    def begin() -> None:
        g.begun = time.perf_counter()
        g.request_id = request_ids.of(request.headers.get(request_ids.HEADER))

    def end(response: Response) -> Response:
        response.headers[request_ids.HEADER] = g.request_id
        metrics.observe(request.endpoint or "", response.status_code, time.perf_counter() - g.begun)
        return response

    app.before_request(begin)
    app.after_request(end)
