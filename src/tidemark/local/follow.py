"""Start a DAG's run, or join the one that is at work, and show it task by task until it ends."""

import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from tidemark.errors import KilledError, PlatformError
from tidemark.local.airflow import home, url
from tidemark.local.airflow_client import FINISHED, AirflowApi
from tidemark.local.terminal import console, say_done
from tidemark.operations.alerts import Failure, log_name
from tidemark.settings import settings

WAITS_FOR_A_PERSON = "awaiting_input"
"""State of a task that asks one."""
ENDED = ("success", "failed", "skipped", "upstream_failed", "removed")


def await_dag(api: AirflowApi, dag_id: str, patience: float = 120) -> None:
    """Wait until Airflow has read the DAG.

    Raises:
        PlatformError: it cannot be read, or is not there.
    """
    deadline = time.monotonic() + patience
    while not api.has_dag(dag_id):
        problems = [problem for problem in api.import_errors() if f"{dag_id}.py" in problem]
        if problems or time.monotonic() > deadline:
            said = "\n".join(problems) or "it is not in dags/. See: make logs SERVICE=airflow-dag-processor"
            raise PlatformError(f"Airflow cannot read the DAG {dag_id}: {said}")
        time.sleep(0.5)


def active_run(api: AirflowApi, dag_id: str, conf: Mapping[str, Any] | None = None) -> str | None:
    """The run, with just these params where some are given, that is at work or waits for its turn, if there is one."""
    active = [run for run in api.runs(dag_id) if run["state"] not in FINISHED]
    wanted = [run for run in active if conf is None or run["conf"] == conf]
    return str(wanted[-1]["dag_run_id"]) if wanted else None


def next_run(api: AirflowApi, dag_id: str, known: set[str], patience: float) -> str | None:
    """The first run that is not among `known`, waited for; None when none came."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        for run in reversed(api.runs(dag_id)):
            if run["dag_run_id"] not in known:
                return str(run["dag_run_id"])
        time.sleep(0.5)
    return None


def run_ids(api: AirflowApi, dag_id: str) -> set[str]:
    """The newest runs' ids."""
    return {str(run["dag_run_id"]) for run in api.runs(dag_id)}


def waits(api: AirflowApi, dag_id: str, task_id: str) -> bool:
    """Whether the task of the DAG's newest run is deferred: it waits in the triggerer and holds no worker."""
    newest = api.runs(dag_id, limit=1)
    tasks = api.tasks(dag_id, newest[0]["dag_run_id"]) if newest else []
    return any(task["task_id"] == task_id and task["state"] == "deferred" for task in tasks)


def follow(api: AirflowApi, dag_id: str, run_id: str, until: str | None = None) -> None:
    """Show the run, a line for each task that has ended, to its end.

    Args:
        api: Airflow's.
        dag_id: the DAG.
        run_id: its run.
        until: a task; once it has succeeded, what follows it is left to go on by itself.

    Raises:
        PlatformError: it failed; the message is that of `why_failed`.
    """
    console.print(f"[bold]{dag_id}[/bold]  [dim]{run_id}[/dim]")
    shown: set[tuple[str, int]] = set()
    asked: set[tuple[str, int]] = set()
    while True:
        state = api.run(dag_id, run_id)["state"]
        tasks = api.tasks(dag_id, run_id)
        for task in sorted(tasks, key=lambda task: task["end_date"] or ""):
            key = (task["task_id"], task.get("map_index", -1))
            if task["state"] == WAITS_FOR_A_PERSON and key not in asked:
                asked.add(key)
                console.print(f"  ? {task['task_id']}: a person is asked, at {url(settings())}/required_actions")
            if task["state"] in ENDED and key not in shown:
                shown.add(key)
                if task["state"] in ("success", "failed"):
                    say_done(task["task_id"], task["duration"] or 0, good=task["state"] == "success")
                else:
                    console.print(f"  [dim]- {task['task_id']} ({task['state']})[/dim]")
        if state in FINISHED or any(task["task_id"] == until and task["state"] == "success" for task in tasks):
            break
        _watch(tasks)
    if state == "failed":
        raise PlatformError(why_failed(api, dag_id, run_id, tasks))


def _watch(tasks: list[dict[str, Any]]) -> None:
    """Wait a moment, showing what is at work."""
    working = [task["task_id"] for task in tasks if task["state"] in ("running", "queued", "scheduled")]
    retrying = [f"{task['task_id']} (will be tried again)" for task in tasks if task["state"] == "up_for_retry"]
    if console.is_terminal:
        with console.status(", ".join(working + retrying) or "waiting for its turn"):
            time.sleep(1)
    else:
        time.sleep(1)


def why_failed(api: AirflowApi, dag_id: str, run_id: str, tasks: list[dict[str, Any]]) -> str:
    """Which task of a failed run failed first, and the cause, what to do and where the whole log is.

    Those are the last lines of the task's log; a task whose process was killed did not come to write them.
    """
    failed = [task for task in tasks if task["state"] == "failed"]
    if not failed:
        return f"{dag_id} failed before any task did: see it in the Airflow UI"
    task = min(failed, key=lambda task: task["end_date"] or "")
    lines = [line for line in api.log(dag_id, run_id, task) if line.strip()]
    if failure := Failure.from_log(lines):
        return f"{dag_id} failed in its task {task['task_id']}\n{failure.text()}"
    config = settings()
    name, index, number = task["task_id"], task.get("map_index", -1), task["try_number"]
    mapped = f"/mapped/{index}" if index >= 0 else ""
    page = f"{url(config)}/dags/{dag_id}/runs/{quote(run_id)}/tasks/{name}{mapped}?try_number={number}"
    file = home(config) / "logs" / log_name(dag_id, run_id, name, index, number)
    lost = KilledError(f"its process ended without a word. The last line of its log: {lines[-1] if lines else 'none'}")
    failure = Failure.of(lost, config, page, str(file) if file.is_file() else "")
    return f"{dag_id} failed in its task {name}\n{failure.text()}"
