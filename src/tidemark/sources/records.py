"""Records: one record of a source's file, from the line that it is to fields by name, in landing and in Spark's workers alike."""

import json
from collections.abc import Callable
from typing import Any

from tidemark.contracts import conformance
from tidemark.contracts.conformance import Difference
from tidemark.sources.formats import BOM, TABLE, Format, fields

Record = dict[str, Any]
Decoded = tuple[Record | None, list[Difference]]


def decoder(format_: Format) -> Callable[[bytes], Decoded]:
    """What makes fields by name of a line (without its line feed), or tells why it cannot."""
    return _of_table(format_) if format_.kind == TABLE else _of_json


def _of_json(line: bytes) -> Decoded:
    record, unread = conformance.decode(line.removeprefix(BOM))
    if unread:
        return None, unread
    if not isinstance(record, dict):
        return None, [Difference("record: no JSON object", f"record: JSON, but no object: {line[:40]!r}")]
    if b"\\ud" in line.lower() and not _is_writable(record):
        return None, [Difference("record: half of a surrogate pair", "record: holds half of a surrogate pair")]
    return record, []


def _is_writable(value: Any) -> bool:
    """Whether all texts in it are: an escape may name half of a character, which no database takes."""
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _of_table(format_: Format) -> Callable[[bytes], Decoded]:
    columns, width = format_.columns, len(format_.columns)

    def decode(line: bytes) -> Decoded:
        try:
            text = line.removeprefix(BOM).removesuffix(b"\r").decode("utf-8")
            row = json.loads(text) if format_.folded else text
            if isinstance(row, str):  # of a folded table, what could not be folded, which says why
                row = fields(row, format_.separator)
        except UnicodeDecodeError as error:
            return None, [conformance.not_utf8(error)]
        except ValueError as error:
            return None, [Difference("record: quotes that match nothing", f"record: {str(error)[:200]}")]
        # Folded bytes that were none of UTF-8 are there as halves of surrogate pairs.
        if format_.folded and "\\ud" in text and not _is_writable(row):
            return None, [Difference("record: not UTF-8", "record: not UTF-8")]
        if len(row) != width:
            return None, [Difference("record: of another width", f"record: {len(row)} fields, not {width}")]
        return dict(zip(columns, row, strict=True)), []

    return decode
