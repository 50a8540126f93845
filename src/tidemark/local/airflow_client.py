"""Airflow's REST API, as far as `tidemark run` needs it."""

import ssl
from typing import Any
from urllib.parse import quote

import httpx

from tidemark.errors import UnreachableError
from tidemark.local.airflow import url
from tidemark.settings import Settings

Answer = dict[str, Any]

FINISHED = ("success", "failed")


class AirflowApi:
    """A signed-in client; use it in a `with` block."""

    def __init__(self, config: Settings, address: str = "", verify: ssl.SSLContext | bool = True) -> None:
        """Of the Airflow at `address`, of this machine's own where none is given; signs in at once.

        Raises:
            UnreachableError: Airflow does not answer, or refuses the password.
        """
        # Not through a proxy that the environment names: this is the loopback.
        self._client = httpx.Client(base_url=address or url(config), timeout=60, trust_env=False, verify=verify)
        login = {"username": config.airflow_user, "password": config.airflow_password.get_secret_value()}
        token = self._ask("POST", "/auth/token", json=login)["access_token"]
        self._client.headers["Authorization"] = f"Bearer {token}"

    def __enter__(self) -> "AirflowApi":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def _ask(self, method: str, path: str, **request: Any) -> Answer:
        try:
            answer = self._client.request(method, path, **request)
            answer.raise_for_status()
        except httpx.HTTPStatusError as error:
            raise UnreachableError(
                f"Airflow answered {method} {path} with {error.response.status_code}: {error.response.text[:500]}"
            ) from None
        except httpx.HTTPError as error:
            raise UnreachableError(f"Airflow does not answer: {error}. `make status` tells") from None
        return dict(answer.json())

    def has_dag(self, dag_id: str) -> bool:
        """Whether the DAG has been read."""
        return self._client.get(f"/api/v2/dags/{dag_id}").status_code == httpx.codes.OK

    def import_errors(self) -> list[str]:
        """Each file below dags/ that cannot be read, with its reason."""
        problems = self._ask("GET", "/api/v2/importErrors")["import_errors"]
        return [f"{problem['filename']}:\n{problem['stack_trace']}" for problem in problems]

    def starts_on_assets(self, dag_id: str) -> bool:
        """Whether an asset's update starts the DAG by itself."""
        return bool(self._ask("GET", f"/api/v2/dags/{dag_id}/details").get("asset_expression"))

    def trigger(self, dag_id: str, conf: Answer) -> str:
        """Start a run with the params `conf`; gives its id."""
        body = {"logical_date": None, "conf": conf}
        return str(self._ask("POST", f"/api/v2/dags/{dag_id}/dagRuns", json=body)["dag_run_id"])

    def backfill(self, asked: Answer) -> int:
        """Start a backfill, as the UI's form does; gives its number."""
        return int(self._ask("POST", "/api/v2/backfills", json=asked)["id"])

    def runs(self, dag_id: str, limit: int = 50, **only: str) -> list[Answer]:
        """The newest runs of a DAG, newest first; `state="success"` gives only those."""
        query = {"order_by": "-id", "limit": limit} | only
        return list(self._ask("GET", f"/api/v2/dags/{dag_id}/dagRuns", params=query)["dag_runs"])

    def run(self, dag_id: str, run_id: str) -> Answer:
        """One run: its `state` and times."""
        return self._ask("GET", self._path(dag_id, run_id))

    def tasks(self, dag_id: str, run_id: str) -> list[Answer]:
        """The run's task instances: `task_id`, `state`, `try_number`, `duration` in seconds."""
        return list(self._ask("GET", f"{self._path(dag_id, run_id)}/taskInstances")["task_instances"])

    def log(self, dag_id: str, run_id: str, task: Answer) -> list[str]:
        """The lines of a task's last try."""
        path = f"{self._path(dag_id, run_id)}/taskInstances/{task['task_id']}/logs/{task['try_number']}"
        query = {"full_content": "true", "map_index": task.get("map_index", -1)}
        answer = self._ask("GET", path, params=query, headers={"Accept": "application/json"})
        lines: list[str] = []
        for entry in answer["content"]:
            event = entry if isinstance(entry, str) else entry.get("event", "")
            lines += str(event).splitlines()
            for problem in entry.get("error_detail") or [] if isinstance(entry, dict) else []:
                lines.append(f"{problem.get('exc_type')}: {problem.get('exc_value')}")
        return lines

    @staticmethod
    def _path(dag_id: str, run_id: str) -> str:
        return f"/api/v2/dags/{dag_id}/dagRuns/{quote(run_id, safe='')}"
