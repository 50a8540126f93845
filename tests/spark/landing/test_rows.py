"""Files of lines in Spark: what is a line, what became of each, and how rejects are kept."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tidemark.contracts import schemas
from tidemark.landing import rows as records
from tidemark.reviews import reviews

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

GOOD: dict[str, Any] = {
    "reviewerID": "A1",
    "asin": "B1",
    "overall": 5.0,
    "unixReviewTime": 1_400_000_000,
    "reviewText": "Fine",
}


def test_each_line_is_one_row_with_its_verdict(load_spark: "SparkSession", tmp_path: Path) -> None:
    lines = [json.dumps(GOOD | {"asin": f"B{n}", "overall": n % 7}).encode() for n in range(300)]
    lines += [b"not json", b'{"asin": "\xff"}', b"[1]"]
    (tmp_path / "lines.json").write_bytes(b"\n".join(lines))
    staged = reviews.stage(records.lines(load_spark, [str(tmp_path / "lines.json")], 2), "2018")
    assert staged.select(*schemas.fields("review")).schema == schemas.spark_type("review")
    rows = staged.collect()
    assert len(rows) == 303
    assert len({row["row"] for row in rows}) == len({row["line_hash"] for row in rows}) == 303
    kinds = {bytes(row["raw"]): row["kinds"] for row in rows if row["kinds"]}
    assert set(kinds) == {line for n, line in enumerate(lines) if n >= 300 or n % 7 in (0, 6)}
    assert {tuple(kind) for kind in kinds.values()} == {
        ("overall: too small",),
        ("overall: too large",),
        ("record: not JSON",),
        ("record: not UTF-8",),
        ("record: of another type",),
    }
    assert all(row["raw"] is None and row["_id"].startswith("A1:B") for row in rows if not row["kinds"])


def test_a_byte_order_mark_blank_lines_and_carriage_returns_are_no_records(
    load_spark: "SparkSession", tmp_path: Path
) -> None:
    raw = json.dumps(GOOD).encode()
    path = tmp_path / "windows.json"
    path.write_bytes(b"\xef\xbb\xbf" + raw + b"\r\n\r\n   \n" + raw.replace(b"Fine", b"a\\rb") + b"\r\n")
    rows = reviews.stage(records.lines(load_spark, [str(path)], 2), "2018").collect()
    assert sorted((row["texts"], row["text"]) for row in rows) == [(None, "Fine"), (None, "a\rb")]


def test_rejects_are_kept_whole_and_alike_ones_counted(load_spark: "SparkSession", tmp_path: Path) -> None:
    path = tmp_path / "lines.json"
    path.write_bytes(b"not json\nnot json\n\xff\xfe\n" + b"x" * 13_000_000 + b"\n" + json.dumps(GOOD).encode())
    staged = reviews.stage(records.lines(load_spark, [str(path)], 2), "2018").localCheckpoint()
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
    schemas.require_columns("reject", records.rejects(staged, "review", "x").select(*schemas.fields("reject")).schema)
