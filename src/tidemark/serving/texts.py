"""Texts in two arrays, which a file can hold and many processes map: their bytes one after another, and where each ends.

A pack has ids, titles and brands in this form: a NumPy array of fixed width would give each text the room of the longest.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any, Self

import numpy as np

Array = np.ndarray[Any, Any]


class Texts(Sequence[str]):
    """Texts by their number.

    Args:
        data: uint8 `(n_bytes,)`, UTF-8.
        ends: int64 `(n,)`, where in `data` each text ends.
    """

    def __init__(self, data: Array, ends: Array) -> None:
        self.data, self.ends = data, ends
        # Looked into one number at a time, NumPy's own view takes four times as long.
        self._bytes, self._ends = data.data, ends.data

    @classmethod
    def of(cls, texts: Iterable[str]) -> Self:
        """`texts`, encoded."""
        encoded = [text.encode() for text in texts]
        ends = np.cumsum([len(text) for text in encoded], dtype=np.int64) if encoded else np.zeros(0, np.int64)
        return cls(np.frombuffer(b"".join(encoded), np.uint8), ends)

    def raw(self, number: int) -> bytes:
        """The UTF-8 of the text `number`, from 0 on."""
        return bytes(self._bytes[self._ends[number - 1] if number else 0 : self._ends[number]])

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, number: Any) -> Any:
        return str(self._bytes[self._ends[number - 1] if number else 0 : self._ends[number]], "utf-8")

    def __iter__(self) -> Iterator[str]:
        return (self.raw(number).decode() for number in range(len(self)))


FENCE = 32
"""Texts from one that a look-up finds in memory to the next."""


class SortedTexts(Texts):
    """Texts in the order of their code points (that of their UTF-8, and of NumPy's sort), each once: ids to look up."""

    @cached_property
    def _fences(self) -> list[bytes]:
        """Every `FENCE`th text. A search among Python's own bytes costs a tenth of one in the arrays, and touches no page of
        them."""
        return [self.raw(number) for number in range(0, len(self), FENCE)]

    def number(self, text: str) -> int | None:
        """The number of `text`; None where it is not there (or is no text that UTF-8 has)."""
        try:
            wanted = text.encode()
        except UnicodeEncodeError:
            return None
        fence = bisect_right(self._fences, wanted) - 1
        if fence < 0:
            return None
        start, end = fence * FENCE, min((fence + 1) * FENCE, len(self))
        at = bisect_left(range(end), wanted, lo=start, key=self.raw)
        return at if at < end and self.raw(at) == wanted else None
