"""Landing: from what a person names (a path, folder, glob, URL) to files that Spark can read, checked and described.

What cannot be loaded is refused here, before any Spark starts, with what to do about it.
"""

import ast
import gzip
import hashlib
import io
import json
import logging
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import fsspec

from tidemark.contracts import schemas
from tidemark.errors import BadInputError, UnreachableError
from tidemark.settings import ROOT

log = logging.getLogger(__name__)

SUFFIXES = (".json", ".jsonl", ".ndjson")
"""What a file of records is called, with `.gz` after it or not."""

CHUNK = 1 << 20
"""Bytes that are read at a time."""

HEAD_LINES = 200
"""Lines at the start of a file that tell what it holds."""


@dataclass(frozen=True)
class File:
    """One landed file."""

    path: str
    bytes: int
    sha256: str
    lines: int
    release: str


@dataclass(frozen=True)
class Source:
    """What was landed: its name as given, its files, their common release, and a fingerprint of their contents."""

    source: str
    release: str
    files: list[File]
    fingerprint: str

    @property
    def paths(self) -> list[str]:
        """Paths of the files."""
        return [file.path for file in self.files]

    def document(self) -> dict[str, Any]:
        """As JSON holds it."""
        return asdict(self)

    @classmethod
    def from_document(cls, value: Mapping[str, Any]) -> "Source":
        """From what `document` gave."""
        return cls(value["source"], value["release"], [File(**file) for file in value["files"]], value["fingerprint"])


def land(source: str, kind: str, release: str, landing_folder: str) -> Source:
    """Find, check and describe the files of `source`. Local files stay where they are, others are copied.

    Args:
        source: a path (relative to the project's root, or absolute), folder, glob, or any fsspec URL.
        kind: `reviews` or `products`.
        release: `2014`, `2018`, `2023`, or `auto` to detect it.
        landing_folder: where copies of remote files go.

    Raises:
        BadInputError: nothing is there, or it is empty, truncated, of another shape, or of several releases.
        UnreachableError: the object store did not answer.
    """
    files = [_land_file(path, kind, release, landing_folder) for path in _find(source)]
    filled = [file for file in files if file is not None]
    if not filled:
        raise BadInputError(f"{source}: empty: there is no record in it. Is it the file you meant?")
    releases = {file.release for file in filled}
    if len(releases) > 1:
        each = "; ".join(f"{file.path} is of {file.release}" for file in filled)
        raise BadInputError(f"{source}: files of several releases: {each}. Load each release by itself")
    whole = hashlib.sha256("\n".join(sorted(file.sha256 for file in filled)).encode()).hexdigest()
    return Source(source, releases.pop(), filled, whole)


def _find(source: str) -> list[str]:
    """The files that `source` names, as paths or URLs, sorted."""
    named = source if "://" in source else str(ROOT / Path(source).expanduser())
    try:
        filesystem, path = fsspec.core.url_to_fs(named)
        if any(c in path for c in "*?["):
            files = [p for p, info in filesystem.glob(path, detail=True).items() if info["type"] == "file"]
            nothing = "no file matches this pattern"
        elif filesystem.info(path)["type"] == "directory":
            inside = [info["name"] for info in filesystem.ls(path, detail=True) if info["type"] == "file"]
            files = [p for p in inside if p.removesuffix(".gz").endswith(SUFFIXES) and _name(p)[0] not in "._"]
            others = ", ".join(sorted(_name(p) for p in inside)[:5]) or "nothing at all"
            nothing = f"no file in this folder ends in {', '.join(SUFFIXES)} or these with .gz; there is: {others}"
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
        raise BadInputError(f"{source}: {nothing}")
    local = "file" in filesystem.protocol
    return sorted(p if local else str(filesystem.unstrip_protocol(p)) for p in files)


def _name(path: str) -> str:
    return path.rstrip("/").rsplit("/", 1)[-1]


class _Hashed(io.RawIOBase):
    """A stream that hashes what is read from it, and copies it where told to."""

    def __init__(self, stream: IO[bytes], copy: IO[bytes] | None) -> None:
        self.stream, self.copy, self.hash, self.size = stream, copy, hashlib.sha256(), 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self.stream.read(len(buffer))
        buffer[: len(data)] = data
        self.hash.update(data)
        self.size += len(data)
        if self.copy is not None:
            self.copy.write(data)
        return len(data)


def _land_file(path: str, kind: str, release: str, landing_folder: str) -> File | None:
    """Read one file through: is it whole, of records, of which release? None where it is empty."""
    remote = "://" in path
    target = f"{landing_folder}/{hashlib.sha256(path.encode()).hexdigest()[:12]}-{_name(path)}" if remote else path
    if path.endswith((".zip", ".bz2", ".xz", ".zst", ".7z", ".tar", ".tgz", ".tar.gz")):
        raise BadInputError(f"{path}: this packing cannot be read. Unpack it, or pack it with gzip")
    try:
        with fsspec.open(path, "rb") as stream:
            if not remote:
                return _examine(path, target, kind, release, stream, None)
            filesystem, at = fsspec.core.url_to_fs(target)
            filesystem.makedirs(at.rsplit("/", 1)[0], exist_ok=True)
            with filesystem.open(f"{at}.part", "wb") as copy:
                file = _examine(path, target, kind, release, stream, copy)
            filesystem.mv(f"{at}.part", at)
            return file
    except PermissionError:
        raise BadInputError(f"{path}: may not be read. Give the user that runs Airflow access") from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BadInputError(f"{path}: truncated or damaged gzip ({error}). Fetch it again; `gzip -t` tells") from None
    except OSError as error:
        raise UnreachableError(f"{path}: reading it failed ({type(error).__name__}: {str(error)[:200]})") from None


