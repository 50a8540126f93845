"""The route that is asked the most, `GET /api/v1/users/<user_id>/recommendations`, and its way round the framework.

A stored answer costs less than Flask, APIFlask and Werkzeug take to find out who is to give it
(docs/decisions/0011-the-hot-route.md). So what is plain is answered before they are asked: a key that is good, an id of
plain letters, parameters as the description says. It is made by the same functions, and whatever is not plain, is refused
or fails goes on to the application, which says so as it says everything: nothing can be had this way that could not be had
by the other, and a test asks both.
"""

import logging
import re
import time
from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask

from tidemark.serving.answers import Ask
from tidemark.storefront import answers_out, arms, request_ids, strict_inputs
from tidemark.storefront.api_models import RecommendationWish
from tidemark.storefront.api_operation import JSON, PRIVATE, READ, encoded
from tidemark.storefront.conditional import etag, has
from tidemark.storefront.id_paths import LONGEST
from tidemark.storefront.problems import Problem
from tidemark.storefront.protection import HOST
from tidemark.storefront.shop import EXTENSION, Shop
from tidemark.storefront.shop_metrics import ShopMetrics

log = logging.getLogger(__name__)

BEFORE, AFTER = "/api/v1/users/", "/recommendations"
ENDPOINT = "recommendations.recommendations"
"""The route's name, in the metrics too."""

Environ = dict[str, Any]
Headers = list[tuple[str, str]]

_plain_id = re.compile(rf"[A-Za-z0-9_@+-][A-Za-z0-9_.@+-]{{0,{LONGEST - 1}}}").fullmatch


def ask(user_id: str, wish: RecommendationWish) -> Ask:
    """What is asked of serving."""
    return Ask(user_id, wish.n, wish.filter(), wish.seen == "include", explain=wish.explain)


def made(shop: Shop, user_id: str, wish: RecommendationWish, known: str | None) -> tuple[str, bytes | None]:
    """The ETag and the body of the answer; None where the caller has it.

    Args:
        shop: what the storefront holds.
        user_id: whom for.
        wish: what is wished.
        known: the header If-None-Match, where there is one.
    """
    if known is not None:
        tag = etag(*arms.version(shop, user_id))
        if has(known, tag):
            return tag, None
    answer, arm = arms.recommend(shop, ask(user_id, wish))
    told = answers_out.recommendations(shop, answer, placement=wish.placement, explain=wish.explain, arm=arm)
    return etag(answer.version, arm), encoded(told)


class HotRoute:
    """Answers what is plain, and lets the application answer the rest.

    Args:
        rest: the application.
        shop: what the storefront holds.
        metrics: where the time of each answer is noted.
    """

    def __init__(self, rest: Callable[..., Iterable[bytes]], shop: Shop, metrics: ShopMetrics) -> None:
        self._rest, self._shop, self._metrics = rest, shop, metrics

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """As WSGI has it."""
        begun = time.perf_counter()
        user_id = _user_id(environ)
        try:
            found = None if user_id is None else self._answer(user_id, environ)
        except Exception as error:
            # Asked once more, the application fails too, and tells it as a problem; or it does not.
            log.info("the hot route leaves a request to the application: %s", type(error).__name__)
            found = None
        if found is None:
            return self._rest(environ, start_response)
        tag, body = found
        headers = [
            ("Cache-Control", PRIVATE),
            ("ETag", tag),
            (request_ids.HEADER, request_ids.of(environ.get("HTTP_X_REQUEST_ID"))),
        ]
        if body is None:
            start_response("304 NOT MODIFIED", headers)
        else:
            start_response("200 OK", [*headers, ("Content-Type", JSON), ("Content-Length", str(len(body)))])
        self._metrics.observe(ENDPOINT, 304 if body is None else 200, time.perf_counter() - begun)
        return () if body is None else (body,)

    def _answer(self, user_id: str, environ: Environ) -> tuple[str, bytes | None] | None:
        query = environ.get("QUERY_STRING", "").encode("latin-1")
        try:
            wish = strict_inputs.read_query(RecommendationWish, query)
        except Problem:
            return None
        kind, _, text = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
        keys = self._shop.keys
        key = keys.check(text) if kind.lower() == "bearer" else None
        if key is None or not key.may(READ) or keys.wait(key):
            return None
        return made(self._shop, user_id, wish, environ.get("HTTP_IF_NONE_MATCH"))


def _user_id(environ: Environ) -> str | None:
    """Whose list a plain request asks for; None where it asks for something else, or is not plain."""
    path = environ["PATH_INFO"]
    if not (path.startswith(BEFORE) and path.endswith(AFTER)) or environ["REQUEST_METHOD"] != "GET":
        return None
    user_id: str = path[len(BEFORE) : -len(AFTER)]
    odd = environ.get("SCRIPT_NAME") or environ.get("CONTENT_LENGTH") or environ.get("HTTP_TRANSFER_ENCODING")
    if odd or not _plain_id(user_id) or not HOST.fullmatch(environ.get("HTTP_HOST", "")):
        return None
    return user_id


def install(app: Flask) -> None:
    """Put it before `app`, inside of what completes every answer's headers (`protection.protect`, called later)."""
    shop, metrics = app.extensions[EXTENSION], app.extensions[ShopMetrics.EXTENSION]
    app.wsgi_app = HotRoute(app.wsgi_app, shop, metrics)  # type: ignore[method-assign]
