"""Manifests: what a run left behind, in one file: what, when, of which model, from how much, made by what, each file hashed.

`manifest.json` is written last: a run folder that has one is whole.
"""

import hashlib
import mimetypes
import platform
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import fsspec

from tidemark import __version__
from tidemark.errors import SettingError
from tidemark.settings import INSTALLED, ROOT, settings
from tidemark.storage import artifacts, run_folder

Manifest = dict[str, Any]

NAME = "manifest.json"
FORMAT = 1
KINDS = {"charts": "chart", "tables": "table", "graph": "graph", "docs": "docs", "pack": "pack"}
"""Folder of a run -> kind of the files in it; every other file is `data`."""

PACKAGES = (
    "apache-airflow", "great-expectations", "implicit", "matplotlib", "networkx", "numpy", "pandas", "pymongo",
    "pyspark", "scipy", "vadersentiment",
)  # fmt: skip
MEDIA_TYPES = {
    ".csv": "text/csv; charset=utf-8",
    ".graphml": "application/graphml+xml",
    ".json": "application/json",
    ".npy": "application/octet-stream",
    ".npz": "application/octet-stream",
    ".parquet": "application/vnd.apache.parquet",
    ".png": "image/png",
    ".svg": "image/svg+xml",
}
CHUNK = 1 << 20


def versions() -> dict[str, str]:
    """The versions of Tidemark, of Python and of the libraries that figures depend on; those that are installed."""
    installed = {"tidemark": __version__, "python": platform.python_version()}
    for package in PACKAGES:
        try:
            installed[package] = version(package)
        except PackageNotFoundError:
            continue
    return installed


@cache
def git_revision() -> str | None:
    """The revision of the code, `-dirty` where files differ from it: of the setting `revision` (an image has no git), or of
    the clone; None where neither tells."""
    if settings().revision:
        return settings().revision
    if INSTALLED:  # the repository around it, if there is one, is another's
        return None
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--exclude=*", "--abbrev=40"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None


def _file(filesystem: Any, path: str, name: str, titles: Mapping[str, str]) -> dict[str, Any]:
    """One entry of `files`; the file is read as a stream."""
    digest, size = hashlib.sha256(), 0
    with filesystem.open(path, "rb") as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
            size += len(chunk)
    suffix = f".{name.rsplit('.', 1)[-1]}"
    return {
        "path": name,
        "kind": KINDS.get(name.split("/", maxsplit=1)[0], "data") if "/" in name else "data",
        "title": titles.get(name, name),
        "media_type": MEDIA_TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream",
        "bytes": size,
        "sha256": digest.hexdigest(),
    }


def write(
    run: str,
    *,
    dag: str,
    run_id: str,
    title: str,
    model_id: str | None = None,
    counts: Mapping[str, int] | None = None,
    verdicts: Mapping[str, str] | None = None,
    titles: Mapping[str, str] | None = None,
) -> Manifest:
    """Write `<run>/manifest.json` over every file that is in the run folder now; written again, it is replaced.

    Args:
        run: the run folder.
        dag: its DAG.
        run_id: the run's id, as Airflow knows it.
        title: what the run was, in one line.
        model_id: the model it made; None where it made none.
        counts: how much went in and came out.
        verdicts: what was judged and how: `passes`, `fails`, or a text.
        titles: a file's path, relative to the run folder -> what it shows; its path where none is given.

    Returns:
        the manifest.

    Raises:
        SettingError: the folder has the manifest of another run, which stays.
    """
    try:
        there = read(run)
    except FileNotFoundError:
        there = None
    if there and (there["dag"], there["run_id"]) != (dag, run_id):
        raise SettingError(
            f"{run} belongs to the run {there['run_id']} of {there['dag']}, not to {run_id} of {dag}: "
            "give each platform a TIDEMARK_ARTIFACTS of its own"
        )
    filesystem, folder = fsspec.core.url_to_fs(run)
    names = {path: path[len(folder.rstrip("/")) + 1 :] for path in filesystem.find(folder)}
    manifest = {
        "format": FORMAT,
        "dag": dag,
        "run_id": run_id,
        "run_key": run_folder.key(run_id),
        "title": title,
        "created_at": datetime.now(UTC).isoformat(),
        "model_id": model_id,
        "counts": dict(counts or {}),
        "verdicts": dict(verdicts or {}),
        "git_revision": git_revision(),
        "versions": versions(),
        "files": [
            _file(filesystem, path, name, titles or {})
            for path, name in sorted(names.items())
            if name != NAME and artifacts.PART not in name
        ],
    }
    artifacts.write_json(f"{run}/{NAME}", manifest)
    return manifest


def read(run: str) -> Manifest:
    """The manifest of the run folder `run`.

    Raises:
        FileNotFoundError: it has none: the run has not ended, or failed half-way.
    """
    manifest: Manifest = artifacts.read_json(f"{run}/{NAME}")
    return manifest


def runs(root: str, dag: str) -> list[str]:
    """The keys of every run of `dag` that left files, newest first by its manifest, or else by its newest file."""
    filesystem, folder = fsspec.core.url_to_fs(f"{root.rstrip('/')}/{dag}")
    files: dict[str, list[str]] = {}
    for path in filesystem.find(folder, maxdepth=2):
        key, _, name = path[len(folder.rstrip("/")) + 1 :].partition("/")
        if name:
            files.setdefault(key, []).append(path)
    at: dict[str, datetime] = {}
    for key, paths in files.items():
        written = [path for path in paths if path.endswith(f"/{NAME}")] or paths
        at[key] = max(filesystem.modified(path).astimezone(UTC) for path in written)
    return sorted(at, key=lambda key: (at[key], key), reverse=True)
