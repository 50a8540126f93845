"""What DAGs of Tidemark share: the operator that submits a Spark job, the defaults of a task, the form of a load of files.

from tidemark_operators import DEFAULT_ARGS, TidemarkSparkSubmit

with DAG("load_reviews", default_args=DEFAULT_ARGS, ...):
    run = land()                                             # a task that returns the run folder
    TidemarkSparkSubmit(task_id="validate", job="validate_reviews.py", run=run, application_args=[])
"""

import logging
import sys
from collections import deque
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.sdk import Asset, CronDataIntervalTimetable, ExceptionRetryPolicy, Param, RetryAction, RetryRule
from airflow.sdk.configuration import conf
from airflow.sdk.exceptions import AirflowException, AirflowSkipException, AirflowTaskTerminated, AirflowTaskTimeout

from tidemark.errors import AbsentError, KilledError, TidemarkError, TimedOutError, TransientError
from tidemark.operations.alerts import Failure, log_name
from tidemark.settings import ROOT, settings
from tidemark.spark import job as jobs
from tidemark.spark.session import local_to_pods, submit_conf

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from airflow.providers.apache.spark.hooks.spark_submit import SparkSubmitHook
    from airflow.sdk.definitions.context import Context

log = logging.getLogger("tidemark")

REVIEWS = Asset("reviews")
"""Updated by each load when its reviews are stored; `explore_reviews` starts when it is."""

INTERACTIONS = Asset("interactions")
"""Updated by each load of reviews or of interactions; `retrain_recommender` starts when it is."""

PRODUCTS = Asset("products")
"""Updated by each load of products where there are interactions; `retrain_recommender` starts when it is."""

MODEL = Asset("model")
"""Updated when another model goes live: published, or rolled back to."""


def _failure(context: "Context") -> Failure:
    """Why the task failed; Airflow's own exceptions say nothing, and a task whose process was killed left none."""
    task, ti, error = context["task"], context["ti"], context.get("exception")
    if isinstance(error, AirflowTaskTimeout):
        error = TimedOutError(f"it took longer than {task.execution_timeout}, which is the longest that this task may")
    elif isinstance(error, AirflowTaskTerminated):
        error = KilledError("it was ended from outside: marked or cleared by a person, or its worker was stopped")
    elif not isinstance(error, BaseException):
        error = KilledError("Airflow lost the task's process: it was killed, or its machine went away")
    name = log_name(ti.dag_id, ti.run_id, ti.task_id, ti.map_index, ti.try_number)
    file = Path(conf.get("logging", "base_log_folder"), name)
    return Failure.of(error, settings(), ti.log_url, str(file) if file.is_file() else "")


def _end_log(text: str) -> None:
    """Let `text` be the last lines of the task's log, outside the group that Airflow folds all after a task into."""
    log.info("::endgroup::")
    for line in text.splitlines():
        log.error(line)


def on_failure(context: "Context") -> None:
    """Say why the task failed and what to do: in the last lines of its log, and to the webhook."""
    ti, failure = context["ti"], _failure(context)
    failure.post(settings().alert_webhook, ti.dag_id, ti.task_id, ti.run_id)
    _end_log(failure.text())


def on_retry(context: "Context") -> None:
    """Say why the try failed in the last lines of its log."""
    failure = _failure(context)
    later = f"nothing yet, it is tried again by itself. If that fails too: {failure.what_to_do}"
    _end_log(replace(failure, what_to_do=later).text())


DEFAULT_ARGS: dict[str, Any] = {
    "owner": "tidemark",
    "retries": 4,
    "retry_delay": timedelta(seconds=20),
    "retry_exponential_backoff": 2,
    "max_retry_delay": timedelta(minutes=10),
    # What is wrong stays wrong: it fails at once. What may pass by itself, or is unknown, is tried again.
    "retry_policy": ExceptionRetryPolicy(
        rules=[
            RetryRule(TransientError, RetryAction.DEFAULT),
            RetryRule(TidemarkError, RetryAction.FAIL, reason="wrong, not unreachable: a retry would not help"),
        ]
    ),
    "execution_timeout": timedelta(minutes=30),
    "on_failure_callback": on_failure,
    "on_retry_callback": on_retry,
}
"""Defaults of every task: back-off for what is unreachable, none for what is wrong, an end to what hangs."""


DAYS = "`{ds}` and the like stand for the day of the run."
"""What the form of a load says of its source besides."""
BY_DAY = ("scheduled", "backfill")
"""Types of runs that nobody watches: a day that is absent may be passed over."""


def by_day(source: str) -> dict[str, Any]:
    """The arguments by which the DAG of a load runs by itself, an interval a run, where `source` is set to be loaded so."""
    schedule = settings().load_schedule if source else ""
    return {
        "schedule": CronDataIntervalTimetable(schedule, "UTC") if schedule else None,
        "start_date": datetime(2000, 1, 1, tzinfo=UTC),
        "catchup": False,
    }


