"""What can be done from the page: retrain, and roll back. Both start a run of the DAG that does it, in the caller's name."""

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, HTTPException, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from tidemark.console import page_rows, pages
from tidemark.console.airflow_runs import AirflowRuns
from tidemark.console.dependencies import CallersAirflow, Permissions, PlatformSources, same_origin
from tidemark.dag_ids import RETRAIN_RECOMMENDER as RETRAIN
from tidemark.dag_ids import ROLL_BACK_MODEL as ROLL_BACK
from tidemark.errors import RefusedError, UnreachableError


def router(permissions: Permissions) -> APIRouter:
    """Each is for who may start runs of its DAG, and only from the console's own pages."""
    routes, own_page = APIRouter(), Depends(same_origin)
    may_retrain, may_roll_back = Depends(permissions.triggers(RETRAIN)), Depends(permissions.triggers(ROLL_BACK))
    routes.add_api_route("/retrain", retrain, methods=["POST"], dependencies=[may_retrain, own_page])
    routes.add_api_route("/roll_back", roll_back, methods=["POST"], dependencies=[may_roll_back, own_page])
    return routes


async def retrain(request: Request, airflow: CallersAirflow, force: Annotated[str, Form()] = "") -> Response:
    """Start a retrain; with `force`, also where nothing has come in since the last."""
    return await _start(request, airflow, RETRAIN, {"force": True} if force else {})


async def roll_back(
    request: Request, sources: PlatformSources, airflow: CallersAirflow, model: Annotated[str, Form()] = ""
) -> Response:
    """Start a roll-back to `model`: one that is kept, and is not the champion already."""
    try:
        choices = await run_in_threadpool(sources.ask, page_rows.choices)
    except UnreachableError as error:
        raise HTTPException(503, str(error)) from None
    if model not in choices:
        raise HTTPException(400, "That model is not kept, or is the champion already: choose another")
    return await _start(request, airflow, ROLL_BACK, {"model": model})


async def _start(request: Request, airflow: AirflowRuns, dag_id: str, conf: dict[str, Any]) -> Response:
    try:
        run_id = await airflow.start(dag_id, conf)
    except RefusedError as refused:
        raise HTTPException(refused.status, f"Airflow did not start {dag_id}: {refused}") from None
    return RedirectResponse(f"{pages.mount(request)}/?{urlencode({'started': dag_id, 'run': run_id})}", 303)
