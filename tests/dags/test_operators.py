"""What every DAG shares: the submit operator, the defaults of a task, the alert."""

import logging
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tidemark import errors
from tidemark.settings import ROOT
from tidemark.spark import job

sys.path.insert(0, str(ROOT / "plugins"))  # as Airflow does
operators = pytest.importorskip("tidemark_operators")


class Hook:
    """In place of the hook and its process: leaves what a job leaves, says what it says, then fails as spark-submit does."""

    _should_track_driver_status = _is_yarn_cluster_mode = False
    _spark_exit_code: int | None = None

    def __init__(self, run: str, error: Exception | None, exit_code: int | None) -> None:
        self.run, self.error, self.exit_code = run, error, exit_code
        self._submit_sp: Any = None

    def _should_track_driver_via_k8s_api(self) -> bool:
        return False

    def _process_spark_submit_log(self, lines: Any) -> None:
        assert len(list(lines)) == 3

    def submit(self, application: str) -> None:
        if self.error is not None:
            with pytest.raises((SystemExit, type(self.error))), job.running("train", self.run):
                raise self.error
        if self.exit_code is not None:
            self._submit_sp = SimpleNamespace(returncode=self.exit_code)
            self._process_spark_submit_log(iter(["Traceback (most recent call last):", "  File x", "KeyError: 'a'"]))
        raise operators.AirflowException("Cannot execute: spark-submit --conf secret ... Error code is: 65.")


@pytest.mark.parametrize(
    ("left", "exit_code", "raised", "message"),
    [
        (errors.GateError("one user"), 65, errors.GateError, "one user"),
        (errors.UnreachableError("no answer"), 65, errors.UnreachableError, "no answer"),
        (ValueError("x"), 1, errors.JobFailedError, "ValueError: x"),
        (ValueError("x"), -9, errors.KilledError, "signal 9"),
        (None, 1, errors.JobFailedError, "KeyError: 'a'"),
        (None, 137, errors.KilledError, "signal 9"),
        (None, None, operators.AirflowException, "Cannot execute"),  # spark-submit did not even start
        (None, 0, operators.AirflowException, "Cannot execute"),  # it ended well, the driver elsewhere did not
    ],
)
def test_the_task_fails_with_why_the_job_failed(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    left: Exception | None,
    exit_code: int | None,
    raised: type,
    message: str,
) -> None:
    run = str(tmp_path / "run")
    task = operators.TidemarkSparkSubmit(task_id="train", job="train.py", run=run, application_args=["--seed", "1"])
    assert task.application_args == ["--run", run, "--seed", "1"]
    monkeypatch.setattr(operators.SparkSubmitOperator, "_get_hook", lambda self: Hook(run, left, exit_code))
    with pytest.raises(raised) as failure:
        task.execute({})
    assert type(failure.value) is raised
    assert message in str(failure.value)
    assert not exit_code or failure.value.__suppress_context__


@pytest.mark.parametrize(
    ("master", "scheme"),
    [("local[2]", ""), ("spark://far:7077", ""), ("k8s://https://kubernetes.default.svc", "local://")],
)
def test_on_kubernetes_the_job_is_the_file_that_each_pod_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, master: str, scheme: str
) -> None:
    config = operators.settings().model_copy(update={"spark_master": master})
    monkeypatch.setattr(operators, "settings", lambda: config)
    task = operators.TidemarkSparkSubmit(task_id="train", job="train.py", run=str(tmp_path))
    assert task.application == f"{scheme}{ROOT}/spark_jobs/train.py"


def test_the_exit_code_of_a_driver_in_kubernetes_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = operators.TidemarkSparkSubmit(task_id="train", job="train.py", run=str(tmp_path))
    hook = Hook(str(tmp_path), None, 0)
    hook._spark_exit_code = 137
    monkeypatch.setattr(operators.SparkSubmitOperator, "_get_hook", lambda self: hook)
    with pytest.raises(errors.KilledError, match="signal 9"):
        task.execute({})


@pytest.mark.parametrize(
    ("error", "action"),
    [
        (errors.GateError("x"), "fail"),
        (errors.BadInputError("x"), "fail"),
        (errors.NotEnoughMemoryError("x"), "fail"),
        (errors.MissingClassError("x"), "fail"),
        (errors.UnreachableError("x"), "default"),
        (errors.CoordinatorStartingError("x"), "default"),
        (errors.JobFailedError("x"), "default"),
        (errors.KilledError("x"), "default"),
        (RuntimeError("x"), "default"),
    ],
)
def test_what_is_wrong_fails_and_what_may_pass_is_retried(error: Exception, action: str) -> None:
    decision = operators.DEFAULT_ARGS["retry_policy"].evaluate(error, 1, 4)
    assert decision.action.value == action
    assert decision.retry_delay is None  # the task's own back-off


PAGE = "http://127.0.0.1:8080/dags/load_reviews/runs/manual/tasks/land"


def _context(error: BaseException | None) -> Any:
    ti = SimpleNamespace(
        dag_id="load_reviews", task_id="land", run_id="manual", map_index=-1, try_number=1, log_url=PAGE
    )
    task = SimpleNamespace(execution_timeout=timedelta(minutes=30))
    return {"ti": ti, "task": task} | ({"exception": error} if error else {})


def _ended_with(caplog: pytest.LogCaptureFixture) -> list[str]:
    assert caplog.messages[0] == "::endgroup::"
    return caplog.messages[1:]


def test_a_failures_three_lines_end_its_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="tidemark"):
        operators.on_failure(_context(errors.BadInputError("r.json: 100% empty")))
    assert _ended_with(caplog) == [
        "Cause: r.json: 100% empty",
        f"What to do: {errors.BadInputError.what_to_do}",
        f"Whole log: {PAGE}",
    ]


def test_a_try_that_is_made_again_says_so(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="tidemark"):
        operators.on_retry(_context(errors.UnreachableError("MongoDB does not answer")))
    cause, what_to_do, _ = _ended_with(caplog)
    assert cause == "Cause: MongoDB does not answer"
    assert what_to_do.startswith(
        "What to do: nothing yet, it is tried again by itself. If that fails too: `make status`"
    )


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (operators.AirflowTaskTimeout("Timeout, PID: 1"), "it took longer than 0:30:00"),
        (operators.AirflowTaskTerminated("SIGTERM"), "it was ended from outside"),
        (None, "Airflow lost the task's process"),
    ],
)
def test_what_airflow_ends_is_told_in_plain_words(
    caplog: pytest.LogCaptureFixture, error: BaseException | None, cause: str
) -> None:
    with caplog.at_level(logging.INFO, logger="tidemark"):
        operators.on_failure(_context(error))
    assert _ended_with(caplog)[0].startswith(f"Cause: {cause}")


def test_no_plugin_has_the_name_of_another_module() -> None:
    known = "import sys, pkgutil; print(*sys.stdlib_module_names, *(m.name for m in pkgutil.iter_modules()))"
    names = subprocess.run([sys.executable, "-c", known], capture_output=True, text=True, check=True).stdout.split()
    assert not {p.stem for p in (ROOT / "plugins").glob("*.py")} & set(names)
