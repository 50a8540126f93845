"""DAG runs, asked for and started by Airflow's own public REST API, within the API server and in the caller's name.

The call goes to the very application that serves the page, with the caller's own credentials: Airflow judges it, writes
its audit log, and keeps the caller's name with the run, just as if its own form had been used.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

import httpx

from tidemark.errors import RefusedError

RUN_ID = re.compile(r"[A-Za-z0-9_.~:+@-]{1,250}")
"""What Airflow lets a run be called, and a little less."""

TASKS_SHOWN = 100

Document = dict[str, Any]


@dataclass(frozen=True)
class Task:
    """A task of a run; `seconds` is None where it has not ended."""

    name: str
    state: str
    seconds: float | None
    tries: int


@dataclass(frozen=True)
class AirflowRun:
    """A run as Airflow knows it."""

    run_id: str
    state: str
    started: datetime | None
    ended: datetime | None
    by: str
    tasks: tuple[Task, ...] = ()

    @property
    def seconds(self) -> float | None:
        """How long it took; None where it has not ended."""
        return (self.ended - self.started).total_seconds() if self.started and self.ended else None

    @property
    def failed(self) -> tuple[Task, ...]:
        """The tasks that failed themselves, not for another's sake."""
        return tuple(task for task in self.tasks if task.state == "failed")

    @staticmethod
    def of(run: Mapping[str, Any], tasks: list[Document] | None = None) -> "AirflowRun":
        """From the REST API's answers."""
        return AirflowRun(
            run_id=str(run["dag_run_id"]),
            state=str(run.get("state", "")),
            started=_moment(run.get("start_date")),
            ended=_moment(run.get("end_date")),
            by=str(run.get("triggering_user_name") or run.get("triggered_by") or ""),
            tasks=tuple(
                Task(
                    str(t["task_id"]), str(t.get("state") or "waiting"), t.get("duration"), int(t.get("try_number", 0))
                )
                for t in tasks or []
            ),
        )


def _moment(date: Any) -> datetime | None:
    return datetime.fromisoformat(str(date)) if date else None


@dataclass(frozen=True)
class Schedule:
    """When a DAG runs by itself.

    Args:
        dag_id: the DAG.
        text: as its author wrote it.
        reached: up to when intervals are over: where the one that comes next begins.
        paused: whether it does not run now.
    """

    dag_id: str
    text: str
    reached: datetime | None
    paused: bool


class AirflowRuns:
    """The REST API as one caller may use it."""

    def __init__(self, application: Any, root_path: str, headers: Mapping[str, str]) -> None:
        """Of the ASGI application that is Airflow, mounted at `root_path`; only who is asking is taken from `headers`."""
        self._root = root_path
        kept = {name: headers[name] for name in ("authorization", "cookie") if name in headers}
        self._client = httpx.AsyncClient(
            transport=httpx.ASGITransport(application, raise_app_exceptions=False),
            base_url=f"http://{headers.get('host', 'airflow')}",
            # Airflow tells by it that a person at its UI has asked, and no program.
            headers=kept | {"referer": f"http://{headers.get('host', 'airflow')}/tidemark/"},
        )

    async def _ask(self, method: str, path: str, body: Document | None = None, **query: Any) -> Document:
        answer = await self._client.request(method, f"{self._root}/api/v2/dags/{path}", json=body, params=query)
        if answer.is_success:
            return dict(answer.json())
        try:
            reason = answer.json()["detail"]
        except (ValueError, KeyError, TypeError):
            reason = answer.reason_phrase
        raise RefusedError(answer.status_code, reason if isinstance(reason, str) else str(reason))

    async def newest(self, dag_id: str, limit: int, **only: str) -> list[AirflowRun]:
        """The newest runs of a DAG, newest first; none where Airflow does not know it, or the caller may not read it."""
        try:
            answer = await self._ask("GET", f"{dag_id}/dagRuns", None, order_by="-run_after", limit=limit, **only)
        except RefusedError:
            return []
        return [AirflowRun.of(run) for run in answer["dag_runs"]]

    async def schedule(self, dag_id: str) -> Schedule | None:
        """When a DAG runs by itself; None where it does not, Airflow does not know it, or the caller may not read it."""
        try:
            dag = await self._ask("GET", dag_id)
        except RefusedError:
            return None
        if not dag.get("timetable_summary") or dag["timetable_summary"] == "None":
            return None
        reached = _moment(dag.get("next_dagrun_data_interval_start"))
        return Schedule(dag_id, str(dag["timetable_summary"]), reached, bool(dag.get("is_paused")))

    async def one(self, dag_id: str, run_id: str) -> AirflowRun | None:
        """A run with its tasks; None where Airflow does not know it."""
        path = f"{quote(dag_id, safe='')}/dagRuns/{quote(run_id, safe='')}"
        try:
            run = await self._ask("GET", path)
            tasks = await self._ask("GET", f"{path}/taskInstances", limit=TASKS_SHOWN)
        except RefusedError as refused:
            if refused.status == httpx.codes.NOT_FOUND:
                return None
            raise
        return AirflowRun.of(run, tasks["task_instances"])

    async def start(self, dag_id: str, conf: Document) -> str:
        """Start a run with the params `conf`; gives its id.

        Raises:
            RefusedError: the caller may not, the DAG is unknown, or a param is wrong.
        """
        body = {"logical_date": None, "conf": conf, "note": "started from the Tidemark page"}
        return str((await self._ask("POST", f"{dag_id}/dagRuns", body))["dag_run_id"])