def _examine(path: str, target: str, kind: str, release: str, stream: IO[bytes], copy: IO[bytes] | None) -> File | None:
    hashed = _Hashed(stream, copy)
    buffered = io.BufferedReader(hashed, CHUNK)
    packed = buffered.peek(2)[:2] == b"\x1f\x8b"
    if packed != path.endswith(".gz"):
        is_not = (
            "it is gzip, but its name does not end in .gz" if packed else "its name ends in .gz, but it is not gzip"
        )
        if buffered.peek(1):
            raise BadInputError(f"{path}: {is_not}. Rename it")
    plain: Any = gzip.GzipFile(fileobj=buffered) if packed else buffered
    head, lines, last = b"", 0, b"\n"
    while chunk := plain.read(CHUNK):
        if len(head) < 8 * CHUNK and head.count(b"\n") <= HEAD_LINES:
            head += chunk
        lines += chunk.count(b"\n")
        last = chunk[-1:]
    while buffered.read(CHUNK):  # what follows the last gzip member is hashed and copied too
        pass
    if not head.strip(b"\x00 \t\r\n"):
        log.warning("%s: empty, left out", path)
        return None
    detected = detect(path, head, kind, release)
    lines += last != b"\n"
    return File(target, hashed.size, hashed.hash.hexdigest(), lines, detected)


def detect(path: str, head: bytes, kind: str, release: str) -> str:
    """The release of a file of `kind`, told by the fields of its first records.

    Args:
        path: named in messages.
        head: the start of the file.
        kind: `reviews` or `products`.
        release: what the person says it is; `auto` where they leave it open.

    Raises:
        BadInputError: these are no JSON lines, or records of no known release, or not of the one that was said.
    """
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise BadInputError(f"{path}: UTF-16 text. Convert it: `iconv -f UTF-16 -t UTF-8`")
    head = head.removeprefix(b"\xef\xbb\xbf")
    records = list(_records(head))
    if not records:
        raise BadInputError(f"{path}: {_why_no_records(path, head)}")
    fields = {field for record in records for field in record}
    known = [name.removeprefix(f"amazon_{kind}_") for name in schemas.names(f"amazon_{kind}_")]
    if release not in ("auto", *known):
        raise BadInputError(f"{path}: {kind} of the release {release} cannot be read; there are: {', '.join(known)}")
    fits = _fits(fields)
    if fits and fits[0][0] != kind:
        right = "`source`" if kind == "products" else "`products`"
        raise BadInputError(
            f"{path}: these are {fits[0][0]}, not {kind} (fields: {_shown(fields)}). Give them as {right}"
        )
    releases = [of for what, of in fits if what == kind and release in ("auto", of)]
    if not releases:
        needs = "; ".join(f"{r} needs {', '.join(schemas.schema(f'amazon_{kind}_{r}')['required'])}" for r in known)
        said = "" if release == "auto" else f", and you said {release}"
        raise BadInputError(f"{path}: records of another shape. Found the fields {_shown(fields)}; {needs}{said}")
    return releases[0]


def _fits(fields: set[str]) -> list[tuple[str, str]]:
    """(kind, release) of the contracts that need no more than `fields`; first that which knows most of it, then the newest."""
    fits = [name for name in schemas.names("amazon_") if set(schemas.schema(name)["required"]) <= fields]
    best = sorted(fits, key=lambda name: (len(fields & set(schemas.fields(name))), name[-4:]), reverse=True)
    return [(name.split("_")[1], name.split("_")[2]) for name in best]


def _shown(fields: set[str]) -> str:
    return ", ".join(sorted(fields)[:20]) or "none"


def _records(head: bytes) -> Iterator[dict[str, Any]]:
    for line in head.split(b"\n")[:HEAD_LINES]:
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(record, dict):
            yield record


def _why_no_records(path: str, head: bytes) -> str:
    text = head[:CHUNK].decode("utf-8", "replace").strip()
    first = text.splitlines()[0] if text else ""
    if text.startswith("["):
        return f"a JSON array, not one object a line. Convert it: `jq -c '.[]' {_name(path)} > reviews.jsonl`"
    try:
        if isinstance(ast.literal_eval(first), dict):
            return (
                "Python literals, not JSON (the 2014 metadata is so). Convert it: "
                "`python -c 'import ast,json,sys; [print(json.dumps(ast.literal_eval(l))) for l in sys.stdin]'`"
            )
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        pass
    if text.startswith("{") and ("\n" in text or len(text) < CHUNK):
        try:
            json.JSONDecoder().raw_decode(text)
        except ValueError:
            pass
        else:
            return f"its JSON objects are not one a line. Convert it: `jq -c . {_name(path)} > reviews.jsonl`"
    return f"not JSON, one object a line. It starts with {first[:80]!r}"
