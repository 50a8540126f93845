"""Records: one record of a source's file, from the line that it is to fields by name, in landing and in Spark's workers alike."""

import json
from collections.abc import Callable
from typing import Any, NoReturn

from tidemark.contracts.conformance import Difference
from tidemark.sources.formats import BOM, TABLE, Format, fields

Record = dict[str, Any]
Decoded = tuple[Record | None, list[Difference]]


def decoder(format_: Format) -> Callable[[bytes], Decoded]:
    """What makes fields by name of a line (without its line feed), or tells why it cannot."""
    return _of_table(format_) if format_.kind == TABLE else _of_json


def _text(line: bytes) -> str:
    return line.removeprefix(BOM).removesuffix(b"\r").decode("utf-8")


def _not_utf8(error: UnicodeDecodeError) -> Decoded:
    return None, [Difference("record: not UTF-8", f"record: not UTF-8 at byte {error.start}")]


def _no_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a number in JSON")


def _of_json(line: bytes) -> Decoded:
    try:
        record = json.loads(_text(line), parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        return _not_utf8(error)
    except (ValueError, RecursionError) as error:
        return None, [Difference("record: not JSON", f"record: not JSON: {str(error)[:200]}")]
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
            text = _text(line)
            row = json.loads(text) if format_.folded else fields(text, format_.separator)
            row = (
                fields(row, format_.separator) if isinstance(row, str) else row
            )  # which says why it could not be folded
        except UnicodeDecodeError as error:
            return _not_utf8(error)
        except ValueError as error:
            return None, [Difference("record: quotes that match nothing", f"record: {str(error)[:200]}")]
        if format_.folded and "\\ud" in text and not _is_writable(row):  # bytes that were none of UTF-8, kept as such
            return None, [Difference("record: not UTF-8", "record: not UTF-8")]
        if len(row) != width:
            return None, [Difference("record: of another width", f"record: {len(row)} fields, not {width}")]
        return dict(zip(columns, row, strict=True)), []

    return decode
