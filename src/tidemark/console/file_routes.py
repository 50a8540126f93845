"""Files: what runs left behind, their data docs, and the pages' own scripts and styles."""

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import StreamingResponse

from tidemark.console import pages, run_files
from tidemark.console.dependencies import Permissions, PlatformSources
from tidemark.console.security_headers import DOCS_POLICY, FILE_POLICY
from tidemark.errors import NotServedError
from tidemark.operations.sources import Sources

LARGEST_STYLED = 20_000_000
"""Bytes of a page of the data docs up to which it is given a style: it is held in memory for that."""


def router(permissions: Permissions) -> APIRouter:
    """A run's files are for who may read the runs of its DAG; the static files for whoever is signed in."""
    routes = APIRouter()
    reads_the_dag = Depends(permissions.reads())
    routes.add_api_route("/checks/{dag_id}/{run_key}/{name}", data_docs, dependencies=[reads_the_dag])
    routes.add_api_route("/files/{dag_id}/{run_key}/{path:path}", run_file, dependencies=[reads_the_dag])
    routes.add_api_route("/static/{name}", static_file)
    return routes


def data_docs(request: Request, sources: PlatformSources, dag_id: str, run_key: str, name: str) -> Response:
    """The page around the data docs `name` of a run."""
    try:
        run_files.parts(name)
        folder = run_files.folder(sources.config.artifacts_root, dag_id, run_key)
    except NotServedError:
        raise HTTPException(404, "There are no such data docs") from None
    path = run_files.documents_page(folder, name)
    _find(sources, dag_id, run_key, path)
    return pages.html(request, "checks.html", dag_id=dag_id, run_key=run_key, name=name, path=path)


def run_file(request: Request, sources: PlatformSources, dag_id: str, run_key: str, path: str) -> Response:
    """A file of a run's folder: drawings and data docs to be shown, any other as a download."""
    file = _find(sources, dag_id, run_key, path)
    is_docs = path.startswith(f"{run_files.DOCS}/")
    headers = {
        "content-security-policy": DOCS_POLICY if is_docs else FILE_POLICY,
        "cache-control": "private, no-cache",
    }
    if file.digest:
        headers["etag"] = f'"{file.digest}"'
        if request.headers.get("if-none-match") == headers["etag"]:
            return Response(status_code=304, headers=headers)
    if not file.inline:
        headers["content-disposition"] = f'attachment; filename="{file.name}"'
    if is_docs and file.name.endswith(".html") and file.size <= LARGEST_STYLED:
        return Response(_styled(b"".join(file.chunks()), pages.mount(request)), 200, headers, file.media_type)
    headers["content-length"] = str(file.size)
    return StreamingResponse(file.chunks(), headers=headers, media_type=file.media_type)


def static_file(name: str) -> Response:
    """A script, style or icon of the pages; its address holds its digest, so a browser may keep it."""
    if name not in pages.static():
        raise HTTPException(404, "There is no such file")
    data, media_type, digest = pages.static()[name]
    lasting = {"cache-control": "private, max-age=31536000, immutable", "etag": f'"{digest}"'}
    return Response(data, headers=lasting, media_type=media_type)


def _find(sources: Sources, dag_id: str, run_key: str, path: str) -> run_files.File:
    try:
        return run_files.find(sources.config.artifacts_root, dag_id, run_key, path)
    except NotServedError:
        raise HTTPException(404, "There is no such file among a run's artifacts") from None


def _styled(page: bytes, base: str) -> bytes:
    """A page of the data docs with a style sheet that is there: its own are of other hosts."""
    return page.replace(b"</head>", f'<link rel="stylesheet" href="{base}/static/docs.css"></head>'.encode(), 1)
