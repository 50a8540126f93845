"""What Tidemark's pages show, on a real Airflow API server: with much stored, and with nothing."""

import os
import re
import subprocess
import sys
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from pymongo import MongoClient, monitoring
from pymongo.database import Database

from tests.support import load_data, registry_data
from tests.support.console_server import HTML, ConsoleServer
from tidemark.console import first_page
from tidemark.dag_ids import RETRAIN_RECOMMENDER as RETRAIN
from tidemark.settings import ROOT
from tidemark.storage import run_folder

RUN, KEY = registry_data.RUN, run_folder.key(registry_data.RUN)


@pytest.fixture(scope="module")
def empty(server: ConsoleServer, emptied: Database[dict[str, Any]]) -> dict[str, str]:
    """The first page and the metrics before anything is stored."""
    viewer = server.client("viewer")
    return {path: viewer.get(f"/tidemark{path}", headers=HTML).text for path in ("/", "/metrics", "/sources")}


@pytest.fixture(scope="module")
def db(empty: dict[str, str], db: Database[dict[str, Any]]) -> Database[dict[str, Any]]:
    """As in the other files, but filled only after the pages were asked for empty."""
    return db


def test_an_empty_store_has_a_page_that_says_what_to_run(empty: dict[str, str]) -> None:
    assert "No model is live yet" in empty["/"]
    assert "The registry is empty" in empty["/"]
    assert 'tidemark_models{status="champion"} 0.0' in empty["/metrics"]
    assert "tidemark_champion_ndcg_at_10" not in empty["/metrics"]
    assert "Nothing was loaded yet" in empty["/sources"]


def test_the_first_page_shows_champion_tide_models_letters_and_runs(admin: httpx.Client, db: Any) -> None:
    answer = admin.get("/tidemark/", headers=HTML)
    assert answer.status_code == 200
    text = answer.text
    champion = db["pointers"].find_one({"_id": "champion"})["model_id"]
    assert champion in text
    assert re.search(r'role="meter"[^>]* aria-valuemax="1000" aria-valuenow="0"', text)
    assert "Page 1 of 2" in text
    assert "<strong>7</strong> wait" in text
    assert "Retrain, model published" in text
    assert text.count('<tr class="live">') == 1
    second = admin.get("/tidemark/?page=2").text
    assert "Page 2 of 2" in second
    assert admin.get("/tidemark/?page=99999999").text.count("Page 2 of 2") == 1
    assert admin.get("/tidemark/?page=-3").text.count("Page 1 of 2") == 1
    assert admin.get("/tidemark/?page=x").status_code == 422


def test_the_page_of_a_run_and_its_files(admin: httpx.Client) -> None:
    page = admin.get(f"/tidemark/runs/{RETRAIN}/{quote(RUN)}", headers=HTML).text
    links = set(re.findall(r'(?:src|href)="(/tidemark/(?:files|checks)/[^"]+)"', page))
    assert len(links) > 10
    for link in links:
        assert admin.get(link).status_code == 200, link
    table = admin.get(f"/tidemark/files/{RETRAIN}/{KEY}/tables/top_products.csv")
    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    assert table.headers["content-disposition"] == 'attachment; filename="top_products.csv"'
    assert table.text.splitlines()[1].startswith("'=cmd()")
    chart = admin.get(f"/tidemark/files/{RETRAIN}/{KEY}/charts/metrics.png")
    assert (chart.content[:4], chart.headers["content-type"]) == (b"\x89PNG", "image/png")
    again = admin.get(
        f"/tidemark/files/{RETRAIN}/{KEY}/charts/metrics.png", headers={"if-none-match": chart.headers["etag"]}
    )
    assert again.status_code == 304


def test_runs_that_are_not_there_say_so(admin: httpx.Client) -> None:
    assert "Airflow does not know it" in admin.get(f"/tidemark/runs/{RETRAIN}/manual__nowhere").text
    assert "leave no artifacts" in admin.get("/tidemark/runs/watch_interactions/x").text
    assert "leave no artifacts" in admin.get("/tidemark/runs/no_such_dag/x").text
    assert "Airflow does not know it" in admin.get(f"/tidemark/folders/{RETRAIN}/nowhere").text
    assert admin.get(f"/tidemark/folders/{RETRAIN}/..%2f..").status_code == 404


