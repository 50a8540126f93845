"""Formats: what a file of records is, told by its first lines: JSON lines, or a table, with which separator and which header."""

import csv
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tidemark.errors import BadInputError

JSON, TABLE, PARQUET = "JSON lines", "table", "Parquet"

SEPARATORS = ("::", "\t", ",", ";", "|")
"""What may stand between the fields of a table; of equally good ones, the first."""

LOOKED_AT = 50
"""Lines that tell the separator."""

BOM = b"\xef\xbb\xbf"
"""The mark of UTF-8 that some programs put first."""


@dataclass(frozen=True)
class Format:
    """What a file is.

    Args:
        kind: `JSON`, `TABLE` or `PARQUET`.
        separator: of a table.
        columns: names in order, of a table or of Parquet; the numbers 1, 2, ... where a table has no header.
        header: whether the first line of a table names its columns.
        header_line: the header as it stands there.
        types: of Parquet, those of the columns, in Arrow's words.
        folded: whether each line of a table was made a JSON array of its fields, for some of them hold line feeds.
    """

    kind: str
    separator: str = ""
    columns: tuple[str, ...] = ()
    header: bool = False
    header_line: str = ""
    types: tuple[str, ...] = ()
    folded: bool = False

    def document(self) -> dict[str, Any]:
        """As JSON holds it."""
        return asdict(self)

    @classmethod
    def from_document(cls, value: dict[str, Any]) -> "Format":
        """From what `document` gave."""
        return cls(**value | {name: tuple(value[name]) for name in ("columns", "types")})

    def text(self) -> str:
        """In words, for a person."""
        if self.kind != TABLE:
            return self.kind
        named = {"\t": "tab", ",": "comma", ";": "semicolon", "|": "|", "::": "::"}[self.separator]
        return f"table, separator {named}, {'with' if self.header else 'without'} a header"


def fields(line: str, separator: str) -> list[str]:
    """The fields of one record of a table: quoted by `"`, a quote in them doubled or behind a backslash.

    Raises:
        ValueError: the quotes in it match nothing.
    """
    if len(separator) > 1 or '"' not in line:
        return line.split(separator)
    for escape in (None, "\\") if "\\" in line else (None,):
        try:
            return next(
                csv.reader([line], delimiter=separator, strict=True, doublequote=escape is None, escapechar=escape)
            )
        except (csv.Error, StopIteration) as error:
            wrong = str(error)
    raise ValueError(wrong)


def of_table(path: str, lines: Sequence[str], looks_like_header: Callable[[list[str]], bool]) -> Format:
    """The format of a table that begins with `lines`.

    Args:
        path: named in messages.
        lines: the first records, without their line ends; one at least.
        looks_like_header: whether these fields name columns.

    Raises:
        BadInputError: no separator makes records of one width of them, or the header names a column twice.
    """
    separator, width = _separator(path, lines[:LOOKED_AT])
    first = [name.strip() for name in fields(lines[0], separator)]
    if not looks_like_header(first) and not _is_unlike(first, [fields_or_none(line, separator) for line in lines[1:]]):
        return Format(TABLE, separator, tuple(str(place + 1) for place in range(width)))
    twice = [name for name, times in Counter(first).items() if times > 1]
    if twice:
        raise BadInputError(f"{path}: the header names the column {twice[0]!r} twice. Rename one of them")
    return Format(TABLE, separator, tuple(first), header=True, header_line=lines[0])


def _separator(path: str, lines: Sequence[str]) -> tuple[str, int]:
    """The separator by which most of the lines have one same number of fields, two at least; the more fields the better."""
    found: list[tuple[float, int, str]] = []
    for separator in SEPARATORS:
        widths = Counter(len(fields_or_none(line, separator) or ()) for line in lines)
        width, times = max(widths.items(), key=lambda item: (item[0] > 1, item[1]))
        if width > 1:
            found.append((times / len(lines), width, separator))
    if not found:
        raise BadInputError(
            f"{path}: neither JSON lines nor a table: no separator ({', '.join('tab' if s == chr(9) else s for s in SEPARATORS)}) makes "
            f"columns of it. It starts with {lines[0][:80]!r}"
        )
    best = max(found, key=lambda item: (round(item[0], 1), item[1], -SEPARATORS.index(item[2])))
    if "::" in {separator for _, _, separator in found} and all("::" in line for line in lines):
        best = next(item for item in found if item[2] == "::")
    return best[2], best[1]


def fields_or_none(line: str, separator: str) -> list[str] | None:
    """`fields`; None where the quotes match nothing."""
    try:
        return fields(line, separator)
    except ValueError:
        return None


def _is_unlike(first: list[str], rows: Sequence[list[str] | None]) -> bool:
    """Whether `first` is no row like the others: somewhere all of them have a number, and it has none."""
    whole = [row for row in rows if row is not None and len(row) == len(first)]
    if not whole:
        return False
    columns = list(zip(first, *whole, strict=True))
    return any(
        name.strip()
        and not is_number(name)
        and any(map(is_number, rest))
        and all(is_number(c) or not c.strip() for c in rest)
        for name, *rest in columns
    )


def is_number(text: str) -> bool:
    """Whether `text` is written as a number."""
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text


def why_not_lines(path: str, head: str) -> str | None:
    """Why a text that begins like JSON is none with an object a line; None where it is, or is no JSON at all."""
    text = head.lstrip()
    if text.startswith("["):
        return f"{path}: a JSON array, not one object a line. Convert it: `jq -c '.[]' file.json > file.jsonl`"
    if not text.startswith("{"):
        return None
    try:
        json.loads(text.splitlines()[0])
    except ValueError as error:
        return f"{path}: its first line is no whole JSON object ({error}). One object a line: `jq -c . file.json > file.jsonl`"
    return None
