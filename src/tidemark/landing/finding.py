"""Finding: the files that a person names by a path, a folder, a pattern or a URL, as paths that can be read."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import fsspec

from tidemark.errors import AbsentError, BadInputError, UnreachableError
from tidemark.landing import addresses
from tidemark.landing.packing import PACKINGS
from tidemark.settings import ROOT, Settings
from tidemark.storage import artifacts

NO_DATA = ("/proc", "/sys", "/dev")
"""Folders of the system whose files are none."""


def find(source: str, suffixes: Sequence[str], config: Settings, *, nested: bool = False) -> list[str]:
    """The files that `source` names, as paths or URLs, sorted.

    Args:
        source: a path (relative to the project's root, or absolute), folder, glob, or any fsspec URL.
        suffixes: of a folder's files that are taken; packed ones may end in a packing's behind it.
        config: the settings.
        nested: whether a folder's folders are looked through too.

    Raises:
        AbsentError: nothing is there.
        BadInputError: it may not be read, or it is no data.
        UnreachableError: the object store did not answer.
    """
    if ".." in source.split("://", 1)[-1].split("/"):
        raise BadInputError(f"{source}: write the path out, without `..`")
    if addresses.is_http(source):
        return [source]
    named = source if "://" in source else str(ROOT / Path(source).expanduser())
    base = ""
    try:
        filesystem, path = fsspec.core.url_to_fs(named)
        if any(c in path for c in "*?["):
            files = [p for p, info in filesystem.glob(path, detail=True).items() if _is_file(info)]
            nothing = "no file matches this pattern"
            base = path[: min(path.index(c) for c in "*?[" if c in path)].rpartition("/")[0]
        elif filesystem.info(path)["type"] == "directory":
            inside = filesystem.find(path) if nested else _files_of(filesystem, path)
            files = [p for p in inside if _plain_name(p).endswith(tuple(suffixes)) and name(p)[0] not in "._"]
            others = ", ".join(sorted(name(p) for p in inside)[:5]) or "nothing at all"
            nothing = f"no file in this folder ends in {', '.join(suffixes)} or these with .gz; there is: {others}"
            base = path
        else:
            files = [path]
    except FileNotFoundError:
        files, nothing = [], f"no such file (looked for {path}). Check the spelling; a relative path starts at {ROOT}"
    except (ImportError, ValueError) as error:
        raise BadInputError(f"{source}: this kind of address cannot be read here: {error}") from None
    except PermissionError as error:
        raise BadInputError(f"{source}: may not be read ({error}). Give the user that runs Airflow access") from None
    except Exception as error:  # each object store has errors of its own
        raise UnreachableError(
            f"{source}: the store did not answer ({type(error).__name__}: {str(error)[:200]})"
        ) from None
    if not files:
        raise AbsentError(f"{source}: {nothing}")
    if "file" not in filesystem.protocol:
        return sorted(str(filesystem.unstrip_protocol(p)) for p in files)
    for file in files:
        _require_data(file, base, config)
    return sorted(files)


def _files_of(filesystem: Any, path: str) -> list[str]:
    return [info["name"] for info in filesystem.ls(path, detail=True) if _is_file(info)]


def _is_file(info: Mapping[str, Any]) -> bool:
    """Whether it is a file, or a link, which is looked at when it is known whereto it leads."""
    return info["type"] == "file" or bool(info.get("islink"))


def _plain_name(path: str) -> str:
    """The name of a file without what says its packing."""
    for end in PACKINGS:
        path = path.removesuffix(end)
    return path


def name(path: str) -> str:
    """The last part of a path or URL."""
    return path.rstrip("/").rsplit("/", 1)[-1]


def _require_data(path: str, base: str, config: Settings) -> None:
    """Refuse a file of this machine that is none of data: a link out of the folder `base` that was named, a file of the system,
    or one of the platform's own, where its passwords are."""
    real = Path(os.path.realpath(path))
    if base and not real.is_relative_to(os.path.realpath(base)):
        raise BadInputError(f"{path}: a link to {real}, outside of the folder that was named. Name that file itself")
    state, landing = (Path(os.path.realpath(p)) for p in (config.state, config.landing_root))
    own = real.is_relative_to(state) and not real.is_relative_to(landing)
    if own or real == (ROOT / ".env").resolve() or any(map(real.is_relative_to, NO_DATA)) or not real.is_file():
        raise BadInputError(f"{path}: no file of data. Name a file that holds some")


def local_copy(path: str, folder: str, config: Settings) -> str:
    """Where a file lies that every worker can read: `path` itself, or a copy of a remote one in `folder`.

    Args:
        path: as `find` gave it.
        folder: in the landing.
        config: the settings.

    Raises:
        BadInputError: the address may not be asked, or has no such file, or one that is too large.
        UnreachableError: it does not answer.
    """
    if "://" not in path:
        return path
    target = f"{folder}/{hashlib.sha256(path.encode()).hexdigest()[:12]}-{name(path.split('?', maxsplit=1)[0])}"
    with artifacts.replacing(target, "wb") as copy:
        addresses.read(path, copy, config)
    return target
