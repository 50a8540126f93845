"""Files of run folders, as far as they may be shown: what a manifest lists, and the data docs. Nothing else, whatever is asked.

A path is judged three times: its parts are plain names; the manifest lists it, or it is a page of the data docs; and on
a local disk what it leads to, links followed, is inside the run folder.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from tidemark.errors import NotServedError
from tidemark.storage import manifests, run_folder

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@+=,-]{0,254}")
"""What a folder or file may be called: no separators, no `..`, nothing hidden, nothing encoded."""

CHUNK = 1 << 18

DOCS = run_folder.DOCS
"""Folder of the data docs below a run folder."""

DOCS_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".ico": "image/x-icon",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
    ".ttf": "font/ttf",
    ".otf": "font/otf",
}
"""Scripts are not among them: the data docs are shown without any."""

SHOWN_INLINE = ("image/png", "image/svg+xml", "text/html; charset=utf-8", "text/css; charset=utf-8")


@dataclass(frozen=True)
class File:
    """A file that may be shown: how to open it, and what to tell a browser of it.

    `digest` is its SHA-256 where a manifest has it.
    """

    filesystem: Any
    target: str
    name: str
    media_type: str
    size: int
    digest: str | None

    @property
    def inline(self) -> bool:
        """Whether a browser shows it; the others are downloads."""
        return self.media_type in SHOWN_INLINE

    def chunks(self) -> Iterator[bytes]:
        """Its bytes, read as a stream."""
        with self.filesystem.open(self.target, "rb") as stream:
            while chunk := stream.read(CHUNK):
                yield chunk

    def head(self, size: int) -> bytes:
        """Its first `size` bytes."""
        with self.filesystem.open(self.target, "rb") as stream:
            first: bytes = stream.read(size)
        return first


def parts(path: str) -> tuple[str, ...]:
    """The names that `path` is made of.

    Raises:
        NotServedError: one of them is no plain name.
    """
    names = tuple(path.split("/"))
    if not all(NAME.fullmatch(name) for name in names):
        raise NotServedError(path)
    return names


def folder(root: str, dag_id: str, key: str) -> str:
    """The run folder of a run's key.

    Raises:
        NotServedError: DAG or key is no plain name.
    """
    if len(parts(dag_id)) != 1 or len(parts(key)) != 1:
        raise NotServedError(dag_id)
    return f"{root.rstrip('/')}/{dag_id}/{key}"


def find(root: str, dag_id: str, key: str, path: str) -> File:
    """The file `path` of a run folder.

    Raises:
        NotServedError: it is not there, or may not be shown.
    """
    run, names = folder(root, dag_id, key), parts(path)
    if names[0] == DOCS:
        media_type, digest = DOCS_TYPES.get(f".{names[-1].rpartition('.')[2].lower()}"), None
        if media_type is None:
            raise NotServedError(path)
    else:
        media_type, digest = _listed(run, path)
    filesystem, target = _inside(run, path)
    try:
        info = filesystem.info(target)
    except (OSError, ValueError):
        raise NotServedError(path) from None
    if info.get("type") != "file":
        raise NotServedError(path)
    return File(filesystem, target, names[-1], media_type, int(info["size"]), digest)


def _listed(run: str, path: str) -> tuple[str, str]:
    """Media type and digest of a file as the manifest has them; the manifest itself is one of its files."""
    try:
        manifest = manifests.read(run)
    except (OSError, ValueError):
        raise NotServedError(path) from None
    if path == run_folder.MANIFEST:
        return "application/json", ""
    for entry in manifest.get("files", []):
        if entry.get("path") == path:
            return str(entry.get("media_type", "application/octet-stream")), str(entry.get("sha256", ""))
    raise NotServedError(path)


def _inside(run: str, path: str) -> tuple[Any, str]:
    """The file system and what to open; on a local disk with every link followed, and still inside the run folder."""
    filesystem, base = fsspec.core.url_to_fs(run)
    target = f"{base.rstrip('/')}/{path}"
    if not isinstance(filesystem, LocalFileSystem):
        return filesystem, target
    # The root may be a link, that is the owner's choice; below it nothing leads out.
    real = os.path.realpath(target)
    root = Path(os.path.realpath(Path(base).parent.parent))
    if not Path(real).is_relative_to(root / Path(base).parent.name / Path(base).name):
        raise NotServedError(path)
    return filesystem, real


def documents(run: str) -> tuple[str, ...]:
    """The names of the data docs of a run folder (`docs/<name>/index.html`), sorted; empty where there are none."""
    try:
        filesystem, base = fsspec.core.url_to_fs(f"{run}/{DOCS}")
        names = [str(entry).rstrip("/").rpartition("/")[2] for entry in filesystem.ls(base, detail=False)]
    except (OSError, ValueError):
        return ()
    return tuple(sorted(name for name in names if NAME.fullmatch(name)))


def documents_page(run: str, name: str) -> str:
    """The page of the data docs `name` that says what was expected and seen: the newest validation's, which, unlike the
    index, needs no script."""
    try:
        filesystem, base = fsspec.core.url_to_fs(run)
        below = filesystem.find(f"{base.rstrip('/')}/{DOCS}/{name}/validations")
    except (OSError, ValueError):
        below = []
    validations = sorted(str(path) for path in below if str(path).endswith(".html"))
    return validations[-1].partition(f"{base.rstrip('/')}/")[2] if validations else f"{DOCS}/{name}/index.html"
