"""What every DAG shares: the submit operator, the defaults of a task, the alert."""

import http.server
import json
import logging
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tidemark import errors
from tidemark.settings import ROOT
from tidemark.spark import job

sys.path.insert(0, str(ROOT / "plugins"))  # as Airflow does
operators = pytest.importorskip("tidemark_operators")


class Submit:
    """In place of a process: leaves what a job leaves, then fails as spark-submit does."""

    def __init__(self, run: str, error: Exception | None) -> None:
        self.run, self.error = run, error

    def __call__(self, operator: Any, context: Any) -> None:
        if self.error is not None:
            with pytest.raises(SystemExit), job.running("train", self.run):
                raise self.error
        raise operators.AirflowException("Cannot execute: spark-submit ... Error code is: 65.")


@pytest.mark.parametrize("error", [errors.GateError("one user"), errors.UnreachableError("no answer"), None])
def test_the_task_fails_with_the_jobs_own_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception | None
) -> None:
    run = str(tmp_path / "run")
    task = operators.TidemarkSparkSubmit(task_id="train", job="train.py", run=run, application_args=["--seed", "1"])
    assert task.application_args == ["--run", run, "--seed", "1"]
    submit = Submit(run, error)
    monkeypatch.setattr(operators.SparkSubmitOperator, "execute", lambda self, context: submit(self, context))
    with pytest.raises(type(error) if error else operators.AirflowException) as failure:
        task.execute({})
    assert str(error or "Cannot execute") in str(failure.value)


@pytest.mark.parametrize(
    ("error", "action"),
    [
        (errors.GateError("x"), "fail"),
        (errors.BadInputError("x"), "fail"),
        (errors.UnreachableError("x"), "default"),
        (RuntimeError("x"), "default"),
    ],
)
def test_what_is_wrong_fails_and_what_is_unreachable_is_retried(error: Exception, action: str) -> None:
    decision = operators.DEFAULT_ARGS["retry_policy"].evaluate(error, 1, 4)
    assert decision.action.value == action
    assert decision.retry_delay is None  # the task's own back-off


def _context(error: Exception) -> Any:
    ti = SimpleNamespace(dag_id="load_reviews", task_id="land", run_id="manual")
    return {"ti": ti, "exception": error}


def test_a_failure_is_one_line_and_a_message_to_the_webhook(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    received: list[dict[str, Any]] = []

    class Hook(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            return

    server = http.server.HTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("TIDEMARK_ALERT_WEBHOOK", f"http://127.0.0.1:{server.server_port}/secret-path")
    with caplog.at_level(logging.INFO, logger="tidemark"):
        operators.on_failure(_context(errors.BadInputError("r.json: empty\nsecond line")))
    server.shutdown()
    assert received[0]["text"] == "load_reviews.land failed in run manual: BadInputError: r.json: empty"
    assert "r.json: empty" in caplog.text
    assert "secret-path" not in caplog.text


def test_a_webhook_that_is_down_fails_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("TIDEMARK_ALERT_WEBHOOK", "http://127.0.0.1:1/secret-path")
    operators.on_failure(_context(ValueError("")))
    assert "did not take the message" in caplog.text
    assert "secret-path" not in caplog.text


def test_no_plugin_has_the_name_of_another_module() -> None:
    known = "import sys, pkgutil; print(*sys.stdlib_module_names, *(m.name for m in pkgutil.iter_modules()))"
    names = subprocess.run([sys.executable, "-c", known], capture_output=True, text=True, check=True).stdout.split()
    assert not {p.stem for p in (ROOT / "plugins").glob("*.py")} & set(names)
