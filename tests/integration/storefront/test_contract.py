"""The API against its own description, by schemathesis: requests made from it, valid and not; MongoDB is real, Kafka is not.

`TIDEMARK_FULL=1` makes 10,000 cases and more; else as many as some 30 seconds allow.
"""

import os
from collections import Counter

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase
from schemathesis.config import SchemathesisConfig

from tests.support.shop_api import bearer, history, stand_in_app, stand_in_shop
from tidemark.settings import Settings
from tidemark.storage import mongo
from tidemark.storefront.description import operations

CASES = 360 if os.environ.get("TIDEMARK_FULL") else 20
"""Of each of the operations, valid ones and others."""
VALID = schemathesis.GenerationMode.POSITIVE


@pytest.fixture
def app(mongo_db: Settings):
    db = mongo.connect(mongo_db)  # which waits longer than the shop does: the machine may be busy
    mongo.ensure(db, "items")
    shop = stand_in_shop(mongo_db, db)
    shop.serving.histories["u"] = history("u", 5)
    yield stand_in_app(shop)
    db.client.close()


def stays_wrong(query) -> bool:
    """Whether what is to be wrong with a query is still so as text: a list of nothing is no parameter, and any word an id."""
    excluded = query.get("exclude", [])
    words = isinstance(excluded, list) and all(isinstance(item_id, str) for item_id in excluded)
    return words and not any(value in ([], {}) for value in query.values())


ROUTE_WORDS = {"because", "export", "interactions", "recommendations", "similar"}


def has_one_reading(path_parameters) -> bool:
    """Whether no id holds a word of a route: `users/a/because/interactions` is read as another route's (`id_paths`)."""
    return not any(ROUTE_WORDS & set(str(value).split("/")) for value in path_parameters.values())


def check_answers(operation, mode: schemathesis.GenerationMode, seen: Counter[int]) -> None:
    """Ask `operation` what it describes (or, by the other mode, what it does not), and hold its answers to what it says."""

    @hypothesis.settings(
        max_examples=CASES,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @hypothesis.given(operation.as_strategy(generation_mode=mode))
    def check(case):
        if mode is VALID:
            (case.query or {}).pop("cursor", None)  # no text is one that an answer did not give
        hypothesis.assume(stays_wrong(case.query or {}) and has_one_reading(case.path_parameters or {}))
        response = case.call(headers=bearer())
        seen[response.status_code] += 1
        case.validate_response(response, headers=bearer())

    check()


def test_no_answer_is_outside_the_description(app):
    spec = app.test_client().get("/api/v1/openapi.json").json
    schema = schemathesis.openapi.from_dict(spec, config=SchemathesisConfig())
    schema.app = app
    seen: Counter[int] = Counter()
    names = {f"{method} {path}" for method, path, _ in operations(spec)}
    for found in schema.get_all_operations():
        operation = found.ok()
        names.discard(f"{operation.method.upper()} {operation.path}")
        check_answers(operation, VALID, seen)
        if operation.definition.raw["parameters"] or operation.body:
            check_answers(operation, schemathesis.GenerationMode.NEGATIVE, seen)
    assert not names
    assert not [status for status in seen if status >= 500]
    assert seen[200] and seen[202] and seen[422], seen
