"""Airflow's own question to a person, as the retrain asks it: whether a model goes live. It holds no worker while it waits."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import Param
from airflow.sdk.exceptions import AirflowSkipException

from tidemark.operations import alerts
from tidemark.registry.approvals import APPROVE, REJECT
from tidemark.settings import settings

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context


class ModelApproval(HITLOperator):
    """Asks whether a model goes live, says so to the webhook, and takes no answer in time for a no.

    Args:
        asked_by: the task that gives `questions`: none, or one with `subject` and `body` (`retraining.approval.questions`).
        kwargs: of any operator.
    """

    def __init__(self, asked_by: str, **kwargs: Any) -> None:
        reason = Param(
            "", type="string", maxLength=2_000, title="Reason", description="Kept with the model.", source="task"
        )
        kwargs.pop("params", None)  # Airflow hands in the DAG's, which are not to be asked for
        super().__init__(
            subject="Put a model live?",
            options=[APPROVE, REJECT],
            defaults=REJECT,
            params={"reason": reason},
            response_timeout=timedelta(hours=settings().approval_hours),
            assigned_users=[{"id": name, "name": name} for name in settings().approver_names] or None,
            **kwargs,
        )
        self.asked_by = asked_by

    def execute(self, context: "Context") -> Any:
        """Tell that somebody is waited for, then wait."""
        questions = context["ti"].xcom_pull(task_ids=self.asked_by)["questions"]
        if not questions:
            raise AirflowSkipException("nobody is to be asked")
        self.subject, self.body = questions[0]["subject"], questions[0]["body"]
        page = self.generate_link_to_ui(task_instance=context["task_instance"])
        alerts.post(
            settings().alert_webhook,
            f"{self.subject} It waits for {settings().approval_hours:g} h, then it is rejected: {page}",
            {"dag": context["ti"].dag_id, "run": context["ti"].run_id, "task": context["ti"].task_id, "page": page},
        )
        return super().execute(context)
