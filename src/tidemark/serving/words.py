"""Words: how what is searched for meets titles, brands and categories, whatever its case and accents."""

import re
import unicodedata
from array import array
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tidemark.serving.texts import SortedTexts

Array = np.ndarray[Any, Any]

_WORD = re.compile(r"[^\W_]+")
_AFTER_ALL = b"\xff"
"""Greater than any byte of UTF-8."""


def words(text: str) -> list[str]:
    """The words of `text`, each once: runs of letters and digits, in small letters without accents.

    A script that does not part its words (Chinese, Thai) gives what stands between its punctuation.
    """
    if not text.isascii():
        apart = unicodedata.normalize("NFKD", text.casefold())
        # Folded again: what was taken apart may hold capitals of its own.
        text = "".join(c for c in apart if not unicodedata.combining(c)).casefold()
    return list(dict.fromkeys(_WORD.findall(text.lower())))


@dataclass(frozen=True)
class WordIndex:
    """Which items have which words.

    Args:
        vocabulary: every word.
        places: int32; one word's after another's, `2 * item number`, and 1 more where the word is in the title.
        ends: int64 `(n_words,)`, where in `places` those of each word end.
    """

    vocabulary: SortedTexts
    places: Array
    ends: Array

    def beginning(self, start: str) -> Array:
        """The places of all words that begin with `start`: words are sorted, so theirs lie side by side."""
        wanted = start.encode()
        first, last = (
            bisect_left(range(len(self.vocabulary)), bound, key=self.vocabulary.raw)
            for bound in (wanted, wanted + _AFTER_ALL)
        )
        begin, end = (int(self.ends[at - 1]) if at else 0 for at in (first, last))
        return self.places[begin:end]


class WordIndexing:
    """Makes a `WordIndex`, item by item."""

    def __init__(self) -> None:
        self._places: dict[str, array[int]] = {}

    def add(self, number: int, title: Iterable[str], others: Iterable[str]) -> None:
        """Note the words of the title, and those of the rest, of the item `number`."""
        told = dict.fromkeys(others, 2 * number) | dict.fromkeys(title, 2 * number + 1)
        for word, place in told.items():
            self._places.setdefault(word, array("i")).append(place)

    def done(self) -> WordIndex:
        """The index of what was added."""
        vocabulary = sorted(self._places)
        ends = np.cumsum([len(self._places[word]) for word in vocabulary], dtype=np.int64)
        places = np.empty(int(ends[-1]) if len(ends) else 0, np.int32)
        start = 0
        for word, end in zip(vocabulary, ends.tolist(), strict=True):
            places[start:end] = self._places[word]
            start = end
        return WordIndex(SortedTexts.of(vocabulary), places, ends)
