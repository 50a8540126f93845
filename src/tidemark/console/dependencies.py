"""What the routes depend on: who is signed in, what they may do, and what is read from.

Who may do what is not decided here: the plugin hands in Airflow's own permissions (`Permissions`), and each router puts
them before its routes. What is common to all requests is the application's state: `application` sets it, the functions
here read it.
"""

from collections.abc import Callable
from typing import Annotated, Any, Protocol
from urllib.parse import urlsplit

from fastapi import Depends, HTTPException, Request

from tidemark.console.airflow_runs import AirflowRuns
from tidemark.console.pages import mount
from tidemark.dag_ids import RETRAIN_RECOMMENDER, ROLL_BACK_MODEL
from tidemark.operations.sources import Sources


class Permissions(Protocol):
    """Airflow's own permissions, as FastAPI dependencies that answer 401 or 403."""

    @property
    def user(self) -> Callable[..., Any]:
        """Who is signed in."""

    def reads(self, dag_id: str | None = None) -> Callable[..., Any]:
        """The caller may read the runs of `dag_id`, or of the DAG that the path names."""

    def triggers(self, dag_id: str) -> Callable[..., Any]:
        """The caller may start runs of `dag_id`."""

    def may_trigger(self, user: Any, dag_id: str) -> bool:
        """Whether `user` may start runs of `dag_id`."""


def signed_in(permissions: Permissions) -> Callable[..., Any]:
    """The dependency of the whole application: 401 for who is not signed in; who is, is the request's `caller`."""

    async def remember(request: Request, user: Annotated[Any, Depends(permissions.user)]) -> None:
        request.state.caller = user

    return remember


def same_origin(request: Request) -> None:
    """Refuse a write that another site has a signed-in browser send; the login cookie alone is `SameSite=Lax`, and every
    port of a machine is the same site."""
    headers = request.headers
    if headers.get("authorization", "").lower().startswith("bearer "):
        return  # no browser sends that by itself
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    own = site == "same-origin" if site else bool(origin) and urlsplit(origin or "").netloc == headers.get("host")
    if not own:
        raise HTTPException(403, "This was not sent from Tidemark's own page")


def _offered(request: Request) -> frozenset[str]:
    permissions: Permissions = request.app.state.permissions
    return frozenset(
        dag_id
        for dag_id in (RETRAIN_RECOMMENDER, ROLL_BACK_MODEL)
        if permissions.may_trigger(request.state.caller, dag_id)
    )


async def _sources(request: Request) -> Sources:
    known: Sources = request.app.state.sources
    return known


async def _airflow(request: Request) -> AirflowRuns:
    return AirflowRuns(request.scope["tidemark.airflow"], mount(request).removesuffix("/tidemark"), request.headers)


OfferedDags = Annotated[frozenset[str], Depends(_offered)]
"""The DAGs that the caller may start: it decides which buttons are shown, while `Permissions.triggers` decides what is done."""

PlatformSources = Annotated[Sources, Depends(_sources)]
"""MongoDB, Kafka and the settings."""

CallersAirflow = Annotated[AirflowRuns, Depends(_airflow)]
"""Airflow's REST API in the name of whoever sent the request."""
