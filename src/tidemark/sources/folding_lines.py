"""Folding lines: tables in whose quoted fields line feeds stand, made tables with one record a line.

A record goes on in the next line while its quotes are odd, if it then has as many fields as the header; a stray quote is no
reason to swallow what follows.
"""

import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator

from tidemark.landing import packing
from tidemark.sources.formats import BOM, Format, fields_or_none
from tidemark.storage import artifacts

MOST_LINES = 1_000
"""Lines of one record."""
MOST_BYTES = 16 << 20


def joined(lines: Iterable[str]) -> Iterator[str]:
    """The records that `lines` are, of whatever width, without their line ends; a line feed stands where two lines became one."""
    return (record for record, _ in _records(lines, lambda text: True))


def _records(lines: Iterable[str], is_whole: Callable[[str], bool]) -> Iterator[tuple[str, bool]]:
    """Each record, and whether it goes over several lines."""
    ahead: deque[str] = deque()
    source = iter(lines)
    while True:
        line = ahead.popleft() if ahead else next(source, None)
        if line is None:
            return
        taken, quotes, size = [line], line.count('"'), len(line)
        while quotes % 2 and len(taken) < MOST_LINES and size < MOST_BYTES:
            more = ahead.popleft() if ahead else next(source, None)
            if more is None:
                break
            taken.append(more)
            quotes += more.count('"')
            size += len(more)
        whole = "\n".join(taken)
        if len(taken) > 1 and (quotes % 2 or not is_whole(whole)):
            # A stray quote: the line is a record of its own.
            ahead.extendleft(reversed(taken[1:]))
            yield line, False
        else:
            yield whole, len(taken) > 1


def needed(lines: Iterable[bytes], format_: Format) -> bool:
    """Whether any record of a table goes over several lines."""
    return any(more for _, more in _of_bytes(lines, format_))


def _of_bytes(lines: Iterable[bytes], format_: Format) -> Iterator[tuple[str, bool]]:
    texts = (
        line.removeprefix(BOM).rstrip(b"\n").removesuffix(b"\r").decode("utf-8", "surrogateescape") for line in lines
    )
    width = len(format_.columns)
    return _records(texts, lambda text: len(fields_or_none(text, format_.separator) or ()) == width)


def copy(source: str, target: str, format_: Format, most_bytes: int) -> None:
    """Write the records of a table, without its header, as JSON arrays of their fields; one whose quotes match nothing as a text.

    Args:
        source: the table, in UTF-8.
        target: where to.
        format_: of the table.
        most_bytes: that it may hold.
    """
    header = format_.header
    with packing.opened(source, most_bytes) as whole, artifacts.replacing(target, "wb") as out:
        for record, _ in _of_bytes(whole.lines(), format_):
            if not record.strip(" \t\r"):
                continue
            if header:
                header = False
                continue
            row = fields_or_none(record, format_.separator)
            out.write(json.dumps(record if row is None else row).encode() + b"\n")
