"""DAG runs of a platform, followed by Airflow's API."""

from typing import Any

from tests.support.waiting import eventually
from tidemark.local.airflow_client import FINISHED, AirflowApi

LONGEST = 600
"""Seconds after which a run that should have ended has not: long, since a busy machine takes its time."""


def ended(api: AirflowApi, dag_id: str, run_id: str, patience: float = LONGEST) -> str:
    """Wait for the end of a run; the state in which it ended."""

    def final_state() -> str:
        state = str(api.run(dag_id, run_id)["state"])
        return state if state in FINISHED else ""

    return eventually(final_state, patience, f"{dag_id} {run_id} did not end in time", 1)


def task_states(api: AirflowApi, dag_id: str, run_id: str) -> dict[str, str]:
    """Task -> its state."""
    return {task["task_id"]: task["state"] for task in api.tasks(dag_id, run_id)}


def run_to_its_end(api: AirflowApi, dag_id: str, conf: dict[str, Any]) -> tuple[str, str, dict[str, str]]:
    """Trigger a run and wait: its id, its state, and the state of each task."""
    run_id = api.trigger(dag_id, conf)
    state = ended(api, dag_id, run_id)
    return run_id, state, task_states(api, dag_id, run_id)
