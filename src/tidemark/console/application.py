"""The routes of the console, as a FastAPI application that Airflow's API server mounts at `/tidemark`.

Who may do what is not decided here: the plugin hands in Airflow's own permissions. Every path below the mount asks for a
login first, those that lead nowhere included.
"""

import asyncio
from collections.abc import Callable
from typing import Annotated, Any, Protocol
from urllib.parse import urlencode, urlsplit

from fastapi import Depends, FastAPI, Form, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, StreamingResponse
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.types import Message, Receive, Scope, Send

from tidemark import dag_ids
from tidemark.console import first_page as overview
from tidemark.console import pages, run_files
from tidemark.console import run_page as runs
from tidemark.console.airflow_runs import RUN_ID, AirflowRun, AirflowRuns
from tidemark.dag_ids import RETRAIN_RECOMMENDER as RETRAIN
from tidemark.dag_ids import ROLL_BACK_MODEL as ROLL_BACK
from tidemark.errors import NotServedError, RefusedError, UnreachableError
from tidemark.operations import prometheus as metrics
from tidemark.operations.sources import Sources, tide
from tidemark.storage import run_folder

RECENT = 3
"""Newest runs of each DAG on the first page."""

POLICY = {
    "page": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'",
    # What a run left is shown, never run: no script, no form, and for a drawing not even this origin.
    "file": "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'",
    "docs": "sandbox allow-same-origin; default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
}
HEADERS = {
    "content-security-policy": POLICY["page"],
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
}
"""Of every answer that does not set its own."""

LARGEST_DOCS = 20_000_000


class Permissions(Protocol):
    """Airflow's own permissions, as FastAPI dependencies that answer 401 or 403."""

    user: Callable[..., Any]
    """Who is signed in."""

    def reads(self, dag_id: str | None = None) -> Callable[..., Any]:
        """The caller may read the runs of `dag_id`, or of the DAG that the path names."""

    def triggers(self, dag_id: str) -> Callable[..., Any]:
        """The caller may start runs of `dag_id`."""

    def may_trigger(self, user: Any, dag_id: str) -> bool:
        """Whether `user` may start runs of `dag_id`."""


class Console(FastAPI):
    """Knows the application that it is mounted in, and sets `HEADERS`."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "http":
            scope["tidemark.airflow"] = scope.get("app")

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                there = {name.lower() for name, _ in message["headers"]}
                added = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
                message["headers"] = [*message["headers"], *(pair for pair in added if pair[0] not in there)]
            await send(message)

        await super().__call__(scope, receive, with_headers)


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


def airflow_of(request: Request) -> AirflowRuns:
    """Airflow's REST API in the name of whoever sent `request`."""
    return AirflowRuns(request.scope["tidemark.airflow"], _airflow_path(request), request.headers)


def _base(request: Request) -> str:
    return str(request.scope.get("root_path", ""))


def _airflow_path(request: Request) -> str:
    return _base(request).removesuffix("/tidemark")


def _html(request: Request, template: str, code: int = 200, **shown: Any) -> HTMLResponse:
    return HTMLResponse(pages.render(template, _base(request), **shown), code)


