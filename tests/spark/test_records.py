"""Lines against contracts: Spark refuses exactly what the record check refuses, for the same reasons."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tidemark import contracts, loads, records

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.fixture(scope="module")
def load_spark(spark: "SparkSession") -> "SparkSession":
    """The session of the tests with the settings of a load."""
    for key, value in loads.SESSION.items():
        spark.conf.set(key, value)
    return spark


def _verdicts(spark: "SparkSession", path: Path, contract: str) -> dict[bytes, list[str] | None]:
    parsed = records.parse(records.lines(spark, [str(path)], 2), contract)
    rows = parsed.selectExpr("CAST(raw AS BINARY) AS raw", "verdict.texts AS texts").collect()
    return {bytes(row["raw"]): row["texts"] for row in rows}


def _differing(contract: str, verdicts: dict[bytes, list[str] | None]) -> list[Any]:
    """Lines on which Spark and the record check do not agree, with what each said."""
    out = []
    for raw, texts in verdicts.items():
        expected = [d.text.encode("utf-8", "replace").decode() for d in contracts.line_differences(contract, raw)]
        if (texts or []) != expected:
            out.append((raw[:300], texts, expected))
    return out


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


@given(st.lists(line, min_size=150, max_size=300, unique=True))
@settings(
    max_examples=6,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # each example is a Spark job: no shrinking
)
def test_spark_and_the_record_check_refuse_the_same(
    load_spark: "SparkSession", tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]
) -> None:
    path = tmp_path_factory.mktemp("lines") / "lines.json"
    path.write_bytes(b"\n".join(lines))
    verdicts = _verdicts(load_spark, path, "amazon_reviews_2018")
    assert set(verdicts) == {x for x in lines if x.strip(b" \t\r")}
    assert _differing("amazon_reviews_2018", verdicts) == []


def test_each_odd_value_in_each_field_of_each_release(load_spark: "SparkSession", tmp_path: Path) -> None:
    goods = {
        "amazon_reviews_2014": {k: GOOD[k] for k in ("reviewerID", "asin", "overall", "unixReviewTime")}
        | {"helpful": [0, 1]},
        "amazon_reviews_2018": GOOD,
        "amazon_reviews_2023": {"user_id": "A", "parent_asin": "B", "rating": 5, "timestamp": 1_400_000_000_000},
        "amazon_products_2018": {"asin": "B1"},
        "amazon_products_2023": {"parent_asin": "B1"},
    }
    for contract, good in goods.items():
        lines = {json.dumps(good | {field: value}).encode() for field in contracts.fields(contract) for value in ODD}
        path = tmp_path / f"{contract}.json"
        path.write_bytes(b"\n".join(sorted(lines)))
        verdicts = _verdicts(load_spark, path, contract)
        assert set(verdicts) == lines
        assert _differing(contract, verdicts) == []


def test_a_byte_order_mark_blank_lines_and_carriage_returns_are_no_records(
    load_spark: "SparkSession", tmp_path: Path
) -> None:
    raw = json.dumps(GOOD).encode()
    path = tmp_path / "windows.json"
    path.write_bytes(b"\xef\xbb\xbf" + raw + b"\r\n\r\n   \n" + raw.replace(b"Fine", b"a\\rb") + b"\r\n")
    verdicts = _verdicts(load_spark, path, "amazon_reviews_2018")
    assert len(verdicts) == 2
    assert set(verdicts.values()) == {None}


def test_rejects_are_kept_whole_and_alike_ones_counted(load_spark: "SparkSession", tmp_path: Path) -> None:
    path = tmp_path / "lines.json"
    path.write_bytes(b"not json\nnot json\n\xff\xfe\n" + b"x" * 13_000_000 + b"\n" + json.dumps(GOOD).encode())
    parsed = records.parse(records.lines(load_spark, [str(path)], 2), "amazon_reviews_2018")
    staged = parsed.selectExpr("CAST(raw AS BINARY) AS raw", "file", "verdict.texts AS texts")
    kept = {row["raw_bytes"]: row for row in records.rejects(staged, "review", "a load").collect()}
    assert sorted(kept) == [2, 8, 13_000_000]
    assert (kept[8]["raw"], kept[8]["copies"], kept[8]["cut"]) == ("not json", 2, False)
    assert (kept[2]["raw"], kept[2]["raw_base64"], kept[2]["reasons"]) == (
        None,
        "//4=",
        ["record: not UTF-8 at byte 0"],
    )
    assert kept[13_000_000]["cut"]
    assert len(kept[13_000_000]["raw"]) >= 3_000_000
    assert "more than 6,000,000" in kept[13_000_000]["reasons"][0]
    contracts.require_columns(
        "reject", records.rejects(staged, "review", "x").select(*contracts.fields("reject")).schema
    )
