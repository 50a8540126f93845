"""What every DAG of Tidemark shares: the operator that submits a Spark job, and the defaults of a task.

from tidemark_operators import DEFAULT_ARGS, TidemarkSparkSubmit

with DAG("load_reviews", default_args=DEFAULT_ARGS, ...):
    run = land()                                             # a task that returns the run folder
    TidemarkSparkSubmit(task_id="validate", job="validate_reviews.py", run=run, application_args=[])
"""

import logging
import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.sdk import Asset, ExceptionRetryPolicy, RetryAction, RetryRule
from airflow.sdk.exceptions import AirflowException

from tidemark.errors import TidemarkError, UnreachableError
from tidemark.settings import ROOT, settings
from tidemark.spark import job as jobs
from tidemark.spark.session import submit_conf

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk.definitions.context import Context

log = logging.getLogger("tidemark")

REVIEWS = Asset("reviews")
"""Updated by each load when its reviews are stored; `explore_reviews` starts when it is."""

INTERACTIONS = Asset("interactions")
"""Made of the reviews by each load; `retrain_recommender` starts when it is."""

MODEL = Asset("model")
"""Updated when another model goes live: published, or rolled back to."""


def on_failure(context: "Context") -> None:
    """Say in one line which task failed and why, in the log and to the webhook; never fail for it."""
    ti, error = context["ti"], context.get("exception")
    first_line = (str(error).splitlines() or [""])[0][:500]
    text = f"{ti.dag_id}.{ti.task_id} failed in run {ti.run_id}: {type(error).__name__}: {first_line}"
    log.error("%s. What to do is on the DAG's page", text)
    webhook = settings().alert_webhook.get_secret_value()
    if not webhook:
        return
    try:
        import requests

        body = {"text": text, "dag": ti.dag_id, "task": ti.task_id, "run": ti.run_id, "error": first_line}
        requests.post(webhook, json=body, timeout=5).raise_for_status()
    except Exception as problem:  # the task has failed already; the URL is a secret and stays out of the log
        log.warning("the alert webhook did not take the message (%s)", type(problem).__name__)


DEFAULT_ARGS: dict[str, Any] = {
    "owner": "tidemark",
    "retries": 4,
    "retry_delay": timedelta(seconds=20),
    "retry_exponential_backoff": 2,
    "max_retry_delay": timedelta(minutes=10),
    # What is wrong stays wrong: it fails at once. What is unreachable, or unknown, is tried again.
    "retry_policy": ExceptionRetryPolicy(
        rules=[
            RetryRule(UnreachableError, RetryAction.DEFAULT),
            RetryRule(TidemarkError, RetryAction.FAIL, reason="wrong, not unreachable: a retry would not help"),
        ]
    ),
    "execution_timeout": timedelta(minutes=30),
    "on_failure_callback": on_failure,
}
"""Defaults of every task: back-off for what is unreachable, none for what is wrong, an end to what hangs."""


class TidemarkSparkSubmit(SparkSubmitOperator):
    """Submit `spark_jobs/<job>` on the connection `spark_default`, one at a time (pool `spark`).

    The job is called as `<job> --run <run> <application_args>`. Secrets reach it by the environment that it inherits,
    never by an argument. Where it fails for a reason it knows (`tidemark.spark.job.running`), the task raises that very
    error in place of spark-submit's.

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
            application=str(ROOT / "spark_jobs" / job),
            application_args=["--run", run, *application_args],
            conf=submit_conf(short=short) | {"spark.pyspark.driver.python": sys.executable} | kwargs.pop("conf", {}),
            driver_memory=kwargs.pop("driver_memory", config.spark_driver_memory),
            name=kwargs.pop("name", f"tidemark-{job.removesuffix('.py')}"),
            pool=kwargs.pop("pool", "spark"),
            **kwargs,
        )
        self.job = job
        self.run = run

    def execute(self, context: "Context") -> None:
        """Submit and wait.

        Raises:
            TidemarkError: the job's own error.
            AirflowException: it failed for a reason that it does not know; the message carries the tail of its log.
        """
        name = self.job.removesuffix(".py")
        jobs.forget_error(name, self.run)
        try:
            super().execute(context)
        except AirflowException:
            jobs.raise_error(name, self.run)
            raise