def application(permissions: Permissions, sources: Sources | None = None) -> FastAPI:
    """The console.

    Args:
        permissions: Airflow's.
        sources: what it reads from; the platform's own where not given.
    """
    known = sources or Sources()
    app = Console(
        title="Tidemark", docs_url=None, redoc_url=None, openapi_url=None, dependencies=[Depends(permissions.user)]
    )
    reads_any, reads_models = Depends(permissions.reads()), Depends(permissions.reads(RETRAIN))
    User = Annotated[Any, Depends(permissions.user)]  # noqa: N806 -- a type

    @app.get("/", dependencies=[reads_models])
    async def first_page(request: Request, user: User, page: int = 1, started: str = "", run: str = "") -> Response:
        airflow = airflow_of(request)
        found = await asyncio.gather(*(airflow.newest(dag_id, RECENT) for dag_id in dag_ids.WITH_ARTIFACTS))
        recent = [(dag_id, one) for dag_id, of in zip(dag_ids.WITH_ARTIFACTS, found, strict=True) for one in of]
        shown = await run_in_threadpool(overview.page, known, page, recent)
        may = {
            dag_id: await run_in_threadpool(permissions.may_trigger, user, dag_id) for dag_id in (RETRAIN, ROLL_BACK)
        }
        notice = (started, run) if started in (RETRAIN, ROLL_BACK) and RUN_ID.fullmatch(run) else None
        return _html(
            request,
            "overview.html",
            page=shown,
            may_retrain=may[RETRAIN],
            may_roll_back=may[ROLL_BACK],
            notice=notice,
        )

    @app.get("/api/tide", dependencies=[reads_models])
    def tide_now() -> Response:
        return JSONResponse(tide(known).document())

    @app.get("/runs/{dag_id}/{run_id}", dependencies=[reads_any])
    async def run_page(request: Request, dag_id: str, run_id: str) -> Response:
        try:
            one = await airflow_of(request).one(dag_id, run_id)
        except RefusedError as refused:
            raise HTTPException(refused.status, str(refused)) from None
        return await _run_page(request, dag_id, run_folder.key(run_id), one)

    @app.get("/folders/{dag_id}/{run_key}", dependencies=[reads_any])
    async def folder_page(request: Request, dag_id: str, run_key: str) -> Response:
        run_id = await run_in_threadpool(runs.run_id_of, known, dag_id, run_key)
        one = await airflow_of(request).one(dag_id, run_id) if run_id else None
        return await _run_page(request, dag_id, run_key, one)

    async def _run_page(request: Request, dag_id: str, run_key: str, one: AirflowRun | None) -> Response:
        try:
            shown = await run_in_threadpool(runs.page, known, dag_id, run_key, one)
        except NotServedError:
            raise HTTPException(404, "No run can be called that") from None
        return _html(request, "run.html", page=shown)

    @app.get("/checks/{dag_id}/{run_key}/{name}", dependencies=[reads_any])
    def checks(request: Request, dag_id: str, run_key: str, name: str) -> Response:
        try:
            run_files.parts(name)
            run = run_files.folder(known.config.artifacts_root, dag_id, run_key)
        except NotServedError:
            raise HTTPException(404, "There are no such data docs") from None
        path = run_files.documents_page(run, name)
        _find(dag_id, run_key, path)
        return _html(request, "checks.html", dag_id=dag_id, run_key=run_key, name=name, path=path)

    def _find(dag_id: str, run_key: str, path: str) -> run_files.File:
        try:
            return run_files.find(known.config.artifacts_root, dag_id, run_key, path)
        except NotServedError:
            raise HTTPException(404, "There is no such file among a run's artifacts") from None

    @app.get("/files/{dag_id}/{run_key}/{path:path}", dependencies=[reads_any])
    def file(request: Request, dag_id: str, run_key: str, path: str) -> Response:
        found = _find(dag_id, run_key, path)
        is_docs = path.startswith(f"{run_files.DOCS}/")
        headers = {
            "content-security-policy": POLICY["docs" if is_docs else "file"],
            "cache-control": "private, no-cache",
        }
        if found.digest:
            headers["etag"] = f'"{found.digest}"'
            if request.headers.get("if-none-match") == headers["etag"]:
                return Response(status_code=304, headers=headers)
        if not found.inline:
            headers["content-disposition"] = f'attachment; filename="{found.name}"'
        if is_docs and found.name.endswith(".html") and found.size <= LARGEST_DOCS:
            style = f'<link rel="stylesheet" href="{_base(request)}/static/docs.css"></head>'
            return Response(
                b"".join(found.chunks()).replace(b"</head>", style.encode(), 1), 200, headers, found.media_type
            )
        headers["content-length"] = str(found.size)
        return StreamingResponse(found.chunks(), headers=headers, media_type=found.media_type)

    @app.get("/static/{name}")
    def static(name: str) -> Response:
        if name not in pages.static():
            raise HTTPException(404, "There is no such file")
        data, media_type, digest = pages.static()[name]
        lasting = {"cache-control": "private, max-age=31536000, immutable", "etag": f'"{digest}"'}
        return Response(data, headers=lasting, media_type=media_type)

    @app.get("/metrics", dependencies=[reads_models])
    async def prometheus(request: Request) -> Response:
        last = await airflow_of(request).newest(RETRAIN, 1, state="success")
        whole = await airflow_of(request).one(RETRAIN, last[0].run_id) if last else None
        stages = {task.name: task.seconds for task in whole.tasks if task.seconds is not None} if whole else {}
        text = await run_in_threadpool(metrics.exposition, known, stages)
        return PlainTextResponse(text, media_type=metrics.CONTENT_TYPE)

    async def _start(request: Request, dag_id: str, conf: dict[str, Any]) -> Response:
        try:
            run_id = await airflow_of(request).start(dag_id, conf)
        except RefusedError as refused:
            raise HTTPException(refused.status, f"Airflow did not start {dag_id}: {refused}") from None
        return RedirectResponse(f"{_base(request)}/?{urlencode({'started': dag_id, 'run': run_id})}", 303)

    @app.post("/retrain", dependencies=[Depends(permissions.triggers(RETRAIN)), Depends(same_origin)])
    async def retrain(request: Request, force: Annotated[str, Form()] = "") -> Response:
        return await _start(request, RETRAIN, {"force": True} if force else {})

    @app.post("/roll_back", dependencies=[Depends(permissions.triggers(ROLL_BACK)), Depends(same_origin)])
    async def roll_back(request: Request, model: Annotated[str, Form()] = "") -> Response:
        try:
            there = await run_in_threadpool(known.ask, overview.models.choices)
        except UnreachableError as error:
            raise HTTPException(503, str(error)) from None
        if model not in there:
            raise HTTPException(400, "That model is not kept, or is the champion already: choose another")
        return await _start(request, ROLL_BACK, {"model": model})

    @app.api_route("/{path:path}", methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
    def nothing(path: str) -> Response:
        raise HTTPException(404, "There is no such page")

    @app.exception_handler(StarletteHTTPException)
    async def told(request: Request, error: StarletteHTTPException) -> Response:
        if "text/html" not in request.headers.get("accept", ""):
            return JSONResponse({"detail": error.detail}, error.status_code, headers=error.headers)
        return _html(request, "error.html", error.status_code, status=error.status_code, reason=str(error.detail))

    return app
