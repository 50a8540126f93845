"""Files on any fsspec location, each written whole or not at all: JSON, bytes, tables, arrays."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any
from uuid import uuid4

import fsspec

if TYPE_CHECKING:
    from pandas import DataFrame

PART = ".part-"
"""In the name of a file that is being written. Older than a day, its writer is dead: `tidemark.operations.tidying` removes it."""


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


def read_bytes(path: str, most: int) -> bytes:
    """The first `most` bytes at `path`; all, where there are fewer.

    Raises:
        FileNotFoundError: nothing is there.
    """
    with fsspec.open(path, "rb") as stream:
        data: bytes = stream.read(most)
        return data


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


def read_arrays(path: str, wanted: Callable[[str], bool] | None = None) -> dict[str, Any]:
    """The named NumPy arrays at `path`, as `write_arrays` wrote them; of those that are not `wanted`, nothing is read."""
    import numpy as np

    with fsspec.open(path, "rb") as stream, np.load(stream, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files if wanted is None or wanted(name)}


def remove(path: str) -> None:
    """Remove a folder with all below it; nothing where it is gone."""
    filesystem, target = fsspec.core.url_to_fs(path)
    if filesystem.exists(target):
        filesystem.rm(target, recursive=True)


def exists(path: str) -> bool:
    """Whether something is at `path`."""
    filesystem, target = fsspec.core.url_to_fs(path)
    return bool(filesystem.exists(target))
