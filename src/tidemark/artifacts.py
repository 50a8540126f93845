"""Run folders on any fsspec location: what each run read, made and decided, kept under a key of its own."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any
from uuid import uuid4

import fsspec


def run_key(run_id: str) -> str:
    """A DAG run's id as a safe folder name: `manual__2026-01-01T00:00:00+00:00` -> `manual__2026-01-01T00-00-00-00-00`."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", run_id).strip(".-") or "run"


def run_folder(root: str, dag_id: str, run_id: str) -> str:
    """Where the run `run_id` of `dag_id` keeps its artifacts: `<root>/<dag>/<run key>`."""
    return f"{root.rstrip('/')}/{dag_id}/{run_key(run_id)}"


@contextmanager
def _replace(path: str, mode: str) -> Iterator[IO[Any]]:
    """Write beside, then move: a reader never meets half a file, and a killed writer leaves none behind its name."""
    filesystem, target = fsspec.core.url_to_fs(path)
    filesystem.makedirs(target.rsplit("/", 1)[0], exist_ok=True)
    beside = f"{target}.part-{uuid4().hex[:8]}"  # two tries may be alive at once (airflow#17479)
    with filesystem.open(beside, mode) as stream:
        yield stream
    filesystem.mv(beside, target)


def write_json(path: str, value: Any) -> None:
    """Write `value` as JSON to `path`, whole or not at all."""
    with _replace(path, "w") as stream:
        json.dump(value, stream, indent=2, sort_keys=True, default=str)


def read_json(path: str) -> Any:
    """The JSON value at `path`.

    Raises:
        FileNotFoundError: nothing is there.
    """
    with fsspec.open(path, "r") as stream:
        return json.load(stream)


def write_arrays(path: str, **arrays: Any) -> None:
    """Write named NumPy arrays to `path` (`.npz`), whole or not at all."""
    import numpy as np

    with _replace(path, "wb") as stream:
        np.savez(stream, **arrays)


def read_arrays(path: str) -> dict[str, Any]:
    """The named NumPy arrays at `path`, as `write_arrays` wrote them."""
    import numpy as np

    with fsspec.open(path, "rb") as stream, np.load(stream, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def exists(path: str) -> bool:
    """Whether something is at `path`."""
    filesystem, target = fsspec.core.url_to_fs(path)
    return bool(filesystem.exists(target))
