"""Contracts: what a record may look like, told by one file."""

import json
import time
from typing import Any

import pytest

from tidemark.contracts import conformance, schemas
from tidemark.errors import ContractError

GOOD: dict[str, Any] = {"reviewerID": "A1", "asin": "B1", "overall": 5.0, "unixReviewTime": 1_400_000_000}


def _line(**changes: Any) -> bytes:
    return json.dumps({k: v for k, v in (GOOD | changes).items() if v is not ...}).encode()


def _kinds(line: bytes, name: str = "amazon_reviews_2018") -> list[str]:
    return [d.kind for d in conformance.read_line(name, line)[1]]


def test_a_good_line_has_no_differences() -> None:
    assert conformance.read_line("amazon_reviews_2018", _line())[1] == []


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"overall": 0.0}, "overall: too small"),
        ({"overall": 6}, "overall: too large"),
        ({"overall": "five"}, "overall: of another type"),
        ({"overall": None}, "overall: missing"),
        ({"overall": ...}, "overall: missing"),
        ({"unixReviewTime": 700_000_000}, "unixReviewTime: before 1995 or in the future"),
        ({"unixReviewTime": 4_102_444_800}, "unixReviewTime: before 1995 or in the future"),
        ({"unixReviewTime": 1_400_000_000_000}, "unixReviewTime: before 1995 or in the future"),
        ({"unixReviewTime": 1_400_000_000.0}, "unixReviewTime: of another type"),
        ({"reviewerID": ...}, "reviewerID: missing"),
        ({"reviewerID": ""}, "reviewerID: empty"),
        ({"reviewerID": "a:b"}, "reviewerID: has characters that are not allowed"),
        ({"reviewerID": "a b"}, "reviewerID: has characters that are not allowed"),
        ({"reviewerID": "ab\n"}, "reviewerID: has characters that are not allowed"),
        ({"reviewerID": "a\x00b"}, "reviewerID: has characters that are not allowed"),
        ({"asin": "x" * 10_000}, "asin: too long"),
        ({"asin": 1_384_719_342}, "asin: of another type"),
        ({"reviewText": "x" * 6_000_001}, "record: too long"),
    ],
)
def test_what_is_wrong_is_said(changes: dict[str, Any], kind: str) -> None:
    assert kind in _kinds(_line(**changes))


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (b"not json", "record: not JSON"),
        (_line() + b" x", "record: not JSON"),
        (b'{"overall": NaN}', "record: not JSON"),
        (b'{"a": "\x00"}', "record: not JSON"),
        (b"[" * 100_000, "record: not JSON"),
        (b'{"a": "\xff"}', "record: not UTF-8"),
        (b"[1]", "record: of another type"),
    ],
)
def test_a_line_that_is_no_record(line: bytes, kind: str) -> None:
    assert _kinds(line)[0] == kind


def test_a_long_value_does_not_hide_what_is_wrong_with_it() -> None:
    ((difference,)) = conformance.read_line("amazon_reviews_2018", _line(asin="x" * 10_000))[1]
    assert "too long" in difference.text
    assert len(difference.text) < 300


def test_a_text_of_one_megabyte_is_kept() -> None:
    assert _kinds(_line(reviewText="x" * 1_048_576)) == []


def test_milliseconds_are_told_by_the_contract() -> None:
    record = {"user_id": "A1", "parent_asin": "B1", "rating": 5, "timestamp": 1_588_687_728_923}
    assert conformance.reasons("amazon_reviews_2023", record) == []
    record["timestamp"] //= 1000
    assert "before 1995" in conformance.reasons("amazon_reviews_2023", record)[0]


def test_a_clock_may_be_a_day_ahead() -> None:
    assert _kinds(_line(unixReviewTime=int(time.time()) + 3_600)) == []


@pytest.mark.parametrize("name", schemas.names("amazon_"))
def test_optional_fields_of_the_releases_may_be_null(name: str) -> None:
    whole = schemas.schema(name)
    for field, node in whole["properties"].items():
        if field not in whole["required"]:
            assert "type" not in node or "null" in node["type"], field


@pytest.mark.parametrize("name", schemas.names())
def test_every_contract_gives_a_spark_type_and_a_validator(name: str) -> None:
    assert schemas.spark_type(name).names == schemas.fields(name)
    assert schemas.mongo_validator(name)["$jsonSchema"]["bsonType"] == ["object"]


def test_an_unknown_contract_is_named_with_the_known_ones() -> None:
    with pytest.raises(ContractError, match="amazon_reviews_2014"):
        schemas.schema("amazon_reviews_1914")
