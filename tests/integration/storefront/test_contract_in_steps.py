"""The API against its own description, a step leading to the next: schemathesis follows the links of the description, from what
was sent and answered, over a real database, a real broker and published models.

Each operation that is described must be come to, and give what it was asked for. `TIDEMARK_FULL=1` takes ten thousand steps; else
as many as some 15 seconds allow.
"""

import os
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import schemathesis
from apiflask import APIFlask
from hypothesis import HealthCheck, Phase
from hypothesis.errors import FlakyStrategyDefinition
from hypothesis.stateful import precondition, rule
from pydantic import SecretStr
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.generation.stateful.state_machine import StepInput

from tests.support.published import ITEMS, MADE_AT, Published
from tests.support.shop_api import StandInKeys, bearer, stand_in_app
from tests.support.topic import Topic
from tidemark.serving.service import Serving
from tidemark.settings import Settings
from tidemark.storage import mongo
from tidemark.storefront import experiments
from tidemark.storefront.description import operations
from tidemark.storefront.experiments import Arm
from tidemark.storefront.shop import Shop

CONFIG = {
    "generation": {"mode": "positive"},
    "phases": {"stateful": {"inference": {"algorithms": []}}},
    "checks": {"ignored_auth": {"enabled": False}, "use_after_free": {"enabled": False}},
}
"""Only what is described, along the links that are: what is not, and other keys, are `test_contract.py`'s. Who was erased is as one
who never came, and so has an empty history and popular items, and is not 404."""
PEOPLE = "/interactions|/users/|/erasures"
"""Paths of people. A walk that may begin with an item never begins with a person, for schemathesis takes what creates something
that is asked for by name: so people's are walked apart, and the one reaches them all, the other all else."""
KNOWN = [f"known{number:04}" for number in range(2_000)]
"""People who have interactions: of others' histories, which come by the topic, none would be there yet to be deleted. They are
many, for walks erase them."""
EXPERIMENT = "walked"
HISTORY = "GET /api/v1/users/{user_id}/interactions"
WALKS, STEPS = (640, 10) if os.environ.get("TIDEMARK_FULL") else (60, 8)


@pytest.fixture
def app(mongo_db: Settings, kafka_env: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[APIFlask]:
    """The application of one worker, all of it real but its keys."""
    topic = Topic(monkeypatch)
    here: dict[str, Any] = {"next_offsets": topic.bookmark.ends(), "topic_id": topic.bookmark.topic_id()}
    for name in ("items", "erased", "interactions"):
        mongo.ensure(topic.db, name)
    topic.db["interactions"].insert_many([taken(user, place) for user in KNOWN for place in range(3)])
    Published(topic.db, tmp_path / "runs").publish(1, **here)
    now = datetime.now(UTC)
    arms = (Arm("control", "champion", 0.5), Arm("most", "popularity", 0.5))
    experiments.add(topic.db, experiments.planned(EXPERIMENT, arms, now, now + timedelta(days=7), 100))
    more = {"shop_packs": str(tmp_path / "packs"), "shop_secret": SecretStr("signed with this")}
    config = topic.config.model_copy(update=more)
    serving = Serving(config)
    serving.start()
    shop = Shop.of(config, serving)
    yield stand_in_app(replace(shop, keys=StandInKeys()))  # type: ignore[arg-type]
    shop.close()


def taken(user: str, place: int) -> dict[str, Any]:
    """An interaction as the ingest stores it."""
    at = MADE_AT + timedelta(days=place)
    fields: dict[str, Any] = {"user_id": user, "item_id": ITEMS[place], "rating": None, "weight": 1.0}
    return {"_id": f"walked-{user}-{place}", **fields, "timestamp": at, "source": "stream"}


def seeded(spec: dict[str, Any]) -> dict[str, Any]:
    """The description, by which the people and the experiment that are asked for are there, and only interactions of such people
    are sent as interactions."""
    schemas = spec["components"]["schemas"]
    schemas["InteractionMessage"]["properties"]["user_id"] = {"enum": KNOWN}
    schemas["InteractionsIn"]["properties"]["interactions"]["items"] = {
        "$ref": "#/components/schemas/InteractionMessage"
    }
    there = {"user_id": KNOWN, "name": [EXPERIMENT]}
    for _, _, operation in operations(spec):
        for parameter in operation.get("parameters", ()):
            if parameter["name"] in there:
                parameter["schema"] = {"enum": there[parameter["name"]]}
    return spec


def linked(spec: dict[str, Any]) -> set[str]:
    """The operations, by id, that a link leads from or to."""
    found = set()
    for _, _, operation in operations(spec):
        links = {name for answer in operation["responses"].values() for name in answer.get("links", ())}
        found |= links | ({operation["operationId"]} if links else set())
    return found


@pytest.mark.parametrize("people", [False, True], ids=["items", "people"])
def test_no_step_leads_out_of_the_description(app: APIFlask, people: bool) -> None:
    spec = seeded(app.test_client().get("/api/v1/openapi.json").json)  # type: ignore[arg-type]
    described = schemathesis.openapi.from_dict(spec, config=SchemathesisConfig.from_dict(CONFIG))
    schema = described.include(path_regex=PEOPLE) if people else described
    schema.app = app
    every = [found.ok() for found in schema.get_all_operations()]
    wanted = {each.label for each in every if bool(re.search(PEOPLE, each.path)) == people}
    alone = [each for each in every if each.definition.raw["operationId"] not in linked(spec)]
    steps: Counter[str] = Counter()
    seen: Counter[int] = Counter()
    walks: list[None] = []
    cursors: set[str] = set()
    wrong: list[str] = []

    class Walk(schema.as_state_machine()):
        """Steps from one operation to the next, each with the key that may all."""

        def setup(self) -> None:
            walks.append(None)
            self.aside = False

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

    def aside(operation: Any) -> Any:
        """Ask what no link leads to; one such in a walk at most."""

        def ask(self: Any, case: Any) -> None:
            self.aside = True
            self.step(StepInput.initial(case))

        ask.__name__ = f"aside_{operation.definition.raw['operationId']}"
        return precondition(lambda self: not self.aside)(rule(case=operation.as_strategy())(ask))

    walk: Any = type("Walking", (Walk,), {f"aside_{number}": aside(each) for number, each in enumerate(alone)})
    # What a walk finds was changed by those before it, so what hypothesis draws goes another way than the last time, and it
    # ends. That is no fault of the API: it begins anew, with another seed; so it does for what was not come to by chance.
    for begun in range(WALKS):
        unseen = wanted - {label for label, well in steps.items() if well}
        if len(walks) >= WALKS and not unseen:
            break
        with suppress(FlakyStrategyDefinition):
            hypothesis.seed(begun)(walk).run(
                settings=hypothesis.settings(
                    max_examples=max(WALKS - len(walks), 5),
                    stateful_step_count=STEPS,
                    phases=[Phase.generate],
                    suppress_health_check=list(HealthCheck),
                )
            )
    assert wrong == []
    assert len(walks) >= WALKS / 2
    assert not [status for status in seen if status >= 500]
    assert not unseen, f"never came to {unseen}"
