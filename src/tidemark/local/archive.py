"""A folder's files in one file, each with its SHA-256 in a manifest: whole or not there, and checked before it is believed.

A packed tar; the last member is `manifest.json`: `{layout, made_at, about, files: {path: {size, sha256}}}`.
"""

import gzip
import hashlib
import io
import json
import os
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from tidemark.errors import BadInputError

LAYOUT = 1
MANIFEST = "manifest.json"

Document = dict[str, Any]


class _Hashed:
    """A file that is read once, by whoever packs it, and hashed meanwhile."""

    def __init__(self, inner: BinaryIO) -> None:
        self._inner, self.sha256 = inner, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """As of any file."""
        data = self._inner.read(size)
        self.sha256.update(data)
        return data


def write(target: Path, sources: Mapping[str, Path], about: Document) -> Document:
    """Pack files and folders, which nobody may change meanwhile, into `target`, readable by its owner alone.

    Args:
        target: the file to make.
        sources: name in the archive -> file or folder; sockets and pipes in it are left out.
        about: for the manifest.

    Returns:
        The manifest.

    Raises:
        OSError: it cannot be written; nothing is at `target` then.
    """
    beside = target.with_name(f"{target.name}.part")
    beside.unlink(missing_ok=True)
    files: dict[str, Document] = {}
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as raw:
        with (
            gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=1) as packed,
            tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT) as tar,
        ):
            for name, path in _members(sources):
                info = tar.gettarinfo(path, name)
                if info is None:  # a socket
                    continue
                if not info.isreg():
                    tar.addfile(info)
                    continue
                info.type, info.linkname = tarfile.REGTYPE, ""
                with path.open("rb") as stream:
                    hashed = _Hashed(stream)
                    tar.addfile(info, hashed)
                files[name] = {"size": info.size, "sha256": hashed.sha256.hexdigest()}
            manifest = {"layout": LAYOUT, "made_at": datetime.now(UTC).isoformat(), "about": about, "files": files}
            text = json.dumps(manifest, indent=1).encode()
            last = tarfile.TarInfo(MANIFEST)
            last.size, last.mode = len(text), 0o600
            tar.addfile(last, io.BytesIO(text))
        raw.flush()
        os.fsync(raw.fileno())
    beside.replace(target)
    return manifest


def _members(sources: Mapping[str, Path]) -> Iterator[tuple[str, Path]]:
    for name, path in sources.items():
        yield name, path
        if path.is_dir() and not path.is_symlink():
            for below in sorted(path.rglob("*")):
                yield f"{name}/{below.relative_to(path)}", below


def unpack(source: Path, folder: Path) -> Document:
    """Unpack the archive into the empty folder and check every file; gives the manifest.

    Raises:
        BadInputError: it is no archive of ours, is damaged, or is not whole.
    """
    try:
        with _opened(source) as tar:
            for member in tar:
                tar.extract(member, folder, filter="tar")
    except (OSError, tarfile.TarError, zlib.error, EOFError) as error:
        raise BadInputError(f"{source} cannot be read: {error}", "take another backup") from None
    try:
        manifest: Document = json.loads((folder / MANIFEST).read_text())
        layout, files = manifest["layout"], manifest["files"]
    except (OSError, ValueError, KeyError, TypeError):
        raise BadInputError(f"{source} is no whole backup: its manifest is missing", "take another backup") from None
    if layout != LAYOUT:
        raise BadInputError(
            f"{source} has the layout {layout}, this version reads {LAYOUT}", "use the version that made it"
        )
    (folder / MANIFEST).unlink()
    there = {
        str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()
    }
    wrong = sorted(there.keys() ^ files.keys()) or [name for name, path in there.items() if _differs(path, files[name])]
    if wrong:
        raise BadInputError(f"{source} is damaged: {wrong[0]} is not as its manifest says", "take another backup")
    return manifest


@contextmanager
def _opened(source: Path) -> Iterator[tarfile.TarFile]:
    with (
        gzip.open(source) as unpacked,
        tarfile.open(fileobj=unpacked, mode="r|") as tar,
    ):
        yield tar


def _differs(path: Path, told: Document) -> bool:
    if path.stat().st_size != told["size"]:
        return True
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest() != told["sha256"]
