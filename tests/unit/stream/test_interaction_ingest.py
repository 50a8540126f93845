"""What Spark's workers make of Kafka's records, without Spark: of erased users nothing but the place."""

import base64
from datetime import UTC, datetime

import pyarrow as pa
import pytest
from pydantic import SecretStr

from tidemark.interactions.from_messages import Weights
from tidemark.settings import Settings
from tidemark.storage.tombstones import NOBODY, Tombstones, tombstone
from tidemark.stream.interaction_ingest import COLUMNS, parse_batches

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CONFIG = Settings(_env_file=None, shop_secret=SecretStr("s"))
GONE = Tombstones(b"s", frozenset([tombstone("anna", CONFIG)]))
VALUES = [
    b"anna:i1",
    b'{"user_id": "ben", "item_id": "i1", "colour": "red"}',
    b'{"user_id": "anna", "item_id": "i2", "rating": 9}',
    b'{"user_id": "ben", "item_id": "i2", "rating": 9}',
    b'{"user_id": "anna", "item_id": "i3", "colour": "red"}',
    b"anna",
]


def rows(tombstones: Tombstones) -> list[dict[str, object]]:
    count = len(VALUES)
    batch = pa.RecordBatch.from_arrays(
        [
            pa.array(VALUES, pa.binary()),
            pa.array([0] * count, pa.int32()),
            pa.array(range(count), pa.int64()),
            pa.array([NOW] * count, pa.timestamp("us", tz="UTC")),
            pa.nulls(count),
        ],
        names=["value", "partition", "offset", "timestamp", "headers"],
    )
    (parsed,) = parse_batches([batch], "t", "t", Weights({"view": 1.0}, "view"), tombstones)
    assert parsed.schema.names == [column.split()[0] for column in COLUMNS.split(", ")]
    return parsed.to_pylist()


def test_of_an_erased_user_only_key_and_place_remain():
    parsed = rows(GONE)
    gone = [row for row in parsed if row["erased"]]
    assert [(row["_id"], row["partition"], row["offset"]) for row in gone] == [
        ("t-0-0", 0, 0),
        ("t-0-2", 0, 2),
        ("t-0-4", 0, 4),
    ]
    for row in gone:
        left = {name for name, value in row.items() if value is not None}
        assert left == {"_id", "partition", "offset", "time", "erased"}


def test_nothing_of_anybody_else_changes():
    with_gone, without = rows(GONE), rows(NOBODY)
    assert not any(row["erased"] for row in without)
    assert [row for row in with_gone if not row["erased"]] == [without[1], without[3], without[5]]


@pytest.mark.parametrize(("number", "kept"), [(0, "anna"), (1, "ben")])
def test_where_nobody_is_erased_everybody_stays(number, kept):
    assert rows(NOBODY)[number]["user_id"] == kept


def test_a_letter_that_nobody_can_read_stays_whole():
    assert base64.b64decode(str(rows(GONE)[5]["value"])) == b"anna"


def test_of_what_its_user_deleted_only_key_and_place_remain():
    without = rows(NOBODY)
    parsed = rows(Tombstones(b"", frozenset(), frozenset(["t-0-1", "t-9-9"])))
    assert [row["_id"] for row in parsed if row["erased"]] == ["t-0-1"]
    assert {name for name, value in parsed[1].items() if value is not None} == {
        "_id", "partition", "offset", "time", "erased",
    }  # fmt: skip
    assert parsed[:1] + parsed[2:] == without[:1] + without[2:]
