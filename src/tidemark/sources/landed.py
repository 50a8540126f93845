"""Landed: the files of a source, read through before any Spark starts: of which format, how many records, a sample from all of them.

What Spark cannot cut into lines of UTF-8 by itself is copied into the landing as it can: Zstandard, UTF-16 and other encodings,
and tables in whose quoted fields line feeds stand, each record of which becomes a JSON array on a line of its own.
"""

import hashlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from tidemark.errors import BadInputError
from tidemark.landing import finding, packing
from tidemark.settings import Settings
from tidemark.sources import encodings, folding_lines, formats, mapping, parquet_files, records
from tidemark.sources.formats import JSON, PARQUET, Format
from tidemark.sources.seen import Sample

log = logging.getLogger(__name__)

SUFFIXES = (*(".csv", ".tsv", ".txt", ".dat", ".data", ".item", ".json", ".jsonl", ".ndjson", ".parquet"),)
"""How a folder's files that are taken are called, packed or not."""

HEAD = 200
"""Records at the start of a file that tell its format."""


@dataclass(frozen=True)
class File:
    """One landed file.

    Args:
        path: what Spark reads.
        name: where it came from.
        bytes, sha256: of what came.
        plain_bytes: of what it holds, unpacked.
        records: how many it holds, its header not counted.
    """

    path: str
    name: str
    bytes: int
    sha256: str
    plain_bytes: int
    records: int


