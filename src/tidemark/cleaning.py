"""Cleaning: each rule one named function. Rules of text work on Python strings; the others are Spark columns.

`clean_text` is idempotent, and stands beside the untouched original, never in its place.
"""

import html
import re
import sys
import unicodedata
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import Column

_VIDEO = re.compile(r"\[\[VIDEO[^\]]*\]\]", re.IGNORECASE)
_TAG = re.compile(r"<!--.*?-->|<(script|style)\b.*?</\1\s*>|</?[a-zA-Z][^<>]*>", re.DOTALL | re.IGNORECASE)
_URL = re.compile(r"(?:\b[a-z][a-z0-9+.-]*://|\bwww\.)[^\s<>\"']+", re.IGNORECASE)
ILLEGAL_IN_XML = "[^\\t\\n\\r\\u0020-\\uD7FF\\uE000-\\uFFFD\\U00010000-\\U0010FFFF]"
"""What no XML 1.0 document may hold, escaped or not (its section 2.2): a pattern of `re`."""

_ILLEGAL_IN_XML = re.compile(ILLEGAL_IN_XML)
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


def without_illegal_in_xml(text: str) -> str:
    """With the replacement character U+FFFD for each character that XML 1.0 cannot hold."""
    return _ILLEGAL_IN_XML.sub("\ufffd", text)


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


def collapsed(text: str) -> str:
    """With single spaces between words and none around them."""
    return " ".join(text.split())


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


def text_rule(rule: Any) -> Any:
    """A rule of text as a Spark function of a string column."""
    import pyarrow as pa
    from pyspark.sql.pandas.functions import arrow_udf
    from pyspark.sql.types import StringType

    @arrow_udf(StringType())  # type: ignore[call-overload]
    def apply(texts: pa.Array) -> pa.Array:
        return pa.array([rule(text) for text in texts.to_pylist()], pa.string())

    return apply


def text_list_rule(rule: Any) -> Any:
    """A rule of text as a Spark function of a column of lists of strings; texts that it empties are left out."""
    import pyarrow as pa
    from pyspark.sql.pandas.functions import arrow_udf
    from pyspark.sql.types import ArrayType, StringType

    @arrow_udf(ArrayType(StringType()))  # type: ignore[call-overload]
    def apply(lists: pa.Array) -> pa.Array:
        ruled = [None if texts is None else [rule(text) for text in texts] for texts in lists.to_pylist()]
        kept = [None if texts is None else [text for text in texts if text] for texts in ruled]
        return pa.array(kept, pa.list_(pa.string()))

    return apply


def count(column: "Column") -> "Column":
    """A count written for people as a number: `"1,341"` -> 1341; null where it is none."""
    from pyspark.sql import functions as f

    plain = f.when(f.trim(column).rlike(r"^\d{1,3}(,\d{3})+$|^\d+$"), f.regexp_replace(f.trim(column), ",", ""))
    return plain.try_cast("bigint")


def price(column: "Column") -> "Column":
    """A price in dollars: `"$1,250.00"` -> 1250.0, `"19.99"` -> 19.99; null for junk, ranges and nothing."""
    from pyspark.sql import functions as f

    trimmed = f.trim(column)
    plain = f.when(
        trimmed.rlike(r"^\$?\s*(\d{1,3}(,\d{3})+|\d{1,9})(\.\d{1,4})?$"), f.regexp_replace(trimmed, r"[$,\s]", "")
    )
    return plain.try_cast("double")


def junk_price(column: "Column") -> "Column":
    """Whether something stands where a price should, and is none."""
    from pyspark.sql import functions as f

    return f.coalesce((f.length(column) > 0) & price(column).isNull(), f.lit(False))


def utc(column: "Column", unit: str) -> "Column":
    """A number of `unit` (`seconds` or `milliseconds`) since 1970 as a UTC time of whole seconds."""
    from pyspark.sql import functions as f

    return f.timestamp_seconds(whole_seconds(column, unit))


def whole_seconds(column: "Column", unit: str) -> "Column":
    """A number of `unit` since 1970 as whole seconds."""
    from pyspark.sql import functions as f

    return column if unit == "seconds" else f.floor(column / 1000)


def attributes(column: "Column") -> "Column":
    """Names without colons, line breaks and spaces around them: `{"Size:": " 7.0 oz"}` -> `{"Size": "7.0 oz"}`."""
    from pyspark.sql import functions as f

    def name(key: "Column") -> "Column":  # MongoDB takes no NUL in a name, and a leading $ as an operator
        return f.regexp_replace(f.regexp_replace(key, r"^[\s$]+|[\s:]+$|\x00", ""), r"\s+", " ")

    entries = f.filter(f.map_entries(column), lambda e: f.length(name(e["key"])) > 0)
    pairs = f.transform(entries, lambda e: f.struct(name(e["key"]).alias("key"), f.trim(e["value"]).alias("value")))
    return f.map_from_entries(pairs)


def filled(column: "Column", default: Any) -> "Column":
    """With what the contract gives for a missing value."""
    from pyspark.sql import functions as f

    if default is None:
        return column
    return f.coalesce(column, f.array().cast("array<string>") if default == [] else f.lit(default))
