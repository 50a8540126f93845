"""What a red task says in a real Airflow: the end of its log, what `make run` prints and the alert are the same lines."""

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.own_airflow import component
from tests.support.own_settings import local_settings, with_airflow
from tests.support.runs import ended
from tests.support.waiting import eventually
from tidemark.errors import PlatformError
from tidemark.local import airflow, follow
from tidemark.local.airflow_client import AirflowApi
from tidemark.local.servers import running
from tidemark.local.throwaway import environment
from tidemark.operations.alerts import Failure
from tidemark.settings import Settings, settings

SPARK_JOB = """
from tidemark import errors
from tidemark.spark import job
from tidemark.spark.session import session

def main(run):
    session("red").range(9).mapInArrow(in_worker, "id long").count()

def in_worker(batches):
    raise ValueError("row 7 of mongodb://u:open-sesame@h/ is wrong")

job.main("red", None, main)
"""

DAGS = """
import os, signal, time
from datetime import timedelta
from airflow.sdk import DAG, task
from tidemark_operators import DEFAULT_ARGS, TidemarkSparkSubmit

ARGS = DEFAULT_ARGS | {{"retries": 0}}

with DAG("red_spark", default_args=ARGS | {{"retries": 1, "retry_delay": timedelta(seconds=1)}}):
    TidemarkSparkSubmit(task_id="work", job="{job}", run="{run}", short=True, driver_memory="512m")

with DAG("red_python", default_args=ARGS):
    @task
    def work():
        raise LookupError("no such item") from KeyError("B0")
    work()

with DAG("red_gate", default_args=DEFAULT_ARGS):
    @task
    def work():
        from tidemark.errors import GateError
        raise GateError("all reviews are of one user")
    work()

with DAG("red_timeout", default_args=ARGS | {{"execution_timeout": timedelta(seconds=1)}}):
    @task
    def work():
        time.sleep(120)
    work()

with DAG("red_killed", default_args=ARGS):
    @task
    def work():
        print("at work")
        os.kill(os.getpid(), signal.SIGKILL)
    work()
"""


@pytest.fixture(scope="module")
def alerts() -> Iterator[tuple[str, dict[str, dict[str, Any]]]]:
    """The address of a webhook, and DAG -> what was posted there last."""
    received: dict[str, dict[str, Any]] = {}

    class Hook(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            received[body["dag"]] = body
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            return

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/secret-path", received
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def config(alerts: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """An Airflow at work, with DAGs that fail, and the webhook."""
    folder = tmp_path_factory.mktemp("red")
    config = with_airflow(local_settings(folder)).model_copy(update={"spark_master": "local[1]"})
    (folder / "dags").mkdir()
    (folder / "red.py").write_text(SPARK_JOB)
    (folder / "dags" / "red.py").write_text(DAGS.format(job=folder / "red.py", run=folder / "artifacts" / "red" / "r"))
    env_file = folder / "env"
    variables = environment(config) | {"TIDEMARK_ALERT_WEBHOOK": alerts[0]}
    env_file.write_text("".join(f"{name}={value}\n" for name, value in variables.items()))
    with ExitStack() as stack:
        stack.enter_context(running("postgres", config))
        airflow.provision(config)
        own = {"TIDEMARK_ENV_FILE": str(env_file), "AIRFLOW__CORE__DAGS_FOLDER": str(folder / "dags")}
        for name in airflow.COMPONENTS:
            stack.enter_context(component(config, name, folder / f"{name}.log", own))
        eventually(lambda: not airflow.unhealthy(config), 180, lambda: f"not at work: {airflow.unhealthy(config)}")
        yield config


@pytest.fixture
def red(config: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Run a DAG to its red end: what `make run` says, the lines of the task's log, its log's file."""
    for name, value in environment(config).items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    with AirflowApi(config) as api:

        def run(dag_id: str) -> tuple[str, list[str], Path]:
            follow.await_dag(api, dag_id)
            run_id = api.trigger(dag_id, {})
            with pytest.raises(PlatformError) as failure:
                follow.follow(api, dag_id, run_id)
            assert ended(api, dag_id, run_id) == "failed"
            (task,) = api.tasks(dag_id, run_id)
            file = f"logs/dag_id={dag_id}/run_id={run_id}/task_id=work/attempt={task['try_number']}.log"
            return str(failure.value), api.log(dag_id, run_id, task), airflow.home(config) / file

        yield run


def said_by(failure: str, dag_id: str) -> Failure:
    """What `make run` prints below the task's name."""
    head, *lines = failure.splitlines()
    assert head == f"{dag_id} failed in its task work"
    assert len(lines) == 3
    read = Failure.from_log(lines)
    assert read is not None
    return read


@pytest.mark.parametrize(
    ("dag_id", "cause", "what_to_do"),
    [
        ("red_spark", "ValueError: row 7 of mongodb://u:***@h/ is wrong", "the stack trace above these lines"),
        ("red_python", "LookupError: no such item (from KeyError: 'B0')", "the stack trace above these lines"),
        ("red_gate", "all reviews are of one user", "the Data Docs show the rows"),
        ("red_timeout", "it took longer than 0:00:01", "execution_timeout"),
    ],
)
def test_the_log_the_terminal_and_the_alert_end_with_the_same_lines(
    red: Any, alerts: Any, config: Settings, dag_id: str, cause: str, what_to_do: str
) -> None:
    printed, log, file = red(dag_id)
    failure = said_by(printed, dag_id)
    assert failure.cause.startswith(cause)
    assert what_to_do in failure.what_to_do
    assert failure.whole_log.startswith(f"{airflow.url(config)}/dags/{dag_id}/runs/")
    assert failure.whole_log.endswith(f"(the file {file})")
    # Below the group that the UI folds all after a task into; a group's marks are no lines in the UI.
    assert log[-5:] == ["::endgroup::", *failure.text().splitlines(), "::endgroup::"]
    assert alerts[1][dag_id]["text"].splitlines()[1:] == failure.text().splitlines()
    assert "secret-path" not in file.read_text()
    if dag_id == "red_spark":
        first = file.with_name("attempt=1.log").read_text().splitlines()
        lines = [json.loads(line)["event"] for line in first if '"event"' in line]
        retried = Failure.from_log(lines)
        assert retried is not None
        assert retried.cause == failure.cause
        assert retried.what_to_do.startswith("nothing yet, it is tried again by itself")
        after = log[log.index("Task failed with exception") :]
        assert not any("spark-submit" in line or "org.apache.spark" in line for line in after)
        assert "open-sesame" not in "\n".join(after)


def test_a_task_whose_process_was_killed_is_told_by_what_is_left(red: Any) -> None:
    printed, _, file = red("red_killed")
    failure = said_by(printed, "red_killed")
    assert failure.cause.startswith("its process ended without a word. The last line of its log: Process terminated by")
    assert "killed process" in failure.what_to_do
    assert failure.whole_log.endswith(f"(the file {file})")
