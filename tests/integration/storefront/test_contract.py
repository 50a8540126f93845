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
from tidemark.storefront.shop import database

CASES = 700 if os.environ.get("TIDEMARK_FULL") else 10
"""Of each of the operations, valid ones and others."""
MODES = (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE)


@pytest.fixture
def app(mongo_db: Settings):
    db = database(mongo_db)
    mongo.ensure(db, "items")
    shop = stand_in_shop(mongo_db, db)
    shop.serving.histories["u"] = history("u", 5)  # type: ignore[attr-defined]
    yield stand_in_app(shop)
    db.client.close()


def test_no_answer_is_outside_the_description(app):
    spec = app.test_client().get("/api/v1/openapi.json").json
    schema = schemathesis.openapi.from_dict(spec, config=SchemathesisConfig())
    schema.app = app
    seen: Counter[int] = Counter()
    settings = hypothesis.settings(
        max_examples=CASES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    names = {f"{method} {path}" for method, path, _ in operations(spec)}
    for found in schema.get_all_operations():
        operation = found.ok()
        names.discard(f"{operation.method.upper()} {operation.path}")
        takes_something = bool(operation.definition.raw["parameters"] or operation.body)
        for mode in MODES if takes_something else MODES[:1]:

            @settings
            @hypothesis.given(operation.as_strategy(generation_mode=mode))
            def check(case):
                response = case.call(headers=bearer())
                seen[response.status_code] += 1
                case.validate_response(response, headers=bearer())

            check()
    assert not names
    assert not [status for status in seen if status >= 500]
    assert seen[200] and seen[202] and seen[422], seen
