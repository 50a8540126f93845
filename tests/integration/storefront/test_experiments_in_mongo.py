"""Experiments from the command line to a user's arm, on a real MongoDB."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from pymongo.database import Database
from typer.testing import CliRunner

from tidemark.cli.main import app
from tidemark.errors import BadInputError
from tidemark.settings import Settings
from tidemark.storage import mongo
from tidemark.storefront import experiments
from tidemark.storefront.experiments import Experiments

KEPT = "20260101T000000-0a0a0a0a"


@pytest.fixture
def db(mongo_db: Settings) -> Iterator[Database[dict[str, Any]]]:
    db = mongo.connect()
    db[mongo.recommendations(KEPT)].insert_one({"_id": "u"})
    db["models"].insert_one({"_id": KEPT, "published_at": datetime.now(UTC)})
    yield db
    db.client.close()


def tidemark(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["experiment", *arguments])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.output


def test_from_its_plan_to_its_end(db: Database[dict[str, Any]]) -> None:
    assert "No experiment yet" in tidemark("list")
    arms = ["--arm", "control=champion:0.5", "--arm", f"old={KEPT}:0.25", "--arm", "most=popularity:0.25"]
    assert "runs from" in tidemark("add", "first", *arms, "--planned", "2")
    running = Experiments(lambda: db)
    labels = {running.assign(f"u{n}").arm for n in range(60)}
    assert labels == {"first/control", "first/old", "first/most"}
    with pytest.raises(BadInputError, match="only one may"):
        tidemark("add", "second", *arms, "--planned", "2")
    rows = [("control", "a", 1), ("control", "b", 0), ("old", "c", 1), ("most", "d", 0), ("most", "e", 0)]
    mongo.ensure(db, "experiment_users")
    expires = datetime.now(UTC)
    db["experiment_users"].insert_many(
        {
            "_id": f"first/{arm}:{user}", "arm": f"first/{arm}", "user_id": user, "expires_at": expires,
            "lists": 1, "shown": 5, "clicked": clicked, "purchased": 0,
        }
        for arm, user, clicked in rows
    )  # fmt: skip
    told = tidemark("figures", "first")
    assert "control (champion): 2 of 2 planned users; clicked 50.00%" in told
    assert told.count("no decision yet") == 3  # `old` has one user
    assert '"planned_users_per_arm": 2' in tidemark("figures", "first", "--json")
    assert "runs" in tidemark("list")
    assert "ended" in tidemark("stop", "first")
    ended = experiments.get(db, "first")
    assert tidemark("stop", "first")
    assert experiments.get(db, "first") == ended
    assert Experiments(lambda: db).assign("u").arm == "champion"
    assert "runs from" in tidemark("add", "second", *arms, "--planned", "2")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (
            ["add", "x", "--arm", "a=champion", "--arm", "b=20990101T000000-0a0a0a0a", "--planned", "1"],
            "nor a kept model",
        ),
        (["add", "x", "--arm", "a=champion", "--arm", "a=popularity", "--planned", "1"], "same name"),
        (["stop", "nobody"], "there is no experiment"),
        (["figures", "nobody"], "there is no experiment"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(db: Database[dict[str, Any]], arguments: list[str], why: str) -> None:
    with pytest.raises(BadInputError, match=why):
        tidemark(*arguments)
