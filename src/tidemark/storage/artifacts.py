"""Run folders on any fsspec location: what each run read, made and decided, kept under a key of its own."""

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any
from uuid import uuid4

import fsspec

if TYPE_CHECKING:
    from pandas import DataFrame

LONGEST_KEY = 160
"""Characters of a run's id that its key keeps: file systems allow 255 in a name, and names are put around it."""

PART = ".part-"
"""In the name of a file that is being written. Older than a day, its writer is dead: `tidemark.operations.tidying` removes it."""

_MARKED = re.compile(r"-[0-9a-f]{8}$")


def run_key(run_id: str) -> str:
    """A DAG run's id as a safe folder name of its own: `manual__2026-01-01T00:00:00+00:00` ->
    `manual__2026-01-01T00-00-00-00-00-1e8dc70c`.

    An id that had to be cleaned is marked by its hash, and so is one that looks marked already: `a:b`, `a+b` and `a-b`
    never share a folder. An id that is safe as it is stays as it is. Whoever looks for a run's folder calls this.
    """
    clean = re.sub(r"[^A-Za-z0-9_.-]+", "-", run_id).strip(".-")[:LONGEST_KEY]
    if clean == run_id and clean and not _MARKED.search(clean):
        return clean
    return f"{clean or 'run'}-{hashlib.sha256(run_id.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


def run_folder(root: str, dag_id: str, run_id: str) -> str:
    """Where the run `run_id` of `dag_id` keeps its artifacts: `<root>/<dag>/<run key>`."""
    return f"{root.rstrip('/')}/{dag_id}/{run_key(run_id)}"


@contextmanager
def replacing(path: str, mode: str) -> Iterator[IO[Any]]:
    """A stream to write `path` by: beside it, then moved. A reader never meets half a file, whatever becomes of the writer.

    Args:
        path: a path or fsspec URL; its folder is made.
        mode: as of `open`, `w` or `wb`.
    """
    filesystem, target = fsspec.core.url_to_fs(path)
    filesystem.makedirs(target.rsplit("/", 1)[0], exist_ok=True)
    beside = f"{target}{PART}{uuid4().hex[:8]}"  # two tries may be alive at once (airflow#17479)
    try:
        with filesystem.open(beside, mode) as stream:
            yield stream
        filesystem.mv(beside, target)
    except BaseException:
        if filesystem.exists(beside):
            filesystem.rm(beside)
        raise


def write_json(path: str, value: Any) -> None:
    """Write `value` as JSON to `path`, whole or not at all."""
    with replacing(path, "w") as stream:
        json.dump(value, stream, indent=2, sort_keys=True, default=str)


def read_json(path: str) -> Any:
    """The JSON value at `path`.

    Raises:
        FileNotFoundError: nothing is there.
    """
    with fsspec.open(path, "r") as stream:
        return json.load(stream)


def write_bytes(path: str, data: bytes) -> None:
    """Write `data` to `path`, whole or not at all."""
    with replacing(path, "wb") as stream:
        stream.write(data)


FORMULA_STARTS = "=+-@\t\r\n"
"""A text that begins with one of these is a formula to a spreadsheet (OWASP, CSV injection)."""


def csv_cell(value: Any) -> Any:
    """`value` as a spreadsheet may meet it: a text that it would take for a formula gets a `'` before it."""
    return f"'{value}" if isinstance(value, str) and value[:1] and value[0] in FORMULA_STARTS else value


def write_table(path: str, frame: "DataFrame") -> None:
    """Write a pandas frame to `path` as CSV (RFC 4180): UTF-8, a header, no index, texts made harmless by `csv_cell`."""
    safe = frame.rename(columns=csv_cell)
    for column in safe.columns[[dtype.kind not in "biufcmM" for dtype in safe.dtypes]]:
        safe[column] = safe[column].map(csv_cell)
    write_bytes(path, safe.to_csv(index=False, lineterminator="\r\n").encode())


def write_arrays(path: str, **arrays: Any) -> None:
    """Write named NumPy arrays to `path` (`.npz`), whole or not at all."""
    import numpy as np

    with replacing(path, "wb") as stream:
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
