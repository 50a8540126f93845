"""Bad rows are kept with their reasons, bad sets stop the load; each as a person would meet it."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import profiling
from tests.support.loading import contents, run_load
from tidemark.errors import GateError
from tidemark.reviews import load, releases
from tidemark.settings import Settings
from tidemark.storage import mongo

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

NOON = 1_400_000_000
GOOD = [
    {
        "reviewerID": f"A{i}",
        "asin": f"B{i % 7}",
        "overall": 1.0 + i % 5,
        "verified": True,
        "unixReviewTime": NOON + i * 86_400,
    }
    for i in range(200)
]


def _line(**changes: Any) -> bytes:
    return json.dumps({k: v for k, v in (GOOD[0] | changes).items() if v is not ...}).encode()


BAD = {
    _line(overall=0): "overall: too small",
    _line(overall=6): "overall: too large",
    _line(overall="five"): "overall: of another type",
    _line().replace(b"1.0", b"NaN"): "record: not JSON",
    _line(unixReviewTime=700_000_000): "unixReviewTime: before 1995 or in the future",
    _line(unixReviewTime=4_102_444_800): "unixReviewTime: before 1995 or in the future",
    _line(reviewerID=...): "reviewerID: missing",
    _line(asin=None): "asin: missing",
    _line(reviewerID="a:b"): "reviewerID: has characters that are not allowed",
    _line(asin="a b"): "asin: has characters that are not allowed",
    _line(reviewerID="x" * 10_240): "reviewerID: too long",
    _line(reviewerID="nul\x00"): "reviewerID: has characters that are not allowed",
    b'{"raw nul": "\x00"}': "record: not JSON",
    b"not json": "record: not JSON",
    b'{"name": "J\xe9r\xf4me"}': "record: not UTF-8",
    _line(reviewText="x" * 17_000_000): "record: too long",
}
"""Lines, and the reason that each is refused for."""


def test_bad_rows_are_kept_whole_with_their_reasons(
    load_spark: "SparkSession", mongo_db: Settings, tmp_path: Path
) -> None:
    kept = [json.dumps(row).encode() for row in GOOD]
    kept += [_line(reviewText="word " * 209_716), _line(asin="B1", reviewText="with a \x00 in it", style={"\x00": "x"})]
    path = tmp_path / "reviews.json"
    path.write_bytes(b"\n".join([*kept, *BAD, b"not json", kept[5]]))
    outcome = run_load(load_spark, tmp_path, str(path))
    counts = outcome["reviews"]
    assert counts["read"] == len(kept) + len(BAD) + 2
    assert counts["rejected"] == len(BAD) + 1
    assert counts["duplicates"] == 2  # the first good row gives way to its longer twin
    assert counts["read"] == counts["stored"] + counts["duplicates"] + counts["rejected"]
    assert set(counts["rejected_by_reason"]) == set(BAD.values())

    db = mongo.connect()
    assert db["reviews"].count_documents({}) == db["interactions"].count_documents({}) == counts["stored"]
    (long,) = db["reviews"].find({"user_id": "A0", "item_id": "B0"})
    assert len(long["text"]) == 1_048_580
    rejects = list(db["rejects"].find())
    assert sum(reject["copies"] for reject in rejects) == counts["rejected"]
    whole = {reject["raw"].encode() for reject in rejects if reject["raw"] is not None and not reject["cut"]}
    assert whole == {line for line in BAD if len(line) < 1_000_000 and b"\xe9" not in line}
    (cut,) = [reject for reject in rejects if reject["cut"]]
    assert cut["raw_bytes"] > 17_000_000
    assert all(reject["reasons"] and reject["load"] == outcome["load"] for reject in rejects)

    before = contents(db)
    run_load(load_spark, tmp_path / "again", str(path))
    assert contents(db) == before


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([row | {"reviewerID": "A1"} for row in GOOD], "all reviews are of one user"),
        ([row | {"asin": "B1"} for row in GOOD], "all reviews are of one item"),
        (
            [row | ({"overall": 9} if i % 3 == 0 else {}) for i, row in enumerate(GOOD)],
            "a fifth of the rows were rejected",
        ),
        ([row | {"overall": 9} for row in GOOD], "no valid review was left"),
    ],
)
def test_a_bad_set_fails_its_gate_and_nothing_is_loaded(
    load_spark: "SparkSession", mongo_db: Settings, tmp_path: Path, rows: list[dict[str, Any]], message: str
) -> None:
    path = tmp_path / "reviews.json"
    path.write_text("\n".join(json.dumps(row) for row in rows))
    plan = load.Plan(releases.land(str(path), "reviews", "auto", str(tmp_path)), None, str(tmp_path / "staged"))
    with pytest.raises(GateError, match=message):
        load.validate(load_spark, plan, str(tmp_path / "docs"))
    assert (tmp_path / "docs" / "index.html").is_file()
    assert profiling.collections(mongo.connect()) == []
