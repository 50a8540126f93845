"""Tidemark's pages in the Airflow UI: where they are, and who may see and do what. The pages are `tidemark.console`.

Every component of Airflow loads this file, each task included, so it imports nothing until the API server asks.
"""

from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote, urlsplit

from airflow.sdk import BaseOperatorLink
from airflow.sdk.plugins_manager import AirflowPlugin

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import FastAPI

PREFIX = "/tidemark"
RUN_TAB = "tidemark-run"


class AirflowPermissions:
    """What Airflow's auth manager says, whichever it is; the DAG's team is resolved as Airflow's own routes do."""

    def __init__(self) -> None:
        """Of the API server that this runs in."""
        from airflow.api_fastapi.core_api.security import get_user

        self.user: Callable[..., Any] = get_user

    def reads(self, dag_id: str | None = None) -> "Callable[..., Any]":
        """401 or 403 for who may not read the runs of `dag_id`, or of the path's own `dag_id`."""
        return self._requires("GET", dag_id)

    def triggers(self, dag_id: str) -> "Callable[..., Any]":
        """401 or 403 for who may not start runs of `dag_id`."""
        return self._requires("POST", dag_id)

    def may_trigger(self, user: Any, dag_id: str) -> bool:
        """Whether `user` may start runs of `dag_id`: decides what is offered, while `triggers` decides what is done."""
        from airflow.api_fastapi.app import get_auth_manager
        from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
        from airflow.models.dag import DagModel

        details = DagDetails(id=dag_id, team_name=DagModel.get_team_name(dag_id))
        return bool(
            get_auth_manager().is_authorized_dag(
                method="POST", access_entity=DagAccessEntity.RUN, details=details, user=user
            )
        )

    @staticmethod
    def _requires(method: Any, dag_id: str | None) -> "Callable[..., Any]":
        from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
        from airflow.api_fastapi.core_api.security import requires_access_dag

        return requires_access_dag(method, DagAccessEntity.RUN, dag_id)


def application() -> "FastAPI":
    """The console with Airflow's permissions."""
    from tidemark.console.application import application as console

    return console(AirflowPermissions())


class RunArtifactsLink(BaseOperatorLink):
    """From a task to what its run left behind. The API server makes it: no task has to store it."""

    name = "Artifacts of this run"

    @property
    def operators(self) -> list[type]:  # type: ignore[override] # a property, so that nothing is imported before
        """The operators that the DAGs with artifacts are made of."""
        from airflow.providers.standard.decorators.python import _PythonDecoratedOperator
        from tidemark_operators import TidemarkSparkSubmit

        return [_PythonDecoratedOperator, TidemarkSparkSubmit]

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """The run's tab; nothing for a DAG that leaves no artifacts."""
        from airflow.configuration import conf

        from tidemark import dag_ids

        if ti_key.dag_id not in dag_ids.WITH_ARTIFACTS:
            return ""
        # Only its path: the same origin, whatever name the caller reaches it by.
        root = urlsplit(conf.get("api", "base_url", fallback="")).path.rstrip("/")
        return f"{root}/dags/{quote(ti_key.dag_id)}/runs/{quote(ti_key.run_id, safe='')}/plugin/{RUN_TAB}"


class TidemarkPlugin(AirflowPlugin):
    """A page in the navigation, a tab on each run, and a link from each task."""

    name = "tidemark"
    external_views: ClassVar[list[dict[str, Any]]] = [
        {
            "name": "Tidemark",
            "href": "tidemark/",
            "destination": "nav",
            "url_route": "tidemark",
            "icon": "/tidemark/static/icon.svg",
            "icon_dark_mode": "/tidemark/static/icon-dark.svg",
            "nav_top_level": True,
        },
        {
            "name": "Artifacts",
            "href": "tidemark/runs/{DAG_ID}/{RUN_ID}",
            "destination": "dag_run",
            "url_route": RUN_TAB,
            "icon": "/tidemark/static/icon.svg",
            "icon_dark_mode": "/tidemark/static/icon-dark.svg",
        },
    ]
    operator_extra_links: ClassVar[list[Any]] = [RunArtifactsLink()]

    @property
    def fastapi_apps(self) -> list[dict[str, Any]]:  # type: ignore[override] # made when the API server asks for it
        """The console; only the API server asks, so only it pays for the imports."""
        return [{"app": application(), "url_prefix": PREFIX, "name": "Tidemark"}]
