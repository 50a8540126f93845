"""The console, as a FastAPI application that Airflow's API server mounts at `/tidemark`: its routers, put together.

Every path below the mount asks for a login first, those that lead nowhere included, and every answer carries a content
security policy. Errors are pages for people, JSON for programs.
"""

from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.types import Message, Receive, Scope, Send

from tidemark.console import (
    action_routes,
    file_routes,
    metric_routes,
    page_routes,
    pages,
    security_headers,
    source_pages,
)
from tidemark.console.dependencies import Permissions, signed_in
from tidemark.operations.sources import Sources

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


class Console(FastAPI):
    """Knows the application that it is mounted in, and completes the headers of every answer, a failure's too."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "http":
            scope["tidemark.airflow"] = scope.get("app")

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = security_headers.completed(list(message["headers"]))
            await send(message)

        await super().__call__(scope, receive, with_headers)


def application(permissions: Permissions, sources: Sources | None = None) -> FastAPI:
    """The console.

    Args:
        permissions: Airflow's.
        sources: what it reads from; the platform's own where not given.
    """
    console = Console(
        title="Tidemark",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        dependencies=[Depends(signed_in(permissions))],
    )
    console.state.permissions, console.state.sources = permissions, sources or Sources()
    for routes in (page_routes, source_pages, file_routes, action_routes, metric_routes):
        console.include_router(routes.router(permissions))
    console.add_api_route("/{path:path}", nothing, methods=METHODS)  # last: it matches whatever the others do not
    console.exception_handler(StarletteHTTPException)(error_answer)
    return console


def nothing(path: str) -> Response:
    """Of any other path: a login is asked for before it is said that nothing is there."""
    raise HTTPException(404, "There is no such page")


async def error_answer(request: Request, error: StarletteHTTPException) -> Response:
    """An error as a page where HTML is asked for, and as JSON where not."""
    if "text/html" not in request.headers.get("accept", ""):
        return JSONResponse({"detail": error.detail}, error.status_code, headers=error.headers)
    return pages.html(request, "error.html", error.status_code, status=error.status_code, reason=str(error.detail))
