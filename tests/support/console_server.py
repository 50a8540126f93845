"""A real Airflow API server with Tidemark's pages, a PostgreSQL of its own and a user of each role; nothing runs a task."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.support import registry_data
from tests.support.own_airflow import component
from tests.support.waiting import eventually
from tidemark.local import airflow
from tidemark.local.command import Command
from tidemark.local.layout import write_private
from tidemark.local.servers import running
from tidemark.local.throwaway import environment
from tidemark.settings import Settings

ROLES = ("admin", "user", "viewer")

OWN = {"sec-fetch-site": "same-origin"}
"""What a browser sends along with a form of the page itself."""

HTML = {"accept": "text/html"}
"""What a browser asks for, and no program."""


class ConsoleServer:
    """Where it is, and clients of it."""

    def __init__(self, config: Settings, passwords: dict[str, str], log: Path) -> None:
        self.config, self.passwords, self.log = config, passwords, log
        self.url = airflow.url(config)

    def token(self, role: str) -> str:
        """A bearer token of the user called as its role."""
        login = {"username": role, "password": self.passwords[role]}
        answer = httpx.post(f"{self.url}/auth/token", json=login, trust_env=False, timeout=30)
        return str(answer.raise_for_status().json()["access_token"])

    def client(self, role: str | None = None, *, cookie: bool = False) -> httpx.Client:
        """A client, signed in as a role by a token, or by the cookie that a browser would hold."""
        client = httpx.Client(base_url=self.url, trust_env=False, timeout=30)
        if role and cookie:
            client.cookies.set("_token", self.token(role))
        elif role:
            client.headers["Authorization"] = f"Bearer {self.token(role)}"
        return client


@contextmanager
def console_server(config: Settings, folder: Path) -> Iterator[ConsoleServer]:
    """The API server of `config`, at work; its log is below `folder`."""
    passwords = {role: f"{role}-password" for role in ROLES}
    with ExitStack() as stack:
        stack.enter_context(running("postgres", config))
        airflow.provision(config)
        write_private(airflow.password_file(config), json.dumps(passwords))
        users = {"AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{role}:{role}" for role in ROLES)}
        variables = environment(config) | users
        reserialize = airflow._airflow(config, "dags", "reserialize")
        Command(reserialize.argv, {**reserialize.env, **variables}).run("reading the DAGs")
        log = folder / "api-server.log"
        stack.enter_context(component(config, "airflow-api-server", log, variables))
        server = ConsoleServer(config, passwords, log)
        eventually(lambda: answers(server), 120, lambda: log.read_text()[-3_000:])
        yield server


def started(client: httpx.Client, dag_id: str) -> list[dict[str, Any]]:
    """The runs of a DAG that Airflow knows, but for the one that is there from the start, oldest first."""
    answer = client.get(f"/api/v2/dags/{dag_id}/dagRuns", params={"order_by": "id"}).raise_for_status().json()
    return [run for run in answer["dag_runs"] if run["dag_run_id"] != registry_data.RUN]


def answers(server: ConsoleServer) -> bool:
    """Whether it is at work; as the containers' health checks ask, without a login."""
    try:
        return httpx.get(f"{server.url}/api/v2/monitor/health", trust_env=False, timeout=5).is_success
    except httpx.HTTPError:
        return False
