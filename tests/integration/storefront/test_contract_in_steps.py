"""The API against its own description, a step leading to the next: schemathesis follows the links of the description, from what
was sent and answered, over a real database, a real broker and published models.

`TIDEMARK_FULL=1` takes ten thousand steps; else as many as some 15 seconds allow.
"""

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import schemathesis
from apiflask import APIFlask
from hypothesis import HealthCheck, Phase
from hypothesis.errors import FlakyStrategyDefinition
from pydantic import SecretStr
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import Failure, FailureGroup

from tests.support.published import Published
from tests.support.shop_api import StandInKeys, bearer, stand_in_app
from tests.support.topic import Topic
from tidemark.serving.service import Serving
from tidemark.settings import Settings
from tidemark.storage import mongo
from tidemark.storefront.shop import Shop

CONFIG = {
    "generation": {"mode": "positive"},
    "phases": {"stateful": {"inference": {"algorithms": []}}},
    "checks": {"ignored_auth": {"enabled": False}, "use_after_free": {"enabled": False}},
}
"""Only what is described, along the links that are: what is not, and other keys, are `test_contract.py`'s. Who was erased is as one
who never came, and so has an empty history and popular items, and is not 404."""
OF_ITEMS = {
    "GET /api/v1/popular",
    "POST /api/v1/items",
    "PUT /api/v1/items/{item_id}",
    "GET /api/v1/items/{item_id}/similar",
}
OF_PEOPLE = {
    "POST /api/v1/interactions",
    "GET /api/v1/users/{user_id}/recommendations",
    "GET /api/v1/users/{user_id}/interactions",
    "GET /api/v1/users/{user_id}/export",
    "DELETE /api/v1/users/{user_id}",
    "GET /api/v1/erasures/{erasure_id}",
}
"""Where walks lead and get what they ask for. One that may begin with an item never begins with a person, for schemathesis takes
what creates something that is asked for by name: so people's are walked apart."""
HISTORY = "GET /api/v1/users/{user_id}/interactions"
PEOPLE = "/interactions|/users/|/erasures"
WALKS, STEPS = (500, 10) if os.environ.get("TIDEMARK_FULL") else (60, 8)


@pytest.fixture
def app(mongo_db: Settings, kafka_env: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[APIFlask]:
    """The application of one worker, all of it real but its keys."""
    topic = Topic(monkeypatch)
    here: dict[str, Any] = {"next_offsets": topic.bookmark.ends(), "topic_id": topic.bookmark.topic_id()}
    for name in ("items", "erased"):
        mongo.ensure(topic.db, name)
    Published(topic.db, tmp_path / "runs").publish(1, **here)
    more = {"shop_packs": str(tmp_path / "packs"), "shop_secret": SecretStr("signed with this")}
    config = topic.config.model_copy(update=more)
    serving = Serving(config)
    serving.start()
    shop = Shop.of(config, serving)
    yield stand_in_app(replace(shop, keys=StandInKeys()))  # type: ignore[arg-type]
    shop.close()


@pytest.mark.parametrize(("paths", "reached"), [(".", OF_ITEMS), (PEOPLE, OF_PEOPLE)], ids=["items", "people"])
def test_no_step_leads_out_of_the_description(app: APIFlask, paths: str, reached: set[str]) -> None:
    spec: Any = app.test_client().get("/api/v1/openapi.json").json
    described = schemathesis.openapi.from_dict(spec, config=SchemathesisConfig.from_dict(CONFIG))
    schema = described.include(path_regex=paths)
    schema.app = app
    steps: Counter[str] = Counter()
    seen: Counter[int] = Counter()
    walks: list[None] = []
    cursors: set[str] = set()
    wrong: list[str] = []

    class Walk(schema.as_state_machine()):
        """Steps from one operation to the next, each with the key that may all."""

        def setup(self) -> None:
            walks.append(None)

        def validate_response(self, response: Any, case: Any, *given: Any, **more: Any) -> None:
            # Noted, and not raised: hypothesis would try it again, where it need not come again.
            try:
                super().validate_response(response, case, *given, **more)
            except (FailureGroup, Failure) as error:
                wrong.append(f"{case.operation.label}: {error}")

        def before_call(self, case: Any) -> None:
            super().before_call(case)
            if (case.query or {}).get("cursor") not in cursors:  # no text is one that an answer did not give
                (case.query or {}).pop("cursor", None)

        def get_call_kwargs(self, case: Any) -> dict[str, Any]:
            return {"headers": bearer()}

        def after_call(self, response: Any, case: Any) -> None:
            super().after_call(response, case)
            if response.status_code == 200 and case.operation.label == HISTORY:
                cursors.add(response.json()["next_cursor"])
            seen[response.status_code] += 1
            steps[case.operation.label] += response.status_code < 300

    # What a walk finds was changed by those before it, so what hypothesis draws goes another way than the last time, and it
    # ends. That is no fault of the API: it begins anew, with another seed.
    for begun in range(WALKS):
        if len(walks) >= WALKS:
            break
        with suppress(FlakyStrategyDefinition):
            hypothesis.seed(begun)(Walk).run(
                settings=hypothesis.settings(
                    max_examples=WALKS - len(walks),
                    stateful_step_count=STEPS,
                    phases=[Phase.generate],
                    suppress_health_check=list(HealthCheck),
                )
            )
    assert wrong == []
    assert len(walks) >= WALKS / 2
    assert not [status for status in seen if status >= 500]
    unseen = reached - {label for label, well in steps.items() if well}
    assert not unseen, f"never came to {unseen}"