@dataclass(frozen=True)
class Landed:
    """A source's files, of one format.

    Args:
        source: as it was named.
        format: of all of them.
        files: in the order of their names.
    """

    source: str
    format: Format
    files: tuple[File, ...]

    @property
    def fingerprint(self) -> str:
        """Of all contents, in whatever order."""
        return hashlib.sha256("\n".join(sorted(file.sha256 for file in self.files)).encode()).hexdigest()

    @property
    def records(self) -> int:
        """Of all files."""
        return sum(file.records for file in self.files)

    def document(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {"source": self.source, "format": self.format.document(), "files": [asdict(file) for file in self.files]}

    @classmethod
    def from_document(cls, value: Mapping[str, Any]) -> "Landed":
        """From what `document` gave."""
        files = tuple(File(**file) for file in value["files"])
        return cls(value["source"], Format.from_document(value["format"]), files)


def land(
    source: str, kind: str, named: Sequence[str], folder: str, config: Settings, encoding: str = ""
) -> tuple[Landed, Sample]:
    """Find, check and describe the files of `source`; local ones that Spark reads as they are stay where they are.

    Args:
        source: see `finding.find`.
        kind: `interactions` or `products`.
        named: columns that a person names: what has them is a header.
        folder: in the landing, for copies.
        config: the settings.
        encoding: of the text, where it is not UTF-8 or told by its first bytes.

    Returns:
        the files, and a sample of their records.

    Raises:
        BadInputError: nothing is there, or it is empty, damaged, too large, of another shape or of several.
        UnreachableError: a store did not answer.
    """
    left, sample = int(config.landing_max_gb * 1e9), Sample()
    files, found = list[File](), list[Format]()
    for path in finding.find(source, SUFFIXES, config, nested=True):
        local = finding.local_copy(path, folder, config)
        file, format_, size = _read(path, local, kind, named, folder, left, encoding, sample)
        left -= size
        if file is None or format_ is None:
            log.warning("%s: empty, left out", path)
            continue
        files.append(file)
        found.append(format_)
    if not sum(file.records for file in files):
        raise BadInputError(f"{source}: empty: there is no record in it. Is it the file you meant?")
    format_ = _one(source, files, found, sample)
    if format_.folded:
        pairs = zip(files, found, strict=True)
        files = [file if own.folded else _folded(file, own, folder, config) for file, own in pairs]
    return Landed(source, format_, tuple(files)), sample


def _folded(file: File, own: Format, folder: str, config: Settings) -> File:
    """A file as the others are, in which quoted line feeds stand."""
    target = _copy_of(file.name, folder, "folded")
    folding_lines.copy(file.path, target, own, int(config.landing_max_gb * 1e9))
    return replace(file, path=target)


def _copy_of(path: str, folder: str, kind: str) -> str:
    """Where a copy of the file at `path` goes."""
    return f"{folder}/{hashlib.sha256(path.encode()).hexdigest()[:12]}.{kind}"


def _one(source: str, files: Sequence[File], found: Sequence[Format], sample: Sample) -> Format:
    """The one format of all files."""
    first = found[0]
    for file, other in zip(files, found, strict=True):
        shape = ("kind", "separator", "header", "types", *(() if first.kind == JSON else ("columns",)))
        if any(getattr(other, name) != getattr(first, name) for name in shape):
            raise BadInputError(
                f"{source}: files of several shapes: {files[0].name} is {first.text()} of {', '.join(first.columns)}; {file.name} is "
                f"{other.text()} of {', '.join(other.columns)}. Load each shape by itself"
            )
    if first.kind != JSON:
        return replace(first, folded=any(format_.folded for format_ in found))
    named = [*(format_.columns for format_ in found), *sample.records]
    return replace(first, columns=tuple(dict.fromkeys(column for names in named for column in names)))


def _read(
    path: str, local: str, kind: str, named: Sequence[str], folder: str, left: int, encoding: str, sample: Sample
) -> tuple[File | None, Format | None, int]:
    """One file, its format and its bytes unpacked; None where it is empty."""
    with packing.opened(local, left) as whole:
        head = next(whole.chunks(), b"")
        is_zst = whole.packing == ".zst"
    if head.startswith(parquet_files.MAGIC):
        columns, types, rows, size = parquet_files.read(path, local, left, sample)
        came = _hashed(local, left)
        return (
            File(local, path, came.bytes, came.sha256, size, rows),
            Format(PARQUET, columns=columns, types=types),
            size,
        )
    if not head.strip(b"\x00 \t\r\n\xef\xbb\xbf\xff\xfe"):
        return None, None, 0
    told = encodings.of(path, head, encoding)
    readable = local
    if told != encodings.UTF8 or is_zst or encodings.ends_in_returns(head):
        readable = _copy_of(path, folder, "utf8")
        encodings.copy(local, readable, told, left)
    format_, folds = _format(path, readable, kind, named, left)
    if folds:
        folded = _copy_of(path, folder, "folded")
        folding_lines.copy(readable, folded, format_, left)
        readable, format_ = folded, replace(format_, folded=True)
    decode, n, named_there = records.decoder(format_), 0, dict.fromkeys(format_.columns)
    with packing.opened(readable, left) as whole:
        for line in data_lines(whole.lines(), format_):
            n += 1
            sample.offer(line, decode)
            if format_.kind == JSON and n <= HEAD:
                named_there |= dict.fromkeys(decode(line)[0] or ())
    came = whole if readable == local else _hashed(local, left)
    file = File(readable, path, came.bytes, came.sha256, whole.plain_bytes, n)
    return file, replace(format_, columns=tuple(named_there)), whole.plain_bytes


def _hashed(path: str, most_bytes: int) -> packing.Unpacked:
    """A file, read to its end for its size and hash."""
    with packing.opened(path, most_bytes) as whole:
        for _ in whole.chunks():
            pass
    return whole


def data_lines(lines: Iterator[bytes], format_: Format) -> Iterator[bytes]:
    """The lines that are records: neither blank ones nor the header, however often it is there."""
    header = format_.header_line.encode() if format_.header and not format_.folded else None
    for line in lines:
        stripped = line.rstrip(b"\n").removeprefix(formats.BOM)
        if not stripped.strip(b" \t\r") or stripped.rstrip(b"\r") == header:
            continue
        yield stripped


def _format(path: str, readable: str, kind: str, named: Sequence[str], left: int) -> tuple[Format, bool]:
    """The format of a file of UTF-8, and whether quoted line feeds stand in it.

    Raises:
        BadInputError: it is neither JSON lines nor a table.
    """
    head = list[bytes]()
    with packing.opened(readable, left) as whole:
        for line in whole.lines():
            if line.strip(b" \t\r\n\xef\xbb\xbf"):
                head.append(line)
            if len(head) >= HEAD:
                break
    text = [line.removeprefix(formats.BOM).rstrip(b"\r\n").decode("utf-8", "replace") for line in head]
    if why := formats.why_not_lines(path, text[0]):
        raise BadInputError(why)
    if text[0].lstrip().startswith("{"):
        return Format(JSON), False
    plain = {name.casefold() for name in named}

    def looks_like_header(first: list[str]) -> bool:
        return any(name.casefold() in plain or mapping.is_usual(kind, name) for name in first)

    format_ = formats.of_table(path, list(folding_lines.joined(text)), looks_like_header)
    folds = False
    if len(format_.separator) == 1:
        with packing.opened(readable, left) as whole:
            folds = folding_lines.needed(whole.lines(), format_)
    return format_, folds
