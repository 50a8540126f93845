"""Who may see Tidemark's pages, and what a browser may do with them: on a real Airflow API server, asked over HTTP."""

import re
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from fastapi.routing import APIRoute

from tests.support import registry_data
from tests.support.console_server import HTML, OWN, ConsoleServer, started
from tidemark.console import pages
from tidemark.console.application import METHODS, application
from tidemark.dag_ids import RETRAIN_RECOMMENDER as RETRAIN
from tidemark.dag_ids import ROLL_BACK_MODEL as ROLL_BACK
from tidemark.storage import run_folder

RUN, KEY = registry_data.RUN, run_folder.key(registry_data.RUN)


class Anybody:
    """Permissions that let everybody do everything: the routes are what is asked for."""

    @staticmethod
    def user() -> None:
        return None

    def reads(self, dag_id: str | None = None) -> Any:
        return self.user

    triggers = reads

    def may_trigger(self, user: Any, dag_id: str) -> bool:
        return True


def every_request() -> list[tuple[str, str]]:
    """(method, path): every route of the application by every method, every static file, and what is not there."""
    filled = {
        "dag_id": RETRAIN,
        "run_id": quote(RUN),
        "run_key": KEY,
        "path": "charts/metrics.svg",
        "name": "console.css",
    }
    routes = application(Anybody()).routes
    for route in routes:
        assert isinstance(route, APIRoute), f"{route} is a mount or a page of its own, which no dependency guards"
    # A new route with a parameter that is not filled in here fails: it is asked for like all others.
    patterns = [route.path for route in routes if isinstance(route, APIRoute)]
    paths = {re.sub(r"\{(\w+)(:path)?\}", lambda name: filled[name[1]], pattern) for pattern in patterns}
    paths |= {f"/static/{name}" for name in pages.static()}
    paths |= {"/docs", "/redoc", "/openapi.json", "/static/", "/static/../x", "/admin", f"/files/{RETRAIN}/{KEY}/"}
    return sorted((method, path) for method in METHODS for path in paths)


@pytest.mark.parametrize(("method", "path"), every_request())
def test_nobody_gets_anything_without_a_login(server: ConsoleServer, method: str, path: str) -> None:
    answer = server.client().request(method, f"/tidemark{path}", headers=OWN)
    assert answer.status_code == 401, path
    assert "Traceback" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_a_login_that_is_forged_is_refused(server: ConsoleServer) -> None:
    client = server.client()
    client.cookies.set("_token", "e30.e30.e30")
    assert client.get("/tidemark/").status_code in (401, 403)
    bad = {"Authorization": "Bearer nonsense"}
    assert server.client().get("/tidemark/metrics", headers=bad).status_code in (401, 403)


def test_a_viewer_sees_no_button_and_writes_nothing(server: ConsoleServer, admin: httpx.Client) -> None:
    viewer = server.client("viewer", cookie=True)
    page = viewer.get("/tidemark/", headers=HTML)
    assert page.status_code == 200
    assert "<form" not in page.text
    assert "<button" not in page.text
    before = started(admin, RETRAIN), started(admin, ROLL_BACK)
    model = registry_data.model_id(26)
    assert viewer.post("/tidemark/retrain", headers=OWN).status_code == 403
    assert viewer.post("/tidemark/roll_back", data={"model": model}, headers=OWN).status_code == 403
    assert server.client("viewer").post("/tidemark/retrain").status_code == 403
    assert (started(admin, RETRAIN), started(admin, ROLL_BACK)) == before


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


def test_texts_of_strangers_are_texts(admin: httpx.Client) -> None:
    for path in ("/tidemark/", f"/tidemark/runs/{RETRAIN}/{quote(RUN)}"):
        text = admin.get(path).text
        assert "<script>document" not in text
        assert "&lt;script&gt;document" in text


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


def test_errors_are_pages_for_people_and_json_for_programs(server: ConsoleServer, admin: httpx.Client) -> None:
    page = server.client().get("/tidemark/", headers=HTML)
    assert page.status_code == 401
    assert "Sign in to Airflow" in page.text
    assert admin.get("/tidemark/nowhere").json() == {"detail": "There is no such page"}
