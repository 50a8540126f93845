"""What a person is asked about a model and answered, kept with it; from a real MongoDB."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from pymongo.database import Database

from tests.support import registry_data
from tidemark.console import page_rows
from tidemark.contracts import conformance
from tidemark.registry import approvals
from tidemark.registry.approvals import APPROVE, REJECT
from tidemark.retraining import approval
from tidemark.settings import Settings
from tidemark.storage import mongo

MODEL = registry_data.model_id(3)
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def db(mongo_db: Settings) -> Iterator[Database[dict[str, Any]]]:
    db = mongo.connect(mongo_db)
    mongo.ensure(db, "models")
    made = registry_data.model(3) | {"status": "candidate", "published_at": None}
    db["models"].insert_one(made)
    yield db
    db.client.close()


def decided(*, publish: bool = True) -> dict[str, Any]:
    return {"model": MODEL, "publish": publish, "reasons": [], "contender": "candidate"}


def kept(db: Database[dict[str, Any]]) -> dict[str, Any]:
    found = db["models"].find_one({"_id": MODEL})
    assert found is not None
    assert conformance.reasons("model", found) == []
    return found


def row(db: Database[dict[str, Any]]) -> page_rows.ModelRow:
    found = page_rows.find(db, MODEL)
    assert found is not None
    return found


@pytest.mark.parametrize(("publish", "required"), [(True, False), (False, True), (False, False)])
def test_nobody_is_asked_where_it_is_not_wanted_or_nothing_goes_live(
    db: Database[dict[str, Any]], publish: bool, required: bool
) -> None:
    assert approval.questions(db, decided(publish=publish), required) == []
    assert "approval" not in kept(db)


def test_the_question_has_figures_and_reasons_and_the_page_says_who_is_waited_for(db: Database[dict[str, Any]]) -> None:
    (question,) = approval.questions(db, decided(), True)
    assert question["subject"] == f"Put the model {MODEL} live?"
    for part in ("NDCG@10", "champion", "popularity", "candidate is not worse than the champion", "users"):
        assert part in question["body"], question["body"]
    assert row(db).decision == "waits for approval"
    assert row(db).reasons[-1] == "waits for a person's approval"


@pytest.mark.parametrize(
    ("chosen", "user", "reason", "text", "decision", "status"),
    [
        (
            APPROVE,
            {"id": "7", "name": "ann"},
            "looks good",
            "approved by ann: looks good",
            "to be published",
            "candidate",
        ),
        (REJECT, {"id": "7", "name": "ann"}, "", "rejected by ann", "rejected", "rejected"),
        (REJECT, None, "", "rejected: nobody answered in time", "rejected", "rejected"),
    ],
)
def test_what_was_answered_is_kept_with_who_and_why(
    db: Database[dict[str, Any]], chosen: str, user: Any, reason: str, text: str, decision: str, status: str
) -> None:
    approval.questions(db, decided(), True)
    answer = {"chosen_options": [chosen], "params_input": {"reason": reason}, "responded_by_user": user}
    for _ in range(2):  # the task may run again
        done = approvals.record(db, MODEL, answer | {"responded_at": AT.isoformat()})
    assert done["approved"] is (chosen == APPROVE)
    assert (kept(db)["approval"], kept(db)["status"]) == (done | {"at": AT}, status)
    assert approvals.text(kept(db)["approval"]) == text
    assert (row(db).decision, row(db).reasons[-1]) == (decision, text)
