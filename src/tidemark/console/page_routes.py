"""The pages: the first one, and one for each run."""

import asyncio

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from starlette.concurrency import run_in_threadpool

from tidemark import dag_ids
from tidemark.console import first_page, pages, run_page
from tidemark.console.airflow_runs import RUN_ID, AirflowRun, AirflowRuns
from tidemark.console.dependencies import CallersAirflow, OfferedDags, Permissions, PlatformSources
from tidemark.dag_ids import RETRAIN_RECOMMENDER as RETRAIN
from tidemark.dag_ids import ROLL_BACK_MODEL as ROLL_BACK
from tidemark.errors import NotServedError, RefusedError
from tidemark.operations.sources import Sources
from tidemark.storage import run_folder

RECENT = 3
"""Newest runs of each DAG on the first page."""


def router(permissions: Permissions) -> APIRouter:
    """The first page is for who may read the retrain's runs, a run's page for who may read that DAG's."""
    routes = APIRouter()
    reads_models, reads_the_dag = Depends(permissions.reads(RETRAIN)), Depends(permissions.reads())
    routes.add_api_route("/", overview, dependencies=[reads_models])
    routes.add_api_route("/runs/{dag_id}/{run_id}", run_by_id, dependencies=[reads_the_dag])
    routes.add_api_route("/folders/{dag_id}/{run_key}", run_by_folder, dependencies=[reads_the_dag])
    return routes


async def overview(
    request: Request,
    sources: PlatformSources,
    airflow: CallersAirflow,
    offered: OfferedDags,
    page: int = 1,
    started: str = "",
    run: str = "",
) -> Response:
    """The first page, with the models of page `page`; `started` and `run` name a run that its button has just started."""
    newest = await asyncio.gather(*(airflow.newest(dag_id, RECENT) for dag_id in dag_ids.WITH_ARTIFACTS))
    recent = [(dag_id, one) for dag_id, runs in zip(dag_ids.WITH_ARTIFACTS, newest, strict=True) for one in runs]
    shown = await run_in_threadpool(first_page.page, sources, page, recent)
    notice = (started, run) if started in (RETRAIN, ROLL_BACK) and RUN_ID.fullmatch(run) else None
    return pages.html(
        request,
        "overview.html",
        page=shown,
        may_retrain=RETRAIN in offered,
        may_roll_back=ROLL_BACK in offered,
        notice=notice,
    )


async def run_by_id(
    request: Request, sources: PlatformSources, airflow: CallersAirflow, dag_id: str, run_id: str
) -> Response:
    """The page of a run that Airflow calls `run_id`."""
    run = await _ask_for(airflow, dag_id, run_id)
    return await _run_page(request, sources, dag_id, run_folder.key(run_id), run)


async def run_by_folder(
    request: Request, sources: PlatformSources, airflow: CallersAirflow, dag_id: str, run_key: str
) -> Response:
    """The page of a run by its folder, whether Airflow still knows the run or not."""
    run_id = await run_in_threadpool(run_page.run_id_of, sources, dag_id, run_key)
    run = await _ask_for(airflow, dag_id, run_id) if run_id else None
    return await _run_page(request, sources, dag_id, run_key, run)


async def _ask_for(airflow: AirflowRuns, dag_id: str, run_id: str) -> AirflowRun | None:
    try:
        return await airflow.one(dag_id, run_id)
    except RefusedError as refused:
        raise HTTPException(refused.status, str(refused)) from None


async def _run_page(request: Request, sources: Sources, dag_id: str, run_key: str, run: AirflowRun | None) -> Response:
    try:
        shown = await run_in_threadpool(run_page.page, sources, dag_id, run_key, run)
    except NotServedError:
        raise HTTPException(404, "No run can be called that") from None
    return pages.html(request, "run.html", page=shown)
