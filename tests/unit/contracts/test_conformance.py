"""Lines of JSON against contracts: the quick check never disagrees with `jsonschema`, and what conforms can be made."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemark.contracts import conformance, schemas
from tidemark.landing import rows
from tidemark.reviews import products, reviews

GOOD: dict[str, Any] = {
    "reviewerID": "A1",
    "asin": "B1",
    "overall": 5.0,
    "unixReviewTime": 1_400_000_000,
    "reviewText": "Fine",
    "image": ["https://example.com/1.jpg"],
    "style": {"Size:": " 7 oz"},
    "verified": True,
    "vote": "1,341",
    "summary": "Five Stars",
}
IDS = [
    "A1",
    "1384719342",
    "",
    "a:b",
    "a b",
    "a\u00a0b",
    "a\n",
    "\u2028",
    "caf\u00e9",
    "x" * 128,
    "x" * 129,
    "true",
    "[]",
    "\x7f",
]
ODD: list[Any] = [
    None,
    True,
    0,
    1,
    5,
    6,
    4.5,
    0.99,
    5.01,
    -1,
    1e400,
    2**63,
    -(2**63),
    10**30,
    788_918_399,
    788_918_400,
    1_400_000_000,
    1_400_000_000.0,
    1_400_000_000_000,
    4_102_444_800,
    "five",
    "5",
    "NaN",
    "",
    [],
    [1],
    ["a", None],
    ["a", "b"],
    [[]],
    {},
    {"a": {"b": 1}},
    {"reviewText": "x"},
    "\ud800",
    "\u0000",
    "[[VIDEOID:1]]",
    "{x}",
    *IDS,
]
WHOLE = [
    b"null",
    b"[]",
    b"5",
    b'"text"',
    b"{}",
    b"{",
    b"{'reviewerID': 'A1'}",
    b"not json",
    b"\xff\xfe\x00",
    b'{"reviewerID": "A\xff", "asin": "B1", "overall": 5, "unixReviewTime": 1400000000}',
    b'{"reviewerID": "A\x00", "asin": "B1", "overall": 5, "unixReviewTime": 1400000000}',
    b'{"reviewerID": "A1", "asin": "B1", "overall": NaN, "unixReviewTime": 1400000000}',
    b'{"reviewerID": "A1", "asin": "B1", "overall": -Infinity, "unixReviewTime": 1400000000}',
    b'{"reviewerID": "A1", "asin": "B1", "overall": 05, "unixReviewTime": 1400000000}',
    b'{"reviewerID": "A1", "reviewerID": "a b", "asin": "B1", "overall": 5, "unixReviewTime": 1400000000}',
    b'{"reviewerID": "a b", "reviewerID": "A1", "asin": "B1", "overall": 5, "unixReviewTime": 1400000000}',
    b'{"reviewText": ' + b"[" * 3_000 + b"]" * 3_000 + b"}",
]
FIELDS = [*GOOD, "unknown"]

good_line = st.just(json.dumps(GOOD).encode())
changed = st.dictionaries(st.sampled_from(FIELDS), st.sampled_from(ODD), min_size=1, max_size=2)
dropped = st.sets(st.sampled_from(FIELDS), max_size=1)


def _changed(changes: dict[str, Any], without: set[str]) -> bytes:
    return json.dumps({k: v for k, v in (GOOD | changes).items() if k not in without}).encode()


line = st.one_of(
    st.builds(_changed, changed, dropped),
    st.sampled_from(WHOLE),
    st.builds(bytes.__add__, good_line, st.sampled_from([b" ", b"\r", b" x", b"}", b",", b" {}", b'{"a": 1}', b"]"])),
    st.builds(lambda whole, n: whole[:n], good_line, st.integers(1, 200)),
)


RELEASES: dict[str, tuple[dict[str, Any], str, Callable[[dict[str, Any]], dict[str, Any]]]] = {
    "amazon_reviews_2014": (
        {k: GOOD[k] for k in ("reviewerID", "asin", "overall", "unixReviewTime")} | {"helpful": [0, 1]},
        "review",
        reviews.maker("2014"),
    ),
    "amazon_reviews_2018": (GOOD, "review", reviews.maker("2018")),
    "amazon_reviews_2023": (
        {"user_id": "A", "parent_asin": "B", "rating": 5, "timestamp": 1_400_000_000_000},
        "review",
        reviews.maker("2023"),
    ),
    "amazon_products_2018": ({"asin": "B1"}, "product", products.maker("2018")),
    "amazon_products_2023": ({"parent_asin": "B1"}, "product", products.maker("2023")),
}


def _by_jsonschema(contract: str, record: Any) -> list[Any]:
    return list(conformance._validator(contract).iter_errors(record))


@given(line)
def test_the_quick_check_says_yes_only_where_jsonschema_does(line: bytes) -> None:
    record, found = conformance.read_line("amazon_reviews_2018", line)
    if not found:
        assert _by_jsonschema("amazon_reviews_2018", record) == []
        assert isinstance(record, dict)


@pytest.mark.parametrize("contract", RELEASES)
def test_each_odd_value_in_each_field_of_each_release(contract: str) -> None:
    good, kind, make = RELEASES[contract]
    defaults = {k: v["default"] for k, v in schemas.schema(kind)["properties"].items() if "default" in v}
    made = 0
    for field in schemas.fields(contract):
        for value in ODD:
            record = good | {field: value}
            assert bool(conformance.differences(contract, record)) == bool(_by_jsonschema(contract, record))
            read, found = rows.read(contract, json.dumps(record).encode())
            if not found:
                given = {k: v for k, v in make(read).items() if v is not None and k not in ("junk_price", "timestamp")}
                required = {"timestamp": "2014-05-13T16:53:20Z"} if kind == "review" else {}
                assert conformance.reasons(kind, defaults | given | required) == [], (field, value)
                json.dumps(given, ensure_ascii=False).encode()  # no half surrogate is left
                made += 1
    assert made > len(ODD)


def test_a_good_record_is_known_at_once() -> None:
    for contract, (good, _, _) in RELEASES.items():
        assert conformance.quick_check(contract)(good), contract


def test_what_the_quick_check_does_not_know_is_left_to_jsonschema() -> None:
    assert conformance._checks({"type": "string", "format": "date-time"}, {}) == {}
    assert conformance._checks({"multipleOf": 2}, {}) == {}


def test_half_a_surrogate_pair_becomes_a_question_mark_but_not_in_an_id() -> None:
    text = json.dumps(GOOD | {"reviewText": "a\ud800b"}).encode()
    assert rows.read("amazon_reviews_2018", text)[0]["reviewText"] == "a?b"
    _, (found,) = rows.read("amazon_reviews_2018", json.dumps(GOOD | {"asin": "a\ud800b"}).encode())
    assert found.text == "asin: holds half of a surrogate pair"
    whole = rows.read("amazon_reviews_2018", json.dumps(GOOD | {"reviewText": "\U0001f600"}).encode())
    assert whole[0]["reviewText"] == "\U0001f600"
