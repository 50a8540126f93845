"""Releases: files of Amazon's reviews and products, landed: read through, checked, and of which release they are.

What cannot be loaded is refused here, before any Spark starts, with what to do about it.
"""

import ast
import hashlib
import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from tidemark.contracts import schemas
from tidemark.errors import BadInputError, TidemarkError
from tidemark.landing import addresses, finding, packing
from tidemark.landing.packing import CHUNK
from tidemark.settings import Settings, settings

log = logging.getLogger(__name__)

SUFFIXES = (".json", ".jsonl", ".ndjson")
"""What a file of records is called, with `.gz` after it or not."""

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


def land(source: str, kind: str, release: str, landing_folder: str, config: Settings | None = None) -> Source:
    """Find, check and describe the files of `source`. Local files stay where they are, others are copied.

    Args:
        source: see `finding.find`.
        kind: `reviews` or `products`.
        release: `2014`, `2018`, `2023`, or `auto` to detect it.
        landing_folder: where copies of remote files go.
        config: the settings, where not those of the process.

    Raises:
        BadInputError: nothing is there, or it is empty, truncated, too large, of another shape, or of several releases.
        UnreachableError: the object store did not answer.
    """
    config = config or settings()
    left, filled = int(config.landing_max_gb * 1e9), list[File]()
    for path in finding.find(source, SUFFIXES, config):
        file, size = _land_file(path, finding.local_copy(path, landing_folder, config), kind, release, left)
        left -= size
        if file is None:
            log.warning("%s: empty, left out", path)
        else:
            filled.append(file)
    if not filled:
        raise BadInputError(f"{source}: empty: there is no record in it. Is it the file you meant?")
    found = {file.release for file in filled}
    if len(found) > 1:
        each = "; ".join(f"{file.path} is of {file.release}" for file in filled)
        raise BadInputError(f"{source}: files of several releases: {each}. Load each release by itself")
    whole = hashlib.sha256("\n".join(sorted(file.sha256 for file in filled)).encode()).hexdigest()
    return Source(source, found.pop(), filled, whole)


def _land_file(path: str, local: str, kind: str, release: str, most_bytes: int) -> tuple[File | None, int]:
    """Read one file through: is it whole, of records, of which release? None where it is empty; and its bytes, unpacked."""
    if path.endswith(".zst"):
        raise BadInputError(f"{path}: this packing cannot be read. Unpack it, or pack it with gzip")
    head, lines = list[bytes](), 0
    with packing.opened(local, most_bytes) as whole:
        for line in whole.lines():
            lines += 1
            if len(head) < HEAD_LINES:
                head.append(line)
    start = b"".join(head)
    if not start.strip(b"\x00 \t\r\n"):
        return None, whole.plain_bytes
    return File(local, whole.bytes, whole.sha256, lines, detect(path, start, kind, release)), whole.plain_bytes


def holds(source: str, kind: str, config: Settings) -> bool:
    """Whether the first file of `source` holds records of a known release, told by its first lines; False where nobody can tell.

    Args:
        source: see `finding.find`; over HTTP, by its name alone.
        kind: `reviews` or `products`.
        config: the settings.
    """
    if addresses.is_http(source):
        return finding.name(source.partition("?")[0]).removesuffix(".gz").endswith(SUFFIXES)
    try:
        path = finding.find(source, (*SUFFIXES, ".csv", ".tsv", ".parquet", ".txt"), config)[0]
        with packing.opened(path, 1 << 62) as whole:
            head = next(whole.chunks(), b"")
        detect(path, head, kind, "auto")
    except TidemarkError:
        return False
    return True


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
        return f"a JSON array, not one object a line. Convert it: `jq -c '.[]' {finding.name(path)} > reviews.jsonl`"
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
            return f"its JSON objects are not one a line. Convert it: `jq -c . {finding.name(path)} > reviews.jsonl`"
    return f"not JSON, one object a line. It starts with {first[:80]!r}"