@contextmanager
def absent_days_as_set(dag_run: Any) -> "Iterator[None]":
    """Where nothing is there for a run that nobody watches, skip with the reason, if `TIDEMARK_LOAD_ABSENT` says so."""
    try:
        yield
    except AbsentError as absent:
        if dag_run.run_type not in BY_DAY or settings().load_absent == "fail":
            raise
        raise AirflowSkipException(str(absent)) from None


def source_params(kind: str, source: str, name: str, columns: "Mapping[str, str]") -> dict[str, Param]:
    """The params that every load of any team's files has: which file, of what name, by which preset, which column is what.

    Args:
        kind: of source, as `tidemark.sources.presets` has it.
        source: the default one; empty: it must be given.
        name: what the name of the source is for.
        columns: what a column can be -> what the form says of it.
    """
    from tidemark.sources import presets

    asked = {
        what: Param(
            None,
            type=["null", "string"],
            maxLength=200,
            title=what.capitalize(),
            description=f"The column of {text}",
            section="Columns",
        )
        for what, text in columns.items()
    }
    return {
        "source": Param(
            source,
            type="string",
            minLength=1,
            title="Source",
            description="A path, folder, glob or URL (s3://, gs://, https://) of CSV, TSV, JSON lines or Parquet, plain or packed "
            f"(gz, bz2, zst); a relative path starts at the project's root. {DAYS}",
        ),
        "name": Param(
            None,
            type=["null", "string"],
            pattern="^[a-z0-9][a-z0-9_-]{0,31}$",
            title="Name of the source",
            description=f"{name}; empty: the preset's, or the file's.",
        ),
        "preset": Param(
            presets.AUTO,
            enum=[presets.AUTO, presets.NOTHING, *presets.names(kind)],
            title="Preset",
            description="Files whose columns are known. `auto` tells by the columns.",
        ),
        **asked,
        "encoding": Param(
            None,
            type=["null", "string"],
            title="Encoding",
            description="Of the text, where it is not UTF-8 and does not say so itself: iso-8859-1, cp1252, ...",
        ),
    }


KEPT_LINES = 2_000
"""Lines of spark-submit's output, its last, that the cause of a failure is looked for in."""


class TidemarkSparkSubmit(SparkSubmitOperator):
    """Submit `spark_jobs/<job>` on the connection `spark_default`, one at a time (pool `spark`).

    The job is called as `<job> --run <run> <application_args>`. Secrets reach it by the environment that it inherits,
    never by an argument. Where it fails, the task raises why (`tidemark.spark.job.raise_error`).

    Args:
        job: file name below `spark_jobs/`.
        run: the run folder (templated; the XCom of the task that made it).
        application_args: further arguments, strings (templated).
        short: the job is a short one, or waits for servers: see `tidemark.spark.session.SHORT_JOB`.
        kwargs: anything of `SparkSubmitOperator` or of a task.
    """

    template_fields = (*SparkSubmitOperator.template_fields, "run")

    def __init__(
        self, *, job: str, run: Any, application_args: "Sequence[Any]" = (), short: bool = False, **kwargs: Any
    ) -> None:
        config = settings()
        super().__init__(
            application=local_to_pods(ROOT / "spark_jobs" / job, config),
            application_args=["--run", run, *application_args],
            conf=submit_conf(short=short) | {"spark.pyspark.driver.python": sys.executable} | kwargs.pop("conf", {}),
            driver_memory=kwargs.pop("driver_memory", config.spark_driver_memory),
            name=kwargs.pop("name", f"tidemark-{Path(job).stem}"),
            pool=kwargs.pop("pool", "spark"),
            **kwargs,
        )
        self.job = Path(job).stem
        self.run = run
        self.said: deque[str] = deque(maxlen=KEPT_LINES)

    def execute(self, context: "Context") -> None:
        """Submit and wait.

        Raises:
            TidemarkError: why the job failed, in place of spark-submit's error, which is a command of 3,000 characters.
            AirflowException: spark-submit did not begin, or a cluster's master tells of the driver's end.
        """
        jobs.forget_error(self.job, self.run)
        self.said.clear()
        try:
            super().execute(context)
        except AirflowException:
            jobs.raise_error(self.job, self.run, list(self.said), self._exit_code())
            raise

    def _get_hook(self) -> "SparkSubmitHook":
        hook = super()._get_hook()
        process = hook._process_spark_submit_log
        hook._process_spark_submit_log = lambda lines: process(self._listening(lines))  # type: ignore[method-assign, assignment]
        return hook

    def _exit_code(self) -> int | None:
        """spark-submit's, or, where Kubernetes ran the driver, the driver's; None: neither failed, or even began."""
        hook = self._hook
        process = hook._submit_sp if hook else None
        return (process.returncode or hook._spark_exit_code or None) if hook and process else None

    def _listening(self, lines: "Iterator[str]") -> "Iterator[str]":
        """Keep them indented as they are, which tells a message from a stack trace; the hook takes that away."""
        for line in lines:
            self.said.append(line)
            yield line
