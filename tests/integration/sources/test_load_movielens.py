"""Real MovieLens files into a real MongoDB, in every format that is taken: counts to the row, the same documents."""

import bz2
import csv
import gzip
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from tests.support.own_sources import contents, planned, run_source
from tidemark.settings import Settings
from tidemark.sources import storing
from tidemark.storage import mongo

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ROWS = 3_000


@pytest.fixture(scope="module")
def ratings(shared_data: Path) -> Path:
    return shared_data / "movielens" / "ratings.csv"


@pytest.fixture(scope="module")
def rows(ratings: Path) -> list[list[str]]:
    """The header and the first rows."""
    with ratings.open() as stream:
        return [row for row, _ in zip(csv.reader(stream), range(ROWS + 1), strict=False)]


def _table(rows: list[list[str]], separator: str = ",", end: str = "\n") -> bytes:
    return "".join(separator.join(row) + end for row in rows).encode()


def _records(rows: list[list[str]]) -> list[dict[str, Any]]:
    return [{"userId": int(u), "movieId": int(m), "rating": float(r), "timestamp": int(t)} for u, m, r, t in rows[1:]]


def _json(rows: list[list[str]]) -> bytes:
    return "".join(json.dumps(record) + "\n" for record in _records(rows)).encode()


def _zstd(data: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as packed:
        packed.write(data)
    return sink.getvalue().to_pybytes()


def _parquet(rows: list[list[str]], path: Path, **more: Any) -> None:
    pd.DataFrame(_records(rows)).assign(**more).to_parquet(path)


FORMATS: dict[str, Callable[[list[list[str]], Path], Any]] = {
    "ratings.csv": lambda rows, path: path.write_bytes(_table(rows)),
    "crlf.csv": lambda rows, path: path.write_bytes(_table(rows, end="\r\n")),
    "returns.csv": lambda rows, path: path.write_bytes(_table(rows, end="\r")),
    "bom.csv": lambda rows, path: path.write_bytes(b"\xef\xbb\xbf" + _table(rows)),
    "utf16.csv": lambda rows, path: path.write_bytes(_table(rows).decode().encode("utf-16")),
    "semicolons.csv": lambda rows, path: path.write_bytes(_table(rows, ";")),
    "ratings.tsv": lambda rows, path: path.write_bytes(_table(rows, "\t")),
    "ratings.csv.gz": lambda rows, path: path.write_bytes(gzip.compress(_table(rows))),
    "ratings.csv.bz2": lambda rows, path: path.write_bytes(bz2.compress(_table(rows))),
    "ratings.csv.zst": lambda rows, path: path.write_bytes(_zstd(_table(rows))),
    "ratings.jsonl": lambda rows, path: path.write_bytes(_json(rows)),
    "ratings.json.gz": lambda rows, path: path.write_bytes(gzip.compress(_json(rows))),
    "ratings.parquet": _parquet,
    "nanoseconds.parquet": lambda rows, path: _parquet(
        rows, path, timestamp=np.array([int(row[3]) for row in rows[1:]], "datetime64[s]").astype("datetime64[ns]")
    ),
    "milliseconds.csv": lambda rows, path: path.write_bytes(
        _table([rows[0], *([*row[:3], row[3] + "123"] for row in rows[1:])])
    ),
    "iso.csv": lambda rows, path: path.write_bytes(
        _table([rows[0], *([*row[:3], datetime.fromtimestamp(int(row[3]), UTC).isoformat()] for row in rows[1:])])
    ),
}


def test_the_whole_file(source_spark: "SparkSession", mongo_db: Settings, tmp_path: Path, ratings: Path) -> None:
    outcome = run_source(source_spark, tmp_path, "interactions", ratings)
    counts = outcome["counts"]
    assert {name: counts[name] for name in ("read", "stored", "duplicates", "rejected")} == {
        "read": 100_004, "stored": 100_004, "duplicates": 0, "rejected": 0,
    }  # fmt: skip
    db = mongo.connect()
    assert db["interactions"].count_documents({}) == db["interaction_details"].count_documents({}) == 100_004
    assert len(db["interactions"].distinct("user_id")) == 671
    assert len(db["interactions"].distinct("item_id")) == 9_066
    key = "file:movielens:1260759144:1:31:"
    assert db["interactions"].find_one({"_id": key}) == {
        "_id": key,
        "user_id": "1",
        "item_id": "31",
        "rating": pytest.approx(1 + 4 * (2.5 - 0.5) / 4.5),
        "weight": 1.0,
        "timestamp": datetime(2009, 12, 14, 2, 52, 24, tzinfo=UTC),
        "source": "file",
    }
    assert db["interaction_details"].find_one({"_id": key}) == {
        "_id": key,
        "event_type": None,
        "extra": '{"rating":2.5,"scale":"0.5-5"}',
    }


def test_every_format_gives_the_same(source_spark: "SparkSession", tmp_path: Path, rows: list[list[str]]) -> None:
    seen = {}
    for name, write in FORMATS.items():
        path = tmp_path / name
        write(rows, path)
        plan = planned(tmp_path / f"run-{name}", "interactions", path, scale="0.5-5", name="same", preset="none")
        assert plan.landed.records == ROWS, name
        staged, duplicates = storing._stage(source_spark, plan)
        columns = ("_id", "user_id", "item_id", "rating", "weight", "timestamp", "extra", "kinds")
        assert duplicates.count() == 0, name
        seen[name] = sorted(map(tuple, staged.select(*columns).collect()))
    expected = seen.pop("ratings.csv")
    assert len(expected) == ROWS
    for name, staged_rows in seen.items():
        assert staged_rows == expected, name


def test_a_folder_and_a_pattern_are_one_source_and_two_sources_never_meet(
    source_spark: "SparkSession", mongo_db: Settings, tmp_path: Path, rows: list[list[str]]
) -> None:
    folder = tmp_path / "export"
    for day, part in (("1", rows[1:1_001]), ("2", rows[1_001:2_001])):
        (folder / f"dt={day}").mkdir(parents=True)
        (folder / f"dt={day}" / "part.csv").write_bytes(_table([rows[0], *part]))
    (folder / "_SUCCESS").touch()
    seen = []
    for number, source in enumerate((folder, folder / "dt=*" / "*.csv")):
        outcome = run_source(source_spark, tmp_path / str(number), "interactions", source, name="shop")
        assert outcome["counts"]["stored"] == 2_000
        seen.append(contents(mongo.connect()))
    for each in seen:
        assert [load.pop("source") for load in each["loads"]]
    assert seen[0] == seen[1]  # a second time nothing changes, whatever it was called
    db = mongo.connect()
    assert db["interactions"].count_documents({}) == 2_000
    run_source(source_spark, tmp_path / "other", "interactions", folder, name="another-shop")
    assert db["interactions"].count_documents({}) == 4_000
    assert sorted(load["name"] for load in db["loads"].find()) == ["another-shop", "shop"]


def test_titles_and_genres(source_spark: "SparkSession", mongo_db: Settings, tmp_path: Path, shared_data: Path) -> None:
    outcome = run_source(source_spark, tmp_path, "products", shared_data / "movielens" / "movies.csv")
    counts = outcome["counts"]
    assert (counts["read"], counts["stored"], counts["rejected"]) == (9_125, 9_125, 0)
    db = mongo.connect()
    film = db["products"].find_one({"_id": "11"})
    assert film is not None
    assert film["title"] == "American President, The (1995)"  # a quoted comma
    assert (film["main_category"], film["categories"]) == ("Comedy", ["Comedy", "Drama", "Romance"])
    assert (film["available"], film["source"], film["release"], film["extra"]) == (True, "movielens", "file", None)
