"""Tidemark's pages on a real Airflow API server: who may see and do what, what is there, and what is said when it is not."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from fastapi.routing import APIRoute
from pymongo.database import Database

from tests.support import registry_data
from tests.support.console_server import ConsoleServer, console_server
from tests.support.own_settings import local_settings, with_airflow
from tidemark.console import application as routes, pages
from tidemark.local.servers import running
from tidemark.settings import ROOT, Settings
from tidemark.storage import mongo as store
from tidemark.storage import run_folder
from tidemark.stream import topics

RETRAIN, ROLL_BACK = "retrain_recommender", "roll_back_model"
RUN = registry_data.run_id(29)
KEY = run_folder.key(RUN)
OWN = {"sec-fetch-site": "same-origin"}
HTML = {"accept": "text/html"}


@pytest.fixture(scope="module")
def config(mongo_server: Settings, kafka_server: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    own = local_settings(tmp_path_factory.mktemp("ui"))
    kafka = {name: getattr(kafka_server, name) for name in Settings.model_fields if name.startswith("kafka_")}
    mongo = {name: getattr(mongo_server, name) for name in Settings.model_fields if name.startswith("mongo_")}
    prefix = {"kafka_prefix": "ui.", "mongo_database": mongo_server.mongo_database}
    made = with_airflow(own.model_copy(update=kafka | mongo | prefix))
    topics.ensure(made)
    return made


@pytest.fixture(scope="module")
def server(config: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleServer]:
    with console_server(config, tmp_path_factory.mktemp("console")) as found:
        yield found


@pytest.fixture(scope="module")
def empty(server: ConsoleServer) -> dict[str, str]:
    """The first page and the metrics before anything is stored."""
    client = server.client("viewer")
    return {path: client.get(f"/tidemark{path}", headers=HTML).text for path in ("/", "/metrics")}


@pytest.fixture(scope="module")
def db(config: Settings, empty: dict[str, str]) -> Database[dict[str, Any]]:
    found = store.connect(config)
    registry_data.fill(found, 30, config.artifacts_root)
    registry_data.letters(found, 7, reason=f"not JSON: {registry_data.EVIL}")
    return found


@pytest.fixture(scope="module")
def admin(server: ConsoleServer, db: Database[dict[str, Any]]) -> httpx.Client:
    """A client that may do everything; there is a run with artifacts."""
    client = server.client("admin")
    body = {"logical_date": None, "dag_run_id": RUN, "conf": {}}
    client.post(f"/api/v2/dags/{RETRAIN}/dagRuns", json=body).raise_for_status()
    model = registry_data.model_id(28)
    registry_data.leave(server.config.artifacts_root, RETRAIN, RUN, title="Retrain, model published", model=model)
    return client


def runs(client: httpx.Client, dag_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(f"/api/v2/dags/{dag_id}/dagRuns").raise_for_status().json()["dag_runs"]
    return found


class Anybody:
    """Permissions that only count: the routes are what is asked for."""

    @staticmethod
    def user() -> None:
        return None

    def reads(self, dag_id: str | None = None) -> Any:
        return self.user

    triggers = reads

    def may_trigger(self, user: Any, dag_id: str) -> bool:
        return True


def every_path() -> list[tuple[str, str]]:
    """(method, path) of every route, filled in; and of what is not there."""
    filled = {
        "dag_id": RETRAIN,
        "run_id": quote(RUN),
        "run_key": KEY,
        "path": "charts/metrics.svg",
        "name": "console.css",
    }
    found = []
    for route in routes.application(Anybody()).routes:
        assert isinstance(route, APIRoute), f"{route} is a mount or a page of its own, which no dependency guards"
        path = re.sub(r"\{(\w+)(:path)?\}", lambda m: filled[m[1]], route.path)
        found += [(method, path) for method in route.methods]
    static = [("GET", f"/static/{name}") for name in pages.static()]
    nowhere = [("GET", path) for path in ("/docs", "/redoc", "/openapi.json", "/static/", "/static/../x", "/admin")]
    return sorted([*found, *static, *nowhere])


@pytest.mark.parametrize(("method", "path"), every_path())
def test_nobody_gets_anything_without_a_login(server: ConsoleServer, method: str, path: str) -> None:
    answer = server.client().request(method, f"/tidemark{path}", headers=OWN)
    assert answer.status_code == 401, path
    assert "Traceback" not in answer.text


def test_a_login_that_is_forged_is_refused(server: ConsoleServer) -> None:
    client = server.client()
    client.cookies.set("_token", "e30.e30.e30")
    assert client.get("/tidemark/").status_code in (401, 403)
    bad = {"Authorization": "Bearer nonsense"}
    assert server.client().get("/tidemark/metrics", headers=bad).status_code in (401, 403)


def test_an_empty_store_has_a_page_that_says_what_to_run(empty: dict[str, str]) -> None:
    assert "No model is live yet" in empty["/"]
    assert "The registry is empty" in empty["/"]
    assert 'tidemark_models{status="champion"} 0.0' in empty["/metrics"]
    assert "tidemark_champion_ndcg_at_10" not in empty["/metrics"]


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


def test_texts_of_strangers_are_texts(admin: httpx.Client) -> None:
    for path in ("/tidemark/", f"/tidemark/runs/{RETRAIN}/{quote(RUN)}"):
        text = admin.get(path).text
        assert "<script>document" not in text
        assert "&lt;script&gt;document" in text


def test_every_answer_carries_its_policy(admin: httpx.Client, server: ConsoleServer) -> None:
    for path in ("/", "/api/tide", "/metrics", "/static/console.css", "/nowhere", f"/folders/{RETRAIN}/{KEY}"):
        headers = admin.get(f"/tidemark{path}").headers
        assert headers["x-content-type-options"] == "nosniff", path
        assert "default-src 'none'" in headers["content-security-policy"], path
        assert "frame-ancestors 'self'" in headers["content-security-policy"], path
        assert "unsafe" not in headers["content-security-policy"], path
    assert "default-src 'none'" in server.client().get("/tidemark/").headers["content-security-policy"]
    drawing = admin.get(f"/tidemark/files/{RETRAIN}/{KEY}/charts/metrics.svg")
    assert drawing.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    docs = admin.get(f"/tidemark/files/{RETRAIN}/{KEY}/docs/training_interactions/index.html")
    assert docs.headers["content-security-policy"].startswith("sandbox allow-same-origin; default-src 'none'")
    assert "script-src" not in docs.headers["content-security-policy"]
    assert "static/docs.css" in docs.text


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


@pytest.mark.parametrize(
    "path",
    [
        "../../../passwords.json",
        "%2e%2e/%2e%2e/%2e%2e/passwords.json",
        "..%2f..%2f..%2fairflow%2fpasswords.json",
        "docs/%2e%2e/%2e%2e/x.html",
        "%252e%252e/x",
        "/etc/passwd",
        "%2Fetc%2Fpasswd",
        "charts/metrics.svg%00",
        "..%5c..%5cx",
    ],
)
def test_no_address_leaves_the_artifacts(server: ConsoleServer, admin: httpx.Client, path: str) -> None:
    # As it is written: a client would tidy `..` away.
    url = httpx.URL(f"{server.url}/tidemark/files/{RETRAIN}/{KEY}/").copy_with(
        raw_path=f"/tidemark/files/{RETRAIN}/{KEY}/{path}".encode()
    )
    answer = admin.send(httpx.Request("GET", url, headers=admin.headers))
    assert answer.status_code == 404, answer.text
    assert "root:" not in answer.text


def test_runs_that_are_not_there_say_so(admin: httpx.Client) -> None:
    assert "Airflow does not know it" in admin.get(f"/tidemark/runs/{RETRAIN}/manual__nowhere").text
    assert "leave no artifacts" in admin.get("/tidemark/runs/watch_interactions/x").text
    assert "leave no artifacts" in admin.get("/tidemark/runs/no_such_dag/x").text
    assert "Airflow does not know it" in admin.get(f"/tidemark/folders/{RETRAIN}/nowhere").text
    assert admin.get(f"/tidemark/folders/{RETRAIN}/..%2f..").status_code == 404


def test_a_viewer_sees_no_button_and_writes_nothing(server: ConsoleServer, admin: httpx.Client, db: Any) -> None:
    viewer = server.client("viewer", cookie=True)
    page = viewer.get("/tidemark/", headers=HTML)
    assert page.status_code == 200
    assert "<form" not in page.text
    assert "<button" not in page.text
    before = len(runs(admin, RETRAIN)), len(runs(admin, ROLL_BACK))
    model = registry_data.model_id(26)
    assert viewer.post("/tidemark/retrain", headers=OWN).status_code == 403
    assert viewer.post("/tidemark/roll_back", data={"model": model}, headers=OWN).status_code == 403
    assert server.client("viewer").post("/tidemark/retrain").status_code == 403
    assert (len(runs(admin, RETRAIN)), len(runs(admin, ROLL_BACK))) == before


def test_a_user_starts_runs_under_their_own_name(server: ConsoleServer, admin: httpx.Client, db: Any) -> None:
    user = server.client("user", cookie=True)
    page = user.get("/tidemark/", headers=HTML).text
    assert "Retrain now" in page
    assert "Roll back" in page
    answer = user.post("/tidemark/retrain", data={"force": "yes"}, headers=OWN)
    assert answer.status_code == 303
    assert re.search(r"started=retrain_recommender&run=manual__", answer.headers["location"])
    model = registry_data.model_id(26)
    assert user.post("/tidemark/roll_back", data={"model": model}, headers=OWN).status_code == 303
    (retrain,) = [run for run in runs(admin, RETRAIN) if run["dag_run_id"] != RUN]
    assert (retrain["triggering_user_name"], retrain["triggered_by"], retrain["run_type"]) == ("user", "ui", "manual")
    assert retrain["conf"]["force"] is True
    (roll_back,) = runs(admin, ROLL_BACK)
    assert (roll_back["triggering_user_name"], roll_back["conf"]["model"]) == ("user", model)
    logged = admin.get("/api/v2/eventLogs", params={"event": "trigger_dag_run", "dag_id": ROLL_BACK}).json()[
        "event_logs"
    ]
    assert [entry["owner"] for entry in logged] == ["user"]
    notice = user.get(answer.headers["location"], headers=HTML).text
    assert "Started:" in notice


def test_only_kept_models_go_live(server: ConsoleServer, db: Any) -> None:
    user = server.client("user")
    champion = db["pointers"].find_one({"_id": "champion"})["model_id"]
    for model in ("", "x", champion, registry_data.model_id(0), registry_data.EVIL):
        answer = user.post("/tidemark/roll_back", data={"model": model}, headers=HTML)
        assert answer.status_code == 400, model
        assert "That model is not kept" in answer.text


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
    user, before = server.client("user", cookie=True), len(runs(admin, RETRAIN))
    assert user.post("/tidemark/retrain", headers=sent).status_code == 403
    assert len(runs(admin, RETRAIN)) == before


def test_a_browser_without_fetch_metadata_is_known_by_its_origin(server: ConsoleServer) -> None:
    answer = server.client("user", cookie=True).post(
        "/tidemark/roll_back", data={"model": "x"}, headers={"origin": server.url}
    )
    assert answer.status_code == 400  # past the check, and refused for the model


def test_a_notice_cannot_be_made_up(admin: httpx.Client) -> None:
    text = admin.get("/tidemark/", params={"started": registry_data.EVIL, "run": "x"}, headers=HTML).text
    assert "Started:" not in text
    text = admin.get("/tidemark/", params={"started": RETRAIN, "run": registry_data.EVIL}, headers=HTML).text
    assert "Started:" not in text


def test_errors_are_pages_for_people_and_json_for_programs(server: ConsoleServer, admin: httpx.Client) -> None:
    page = server.client().get("/tidemark/", headers=HTML)
    assert page.status_code == 401
    assert "Sign in to Airflow" in page.text
    assert admin.get("/tidemark/nowhere").json() == {"detail": "There is no such page"}


def test_prometheus_reads_everything_with_a_token(admin: httpx.Client) -> None:
    answer = admin.get("/tidemark/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    from prometheus_client.parser import text_string_to_metric_families

    found = {s.name: s.value for f in text_string_to_metric_families(answer.text) for s in f.samples if not s.labels}
    assert found["tidemark_lag"] == 0
    assert found["tidemark_retrain_mark"] == 1_000
    assert found["tidemark_dead_letters_waiting"] == 7
    assert 0.05 < found["tidemark_champion_ndcg_at_10"] < 0.2
    assert found["tidemark_champion_age_seconds"] > 0
    assert 'tidemark_models{status="rejected"} 7.0' in answer.text
    assert answer.text.count("tidemark_up{server=") == 2


def test_airflow_shows_the_page_the_tab_and_the_link(admin: httpx.Client) -> None:
    (plugin,) = [p for p in admin.get("/api/v2/plugins").json()["plugins"] if p["name"] == "tidemark"]
    assert [(view["name"], view["destination"]) for view in plugin["external_views"]] == [
        ("Tidemark", "nav"),
        ("Artifacts", "dag_run"),
    ]
    assert admin.get("/api/v2/plugins/importErrors").json()["total_entries"] == 0
    links = f"/api/v2/dags/{RETRAIN}/dagRuns/{quote(RUN)}/taskInstances/report/links"
    found = admin.get(links).json()["extra_links"]
    assert found == {"Artifacts of this run": f"/dags/{RETRAIN}/runs/{quote(RUN, safe='')}/plugin/tidemark-run"}


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


def test_two_thousand_models_stay_quick(admin: httpx.Client, db: Any, server: ConsoleServer) -> None:
    db["models"].insert_many([registry_data.model(n, server.config.artifacts_root) for n in range(100, 2_070)])
    admin.get("/tidemark/")
    took = []
    for page in (1, 40, 80):
        begin = time.monotonic()
        text = admin.get("/tidemark/", params={"page": page}).text
        took.append(time.monotonic() - begin)
        assert f"Page {page} of 80" in text
    print(f"the first page with 2,000 models: {max(took) * 1000:.0f} ms at most")
    assert max(took) < 1.0


def test_servers_that_are_away_are_said_at_once(config: Settings, tmp_path: Path) -> None:
    """Neither MongoDB nor Kafka: both are asked once, briefly, and then left alone."""
    from tests.support.own_settings import local_settings
    from tidemark.console import first_page
    from tidemark.operations import prometheus
    from tidemark.operations.sources import Sources

    sources = Sources(local_settings(tmp_path))
    begin = time.monotonic()
    page = first_page.page(sources, 1, [])
    assert time.monotonic() - begin < 6
    assert "MongoDB does not answer" in page.trouble
    assert "Kafka does not answer" in page.tide.text
    begin = time.monotonic()
    text = prometheus.exposition(sources, {"train": 3.0}).decode()
    assert first_page.page(sources, 1, []).registry is None
    assert time.monotonic() - begin < 0.5
    assert 'tidemark_up{server="mongo"} 0.0' in text
    assert 'tidemark_up{server="kafka"} 0.0' in text
    assert "tidemark_lag" not in text
    assert 'tidemark_retrain_stage_seconds{stage="train"} 3.0' in text


def test_mongodb_that_goes_away_and_comes_back(tmp_path: Path) -> None:
    from tidemark.console import first_page
    from tidemark.operations.sources import REST, Sources

    own = local_settings(tmp_path)
    sources = Sources(own)
    with running("mongo", own):
        assert first_page.page(sources, 1, []).registry is not None
    assert "MongoDB does not answer" in first_page.page(sources, 1, []).trouble
    with running("mongo", own):
        time.sleep(REST + 0.5)
        assert first_page.page(sources, 1, []).registry is not None
