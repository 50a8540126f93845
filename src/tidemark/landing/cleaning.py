"""Cleaning: each rule one named function of plain Python.

`clean_text` is idempotent, and stands beside the untouched original, never in its place.
"""

import html
import json
import re
import sys
import unicodedata
from functools import cache
from typing import Any

from tidemark.text import collapsed

_VIDEO = re.compile(r"\[\[VIDEO[^\]]*\]\]", re.IGNORECASE)
_TAG = re.compile(r"<!--.*?-->|<(script|style)\b.*?</\1\s*>|</?[a-zA-Z][^<>]*>", re.DOTALL | re.IGNORECASE)
_URL = re.compile(r"(?:\b[a-z][a-z0-9+.-]*://|\bwww\.)[^\s<>\"']+", re.IGNORECASE)
_APOSTROPHE = re.compile(r"(?<=\w)['\u2019](?=\w)")


def without_videos(text: str) -> str:
    """Without video widgets: `[[VIDEOID:abc]] Nice` -> ` Nice`."""
    return _VIDEO.sub(" ", text) if "[[" in text else text


def without_entities(text: str) -> str:
    """With HTML entities as the characters they stand for: `5&#34; &amp; up` -> `5" & up`. Twice escaped, twice undone."""
    for _ in range(2):
        if "&" not in text:
            break
        text = html.unescape(text)
    return text


def without_tags(text: str) -> str:
    """Without HTML tags, comments, scripts and styles: `good<br />stuff` -> `good stuff`; `a < b` stays."""
    return _TAG.sub(" ", text) if "<" in text else text


def without_urls(text: str) -> str:
    """Without web addresses: `see http://x.com/a?b now` -> `see   now`."""
    return _URL.sub(" ", text) if "://" in text or "www." in text.lower() else text


@cache
def _punctuation() -> dict[int, str | None]:
    """Characters that are no part of a word: punctuation, symbols, controls become a space, format characters nothing."""
    table: dict[int, str | None] = {}
    for point in range(sys.maxunicode + 1):
        category = unicodedata.category(chr(point))
        if category[0] in "PS" or category in ("Cc", "Cs", "Zl", "Zp", "Zs"):
            table[point] = " "
        elif category == "Cf":
            table[point] = None
    return table


def without_punctuation(text: str) -> str:
    """Without punctuation, symbols and control characters: `don't stop!` -> `dont stop `."""
    return _APOSTROPHE.sub("", text).translate(_punctuation())


def clean_text(text: str | None) -> str:
    """All rules of text in their order, in lower case; `""` for a missing text."""
    if not text:
        return ""
    return collapsed(without_punctuation(without_urls(without_tags(without_entities(without_videos(text))))).lower())


def plain_text(text: str | None) -> str:
    """A title or description as a person reads it: entities and tags resolved, case and punctuation kept."""
    if not text:
        return ""
    return collapsed(without_tags(without_entities(text)).replace("\x00", ""))


def plain_texts(texts: list[str] | None) -> list[str] | None:
    """`plain_text` of each, without those that it empties."""
    return None if texts is None else [plain for plain in map(plain_text, texts) if plain]


_COUNT = re.compile(r"\d{1,3}(,\d{3})+|\d{1,18}", re.ASCII)
_PRICE = re.compile(r"\$?\s*(\d{1,3}(?:,\d{3})+|\d{1,9})(\.\d{1,4})?", re.ASCII)


def count(value: Any) -> int | None:
    """A count written for people as a number: `"1,341"` -> 1341; None where it is none."""
    text = str(value).strip(" ") if type(value) in (str, int) else ""
    return int(text.replace(",", "")) if len(text) <= 23 and _COUNT.fullmatch(text) else None


def price(value: Any) -> float | None:
    """A price in dollars: `"$1,250.00"` -> 1250.0, `"19.99"` and 19.99 -> 19.99; None for junk, ranges and nothing."""
    if type(value) in (int, float):
        return float(value) if 0 <= value < MOST_EXPENSIVE else None
    parts = _PRICE.fullmatch(value.strip(" ")) if type(value) is str and len(value) < 40 else None
    return float(parts[1].replace(",", "") + (parts[2] or "")) if parts else None


MOST_EXPENSIVE = 1e9
"""Dollars from which a price is none."""


def junk_price(value: Any) -> bool:
    """Whether something stands where a price should, and is none."""
    return value is not None and value != "" and price(value) is None


MICROSECONDS = 1_000_000
"""In a second: Arrow, Spark and MongoDB's driver count a time in them."""


def whole_seconds(value: int, unit: str) -> int:
    """A number of `unit` (`seconds` or `milliseconds`) since 1970 UTC as whole seconds."""
    return value if unit == "seconds" else value // 1_000


_NAME_EDGES = re.compile(r"^[\s$]+|[\s:]+$|\x00")


def attributes(values: dict[str, Any] | None) -> dict[str, str | None] | None:
    """Names without colons, line breaks and spaces around them: `{"Size:": " 7.0 oz"}` -> `{"Size": "7.0 oz"}`.

    MongoDB takes no NUL in a name, and a leading $ as an operator. Of names that clean to one, the last stays; a value that
    is no text becomes its JSON.
    """
    if values is None:
        return None
    named = ((collapsed(_NAME_EDGES.sub("", name)), value) for name, value in values.items())
    return {name: _text(value) for name, value in named if name}


def _text(value: Any) -> str | None:
    if value is None or type(value) is str:
        return value and value.strip(" ")
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def address(image: Any, *fields: str) -> str | None:
    """The first of `fields` that is a text in the object `image`; None where none is."""
    values = (image.get(name) for name in fields) if isinstance(image, dict) else ()
    return next((url for url in values if type(url) is str), None)
