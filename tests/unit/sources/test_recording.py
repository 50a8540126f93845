"""A source as a stream: every format that a load takes, in the order of its times, each message as the topic takes it."""

import bz2
import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tidemark.errors import BadInputError
from tidemark.interactions.from_messages import Interaction, Weights, parse
from tidemark.settings import Settings
from tidemark.sources import recording

WEIGHTS = Weights({"view": 1.0, "purchase": 5.0}, "view")
DAY = 86_400
FIRST = 1_400_000_000


@pytest.fixture
def config(tmp_path: Path) -> Settings:
    return Settings(_env_file=None, state=tmp_path / "state")


def taken(config: Settings, path: Path, **params: Any) -> list[Interaction]:
    found = recording.read(str(path), params, config)
    parsed = [
        parse(value, "interactions", 0, n, datetime(2026, 1, 1, tzinfo=UTC), WEIGHTS)
        for n, (_, value) in enumerate(found.messages)
    ]
    assert all(isinstance(one, Interaction) for one in parsed), parsed
    assert [user for user, _ in found.messages] == [one.user_id for one in parsed]
    return parsed  # type: ignore[return-value]


ROWS = [("U2", "I2", 5.0, FIRST + DAY), ("U1", "I1", 3.0, FIRST), ("U1", "I2", 4.0, FIRST + 2 * DAY)]
IN_ORDER = [("U1", "I1", 3.0), ("U2", "I2", 5.0), ("U1", "I2", 4.0)]


def files(folder: Path) -> dict[str, Path]:
    """The same three rows in every form."""
    table = "user_id,item_id,rating,timestamp\n" + "".join(f"{','.join(map(str, row))}\n" for row in ROWS)
    old = [dict(zip(("reviewerID", "asin", "overall", "unixReviewTime"), row, strict=True)) for row in ROWS]
    new = [
        {"user_id": u, "asin": "variant", "parent_asin": i, "rating": r, "timestamp": t * 1000, "text": "x"}
        for u, i, r, t in ROWS
    ]
    contents = {
        "a.csv": table.encode(),
        "a.csv.gz": gzip.compress(table.encode()),
        "a.csv.bz2": bz2.compress(table.encode()),
        "a.tsv": table.replace(",", "\t").encode("utf-16"),
        "2014.json": "".join(f"{json.dumps(row)}\n" for row in old).encode(),
        "2023.jsonl": "".join(f"{json.dumps(row)}\n" for row in new).encode(),
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    columns = dict(zip(("user_id", "item_id", "rating", "timestamp"), zip(*ROWS, strict=True), strict=True))
    pq.write_table(pa.table({name: list(values) for name, values in columns.items()}), folder / "a.parquet")
    return {path.name: path for path in folder.iterdir() if path.is_file()}


def test_every_format_in_time_order(config: Settings, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    found = files(tmp_path / "in")
    assert len(found) == 7
    for name, path in found.items():
        got = taken(config, path)
        assert [(one.user_id, one.item_id, one.rating) for one in got] == IN_ORDER, name
        assert got[0].timestamp == datetime.fromtimestamp(FIRST, UTC), name


def test_what_stays_out_is_counted_and_what_is_read_is_said(config: Settings, tmp_path: Path) -> None:
    path = tmp_path / "some.csv"
    path.write_text("user,item,ts\nu1,i1,1400000000\nu2,,1400000001\nu3,i3,1400000002\nu4,i4,1400000003,5\n")
    found = recording.read(str(path), {}, config)
    assert len(found.messages) == 2
    assert found.skipped.total() == 2
    assert any("user = 'user'" in line for line in found.said)


def test_without_times_the_order_in_the_file_is_the_time(config: Settings, tmp_path: Path) -> None:
    path = tmp_path / "plain.csv"
    path.write_text("who,sku\nu2,i1\nu1,i2\n")
    found = recording.read(str(path), {"user": "who"}, config)
    assert [user for user, _ in found.messages] == ["u2", "u1"]
    assert "timestamp" not in json.loads(found.messages[0][1])
    assert found.seconds.tolist() == [0.0, 1.0]


def test_what_is_no_recording(config: Settings, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="no such file"):
        recording.read(str(tmp_path / "missing"), {}, config)
    (tmp_path / "empty.csv").touch()
    with pytest.raises(BadInputError, match="empty"):
        recording.read(str(tmp_path / "empty.csv"), {}, config)
    (tmp_path / "cut.csv.gz").write_bytes(gzip.compress(b"user,item\n" + b"u,i\n" * 1_000)[:-20])
    with pytest.raises(BadInputError, match=r"cut\.csv\.gz"):
        recording.read(str(tmp_path / "cut.csv.gz"), {}, config)
    (tmp_path / "none.csv").write_text("user,item\n,i\n,i\n")
    with pytest.raises(BadInputError, match="no row of it"):
        recording.read(str(tmp_path / "none.csv"), {}, config)
