"""Rules of text, each by itself and all together."""

from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tidemark.landing import cleaning


@pytest.mark.parametrize(
    ("rule", "given_text", "expected"),
    [
        (cleaning.without_videos, "[[VIDEOID:mo3K7UZJ2XW]] Nice", "  Nice"),
        (cleaning.without_videos, "[[ASIN:B0 a thing]]", "[[ASIN:B0 a thing]]"),
        (cleaning.without_entities, "5&#34; &amp; up", '5" & up'),
        (cleaning.without_entities, "&amp;#34;quoted&amp;#34;", '"quoted"'),
        (cleaning.without_tags, "good<br />stuff", "good stuff"),
        (cleaning.without_tags, "a < b and c > d", "a < b and c > d"),
        (cleaning.without_tags, "x<script>alert(1)</script>y<!-- z -->", "x y "),
        (cleaning.without_urls, "see http://x.com/a?b now", "see   now"),
        (cleaning.without_urls, "at WWW.example.com", "at  "),
        (cleaning.without_urls, "and/or: this", "and/or: this"),
        (cleaning.without_punctuation, "don't stop!", "dont stop "),
        (cleaning.without_punctuation, "a\x00b_c\u200d\U0001f600", "a b c "),
        (cleaning.collapsed, "  a \n\t b ", "a b"),
        (cleaning.plain_text, "Ben &amp; Jerry&#39;s <b>Best</b>", "Ben & Jerry's Best"),
    ],
)
def test_a_rule(rule: Callable[[str], str], given_text: str, expected: str) -> None:
    assert rule(given_text) == expected


@pytest.mark.parametrize(
    ("given_text", "expected"),
    [
        (None, ""),
        ("", ""),
        ("5&#34; &amp; fits <b>anywhere</b>!<br />See http://e.com/x?y=1.", "5 fits anywhere see"),
        ("[[VIDEOID:abc]]GREAT\nBuy", "great buy"),
        ("Caf\u00e9 \u0928\u092e\u0938\u094d\u0924\u0947", "caf\u00e9 \u0928\u092e\u0938\u094d\u0924\u0947"),
    ],
)
def test_all_rules_together(given_text: str | None, expected: str) -> None:
    assert cleaning.clean_text(given_text) == expected


PIECES = [
    "<b>",
    "</",
    "&amp;",
    "&lt;",
    "&#60;",
    "&",
    "amp;",
    "http://",
    "www.",
    "[[VIDEO",
    "]]",
    "'",
    "\u0130",
    "\u03a3",
    " ",
    "\x00",
]


@given(st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=8)), max_size=12).map("".join))
@example("&amp;lt;b&amp;gt;")
@example("\u0130\u03a3 \u1e9e")
def test_cleaning_twice_changes_nothing(text: str) -> None:
    once = cleaning.clean_text(text)
    assert cleaning.clean_text(once) == once


@given(st.text())
def test_clean_text_has_no_capitals_punctuation_or_double_spaces(text: str) -> None:
    cleaned = cleaning.clean_text(text)
    assert cleaned == cleaned.lower() == " ".join(cleaned.split())
    assert not set(cleaned) & set("<>&;:/!?.,'\"()[]")


@pytest.mark.parametrize(
    ("given_count", "expected"),
    [("1,341", 1341), ("7", 7), (" 12 ", 12), (7, 7)]
    + [(odd, None) for odd in ("", None, "1,34", "x", "9" * 30, True, -1, 1.5, [], "\u0661")],
)
def test_counts_are_numbers_or_nothing(given_count: object, expected: int | None) -> None:
    assert cleaning.count(given_count) == expected


@pytest.mark.parametrize(
    ("given_price", "expected", "junk"),
    [("$1,250.00", 1250.0, False), ("$4.99", 4.99, False), ("19.99", 19.99, False), (" $ 5 ", 5.0, False)]
    + [(9.5, 9.5, False), (0, 0.0, False), ("", None, False), (None, None, False), ("   ", None, True)]
    + [
        (text, None, True)
        for text in ("$4.99 - $12.49", ".a{b:c}", "-5", "$1,25.00", "NaN", "9" * 40, -1, 1e300, [], True)
    ],
)
def test_prices_are_numbers_or_junk_or_nothing(given_price: object, expected: float | None, junk: bool) -> None:
    assert (cleaning.price(given_price), cleaning.junk_price(given_price)) == (expected, junk)


def test_times_are_whole_seconds() -> None:
    assert cleaning.whole_seconds(1_393_545_600, "seconds") == 1_393_545_600
    assert cleaning.whole_seconds(1_393_545_600_999, "milliseconds") == 1_393_545_600


def test_attribute_names_are_cleaned() -> None:
    given_values = {"Size:": " 7 oz", "\n  Item\n Weight: \n": "1", "$x": 7, "a\x00b": {"c": 1}, ":": "gone", "n": None}
    cleaned = {"Size": "7 oz", "Item Weight": "1", "x": "7", "ab": '{"c":1}', "n": None}
    assert cleaning.attributes(given_values) == cleaned
    assert cleaning.attributes(None) is None
    assert cleaning.attributes({"Size": "old", "Size:": " 7 oz"}) == {"Size": "7 oz"}


def test_an_address_is_the_first_text() -> None:
    assert cleaning.address({"hi_res": None, "large": "l"}, "hi_res", "large") == "l"
    assert cleaning.address("l", "large") is None
