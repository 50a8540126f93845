"""Figures for programs: the tide, which the page itself asks for, and the metrics that Prometheus scrapes."""

from fastapi import APIRouter, Depends, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from starlette.concurrency import run_in_threadpool

from tidemark.console.dependencies import CallersAirflow, Permissions, PlatformSources
from tidemark.dag_ids import RETRAIN_RECOMMENDER as RETRAIN
from tidemark.operations import prometheus
from tidemark.operations.sources import tide


def router(permissions: Permissions) -> APIRouter:
    """Both are for who may read the retrain's runs."""
    routes = APIRouter(dependencies=[Depends(permissions.reads(RETRAIN))])
    routes.add_api_route("/api/tide", tide_now)
    routes.add_api_route("/metrics", metrics)
    return routes


def tide_now(sources: PlatformSources) -> Response:
    """The lag against the mark, as JSON."""
    return JSONResponse(tide(sources).document())


async def metrics(sources: PlatformSources, airflow: CallersAirflow) -> Response:
    """The metrics, in Prometheus' text form, with the stages of the last retrain that succeeded."""
    last = await airflow.newest(RETRAIN, 1, state="success")
    run = await airflow.one(RETRAIN, last[0].run_id) if last else None
    stages = {task.name: task.seconds for task in run.tasks if task.seconds is not None} if run else {}
    text = await run_in_threadpool(prometheus.exposition, sources, stages)
    return PlainTextResponse(text, media_type=prometheus.CONTENT_TYPE)
