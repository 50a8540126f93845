"""What can be done from Tidemark's pages, by whom, and from where: on a real Airflow API server, with runs that it really makes."""

import re
from typing import Any

import httpx
import pytest

from tests.support import registry_data
from tests.support.console_server import HTML, OWN, ConsoleServer, started
from tidemark.dag_ids import RETRAIN_RECOMMENDER as RETRAIN
from tidemark.dag_ids import ROLL_BACK_MODEL as ROLL_BACK


def roll_back_starters(admin: httpx.Client) -> list[str]:
    """Who started a roll-back, as Airflow's audit log has it: it stays where the run does not."""
    asked = {"event": "trigger_dag_run", "dag_id": ROLL_BACK}
    logged = admin.get("/api/v2/eventLogs", params=asked).raise_for_status().json()["event_logs"]
    return [entry["owner"] for entry in logged]


def test_a_user_starts_runs_under_their_own_name(server: ConsoleServer, admin: httpx.Client) -> None:
    user, logged_before = server.client("user", cookie=True), roll_back_starters(admin)
    page = user.get("/tidemark/", headers=HTML).text
    assert "Retrain now" in page
    assert "Roll back" in page
    answer = user.post("/tidemark/retrain", data={"force": "yes"}, headers=OWN)
    assert answer.status_code == 303
    assert re.search(r"started=retrain_recommender&run=manual__", answer.headers["location"])
    model = registry_data.model_id(26)
    assert user.post("/tidemark/roll_back", data={"model": model}, headers=OWN).status_code == 303
    (retrain,), (roll_back,) = started(admin, RETRAIN), started(admin, ROLL_BACK)
    assert (retrain["triggering_user_name"], retrain["triggered_by"], retrain["run_type"]) == ("user", "ui", "manual")
    assert retrain["conf"]["force"] is True
    assert (roll_back["triggering_user_name"], roll_back["conf"]["model"]) == ("user", model)
    assert sorted(roll_back_starters(admin)) == sorted([*logged_before, "user"])
    notice = user.get(answer.headers["location"], headers=HTML).text
    assert "Started:" in notice


def test_only_kept_models_go_live(server: ConsoleServer, admin: httpx.Client, db: Any) -> None:
    user, before = server.client("user"), started(admin, ROLL_BACK)
    champion = db["pointers"].find_one({"_id": "champion"})["model_id"]
    for model in ("", "x", champion, registry_data.model_id(0), registry_data.EVIL):
        answer = user.post("/tidemark/roll_back", data={"model": model}, headers=HTML)
        assert answer.status_code == 400, model
        assert "That model is not kept" in answer.text
    assert started(admin, ROLL_BACK) == before


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"origin": "https://elsewhere.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:1"},
        {"authorization": "Basic eDp5"},
    ],
)
def test_another_site_cannot_write_through_a_browser(
    server: ConsoleServer, admin: httpx.Client, sent: dict[str, str]
) -> None:
    user, before = server.client("user", cookie=True), started(admin, RETRAIN)
    assert user.post("/tidemark/retrain", headers=sent).status_code == 403
    assert started(admin, RETRAIN) == before


def test_a_browser_without_fetch_metadata_is_known_by_its_origin(server: ConsoleServer, db: Any) -> None:
    answer = server.client("user", cookie=True).post(
        "/tidemark/roll_back", data={"model": "x"}, headers={"origin": server.url}
    )
    assert answer.status_code == 400  # past the check, and refused for the model


def test_a_notice_cannot_be_made_up(admin: httpx.Client) -> None:
    text = admin.get("/tidemark/", params={"started": registry_data.EVIL, "run": "x"}, headers=HTML).text
    assert "Started:" not in text
    text = admin.get("/tidemark/", params={"started": RETRAIN, "run": registry_data.EVIL}, headers=HTML).text
    assert "Started:" not in text