def test_prometheus_reads_everything_with_a_token(admin: httpx.Client) -> None:
    answer = admin.get("/tidemark/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = text_string_to_metric_families(answer.text)
    values = {sample.name: sample.value for family in families for sample in family.samples if not sample.labels}
    assert values["tidemark_lag"] == 0
    assert values["tidemark_retrain_mark"] == 1_000
    assert values["tidemark_dead_letters_waiting"] == 7
    assert 0.05 < values["tidemark_champion_ndcg_at_10"] < 0.2
    assert values["tidemark_champion_age_seconds"] > 0
    assert 'tidemark_models{status="rejected"} 7.0' in answer.text
    assert answer.text.count("tidemark_up{server=") == 2


def test_every_source_is_seen_with_what_was_refused(admin: httpx.Client, db: Any) -> None:
    load_data.fill(db, registry_data.EVIL)
    page = admin.get("/tidemark/sources", headers=HTML)
    assert page.status_code == 200
    for part in ("/data/shop/3.csv", "185", "by hand", "nothing is scheduled any more", "catalogue", "reviews"):
        assert part in page.text, part
    one = admin.get("/tidemark/sources/shop", headers=HTML)
    assert one.status_code == 200
    assert one.text.count("&lt;script&gt;document") == 10
    assert "<script>document" not in one.text
    assert "/tidemark/folders/load_interactions/run-3" in one.text
    assert "user = who (given)" in one.text
    assert admin.get("/tidemark/sources/nobody", headers=HTML).status_code == 404
    assert 'href="/tidemark/sources"' in admin.get("/tidemark/", headers=HTML).text


def test_airflow_shows_the_page_the_tab_and_the_link(admin: httpx.Client) -> None:
    (plugin,) = [p for p in admin.get("/api/v2/plugins").json()["plugins"] if p["name"] == "tidemark"]
    assert [(view["name"], view["destination"]) for view in plugin["external_views"]] == [
        ("Tidemark", "nav"),
        ("Artifacts", "dag_run"),
    ]
    assert admin.get("/api/v2/plugins/importErrors").json()["total_entries"] == 0
    links = f"/api/v2/dags/{RETRAIN}/dagRuns/{quote(RUN)}/taskInstances/report/links"
    address = f"/dags/{RETRAIN}/runs/{quote(RUN, safe='')}/plugin/tidemark-run"
    assert admin.get(links).json()["extra_links"] == {"Artifacts of this run": address}


def test_whoever_loads_the_plugin_pays_nothing_for_the_pages() -> None:
    """Each task loads every plugin: the pages and what they stand on are imported by the API server alone."""
    probe = (
        "import airflow.sdk, sys; before = set(sys.modules); import tidemark_ui; print(*(set(sys.modules) - before))"
    )
    path = os.pathsep.join(str(ROOT / folder) for folder in ("src", "plugins"))
    environment = os.environ | {"PYTHONPATH": path, "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True, env=environment)
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert not loaded & {"fastapi", "starlette", "pymongo", "confluent_kafka", "matplotlib", "pandas", "tidemark"}


class Questions(monitoring.CommandListener):
    """Counts what MongoDB is asked; the further batches of an answer are no question of their own."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        if event.command_name != "getMore":
            self.asked.append(event.command_name)

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        pass

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        pass


def test_two_thousand_models_cost_no_more_questions_than_thirty(server: ConsoleServer, admin: httpx.Client) -> None:
    config, questions = server.config, Questions()
    with MongoClient[dict[str, Any]](config.mongo_uri, tz_aware=True, event_listeners=[questions]) as client:
        db = client[config.mongo_database]
        db.command("ping")  # signing in is no question

        def asked(page: int) -> list[str]:
            questions.asked.clear()
            shown = first_page.registry(db, page)
            assert shown.champion is not None
            assert len(shown.models.rows) in (5, 25)
            return list(questions.asked)

        of_thirty = asked(2)
        db["models"].insert_many([registry_data.model(n, config.artifacts_root) for n in range(100, 2_070)])
        assert asked(1) == asked(40) == asked(80) == of_thirty
    for page in (1, 40, 80):
        assert f"Page {page} of 80" in admin.get("/tidemark/", params={"page": page}).text
