"""The console's routes by themselves: what guards each of them, and what every answer carries. Airflow's own say is in
`tests/dags/test_ui_access.py`."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import HTTPException
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from tidemark.console import security_headers
from tidemark.console.application import application
from tidemark.console.dependencies import same_origin
from tidemark.dag_ids import RETRAIN_RECOMMENDER as RETRAIN
from tidemark.dag_ids import ROLL_BACK_MODEL as ROLL_BACK

OPEN_TO_ALL_SIGNED_IN = {"/static/{name}", "/{path:path}"}


class Strict:
    """Permissions that let nobody do anything, and say what was asked of them."""

    @staticmethod
    def user() -> str:
        return "somebody"

    def reads(self, dag_id: str | None = None) -> Callable[..., Any]:
        return self._refuse(f"read {dag_id or 'the DAG of the path'}")

    def triggers(self, dag_id: str) -> Callable[..., Any]:
        return self._refuse(f"trigger {dag_id}")

    def may_trigger(self, user: Any, dag_id: str) -> bool:
        return False

    @staticmethod
    def _refuse(what: str) -> Callable[..., Any]:
        def refuse() -> None:
            raise HTTPException(403, what)

        return refuse


ROUTES = [route for route in application(Strict()).routes if isinstance(route, APIRoute)]


def calls(of: Dependant) -> list[Any]:
    """Every function that a route depends on, however deep, in the order that they are called in."""
    return [call for one in of.dependencies for call in (*calls(one), one.call)]


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
def test_every_route_asks_who_is_there_before_anything_else(route: APIRoute) -> None:
    assert calls(route.dependant)[0] is Strict.user


def test_there_is_nothing_beside_the_routes() -> None:
    console = application(Strict())
    assert len(console.routes) == len(ROUTES) > 10  # no mount, no page of FastAPI's own
    assert (console.openapi_url, console.docs_url, console.redoc_url) == (None, None, None)
    assert [route.path for route in ROUTES][-1] == "/{path:path}"


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
def test_every_route_has_a_permission_of_airflows(route: APIRoute) -> None:
    """But for static files and what is not there, which say nothing of anybody."""
    client = TestClient(application(Strict()))
    own = {"sec-fetch-site": "same-origin"}
    for method in route.methods:
        answer = client.request(method, route.path.replace("{path:path}", "x"), headers=own)
        assert answer.status_code == (404 if route.path in OPEN_TO_ALL_SIGNED_IN else 403)


@pytest.mark.parametrize(
    ("method", "path", "permission"),
    [
        ("GET", "/", f"read {RETRAIN}"),
        ("GET", "/api/tide", f"read {RETRAIN}"),
        ("GET", "/metrics", f"read {RETRAIN}"),
        ("GET", f"/runs/{RETRAIN}/x", "read the DAG of the path"),
        ("GET", f"/files/{RETRAIN}/x/y.csv", "read the DAG of the path"),
        ("POST", "/retrain", f"trigger {RETRAIN}"),
        ("POST", "/roll_back", f"trigger {ROLL_BACK}"),
    ],
)
def test_the_permission_is_that_of_the_dag_it_is_about(method: str, path: str, permission: str) -> None:
    assert TestClient(application(Strict())).request(method, path).json() == {"detail": permission}


def test_every_write_must_come_from_the_consoles_own_page() -> None:
    writes = [route for route in ROUTES if route.methods == {"POST"}]
    assert {route.path for route in writes} == {"/retrain", "/roll_back"}
    assert all(same_origin in calls(route.dependant) for route in writes)
    reads = [route for route in ROUTES if route not in writes and route.path != "/{path:path}"]
    assert all(route.methods == {"GET"} for route in reads)


def test_an_answer_that_failed_carries_the_policy_too() -> None:
    class Reader(Strict):
        reads = triggers = lambda self, dag_id=None: self.user

    client = TestClient(application(Reader(), SimpleNamespace()), raise_server_exceptions=False)  # type: ignore[arg-type]
    answer = client.get("/api/tide")  # its sources have no settings
    assert answer.status_code == 500
    for name, value in security_headers.DEFAULTS.items():
        assert answer.headers[name] == value


def test_headers_of_an_answers_own_stay() -> None:
    own = [(b"Content-Security-Policy", b"sandbox"), (b"x-y", b"z")]
    completed = security_headers.completed(own)
    assert completed[:2] == own
    assert [name for name, _ in completed].count(b"content-security-policy") == 0
    assert dict(completed)[b"x-content-type-options"] == b"nosniff"
