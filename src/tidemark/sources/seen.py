"""Seen: some records from all of a source's files, evenly: what units, scales and presets are told by."""

from collections.abc import Callable
from typing import Any

from tidemark.sources.records import Decoded

Record = dict[str, Any]

MOST = 10_000


class Sample:
    """Every n-th record of all that were offered, n doubling whenever there are `MOST`.

    Attributes:
        records: those that could be read.
    """

    def __init__(self) -> None:
        self.records: list[Record] = []
        self._every, self._offered = 1, 0

    def offer(self, line: bytes, decode: Callable[[bytes], Decoded]) -> None:
        """Take the record that this line is, if it is its turn."""
        self._offered += 1
        if self._offered % self._every == 0:
            record, _ = decode(line)
            if record is not None:
                self.add(record)

    def add(self, record: Record) -> None:
        """Take a record."""
        self.records.append(record)
        if len(self.records) >= MOST:
            self.records, self._every = self.records[1::2], self._every * 2

    def values(self, column: str) -> list[Any]:
        """What stands in a column, but what is missing."""
        return [value for record in self.records if (value := record.get(column)) not in (None, "")]
