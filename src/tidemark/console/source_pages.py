"""The page "Sources": what was loaded, from where, how it was read, what was refused, and whether its schedule is kept."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from starlette.concurrency import run_in_threadpool

from tidemark.console import pages, source_rows
from tidemark.console.airflow_runs import AirflowRuns, Schedule
from tidemark.console.dependencies import CallersAirflow, Permissions, PlatformSources
from tidemark.console.source_rows import Source
from tidemark.dag_ids import LOAD_INTERACTIONS, LOAD_PRODUCTS, LOAD_REVIEWS
from tidemark.errors import UnreachableError

OF_KIND = {"interactions": LOAD_INTERACTIONS, "products": LOAD_PRODUCTS, "reviews": LOAD_REVIEWS}
"""The DAG that loads a source of each kind."""


@dataclass(frozen=True)
class Freshness:
    """Whether a source is as its schedule wants it: in a word and a sentence; the word is a class of the page's."""

    word: str
    text: str


def router(permissions: Permissions) -> APIRouter:
    """For who may read the runs of loads: the rows that were refused are people's data."""
    routes = APIRouter(dependencies=[Depends(permissions.reads(dag_id)) for dag_id in OF_KIND.values()])
    routes.add_api_route("/sources", every_source)
    routes.add_api_route("/sources/{name}", one_source)
    return routes


async def _schedules(airflow: AirflowRuns) -> dict[str, Schedule | None]:
    """Kind -> the schedule of its DAG, as `freshness` takes them."""
    asked = await asyncio.gather(*map(airflow.schedule, OF_KIND.values()))
    return dict(zip(OF_KIND, asked, strict=True))


async def every_source(request: Request, platform: PlatformSources, airflow: CallersAirflow) -> Response:
    """Every source that was loaded."""
    schedules = await _schedules(airflow)
    trouble, found = "", tuple[Source, ...]()
    try:
        found = await run_in_threadpool(platform.ask, source_rows.sources)
    except UnreachableError as error:
        trouble = str(error)
    shown = [(source, freshness(source, schedules)) for source in found]
    return pages.html(request, "sources.html", sources=shown, schedules=schedules, dags=OF_KIND, trouble=trouble)


async def one_source(request: Request, platform: PlatformSources, airflow: CallersAirflow, name: str) -> Response:
    """One source: its loads, and rows that were refused."""
    schedules = await _schedules(airflow)
    try:
        found = await run_in_threadpool(platform.ask, lambda db: source_rows.detail(db, name))
    except UnreachableError as error:
        raise HTTPException(503, str(error)) from None
    if found is None:
        raise HTTPException(404, "No source of this name was loaded")
    return pages.html(request, "source.html", page=found, fresh=freshness(found.source, schedules))


def freshness(source: Source, schedules: Mapping[str, Schedule | None]) -> Freshness:
    """Whether the newest interval of `source` is the one that its schedule has reached.

    Args:
        source: the source.
        schedules: kind -> the schedule of its DAG; None where Airflow knows none, or the caller may not see it.
    """
    schedule = schedules.get(source.last.kind)
    if source.until is None:
        return Freshness("by-hand", f"loaded {pages.ago(source.last.loaded_at)}")
    if schedule is None or schedule.reached is None:
        return Freshness("by-hand", f"up to {pages.moment(source.until)}; nothing is scheduled any more")
    if source.until >= schedule.reached:
        return Freshness("fresh", f"up to {pages.moment(source.until)}, as its schedule ({schedule.text}) has it")
    late = f"up to {pages.moment(source.until)}, and {pages.moment(schedule.reached)} is due ({schedule.text})"
    return Freshness("late", f"{late}; {schedule.dag_id} is paused" if schedule.paused else late)
