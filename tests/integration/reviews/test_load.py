"""Loading into a real MongoDB: the real files, twice; every row accounted for."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.loading import contents, run_load
from tests.support.profiling import profiled
from tidemark.reviews import builtin
from tidemark.settings import Settings, settings
from tidemark.storage import mongo
from tidemark.storage.tombstones import tombstone

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.mark.parametrize(
    ("name", "products", "read", "stored", "pairs"),
    [
        ("Musical_Instruments_5", None, 10_261, 10_261, 10_261),
        ("Gift_Cards_5", "meta_Gift_Cards", 2_972, 2_969, 2_965),
        ("All_Beauty_5", None, 5_269, 4_161, 4_092),
    ],
)
def test_real_files_load_whole_and_twice_the_same(
    load_spark: "SparkSession",
    mongo_db: Settings,
    tmp_path: Path,
    shared_data: Path,
    name: str,
    products: str | None,
    read: int,
    stored: int,
    pairs: int,
) -> None:
    source = str(shared_data / "reviews" / f"{name}.json.gz")
    listed = str(shared_data / "products" / f"{products}.json.gz") if products else None
    outcome = run_load(load_spark, tmp_path / "one", source, listed)
    counts = outcome["reviews"]
    assert (counts["read"], counts["stored"], counts["pairs"]) == (read, stored, pairs)
    assert counts["duplicates"] == read - stored
    assert counts["rejected"] == 0

    db = mongo.connect()
    first = contents(db)
    assert len(first["reviews"]) == len(first["interactions"]) == outcome["interactions"] == stored
    assert len({(r["user_id"], r["item_id"]) for r in first["interactions"]}) == pairs
    assert len(first["products"]) == (1_547 if products else 0)

    run_load(load_spark, tmp_path / "two", source, listed)
    assert contents(db) == first


def test_every_write_of_a_load_to_shards_bears_the_shard_key(
    load_spark: "SparkSession", mongo_db: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TIDEMARK_MONGO_SHARDED", "true")
    settings.cache_clear()
    reviews, products = builtin.write(builtin.Size(2_000, 300, 100), 3, str(tmp_path / "builtin"))
    run_load(load_spark, tmp_path / "one", reviews, products)
    db = mongo.connect()
    first = contents(db)
    with profiled(db) as written:
        run_load(load_spark, tmp_path / "two", reviews, products)
        for name, collection in mongo.COLLECTIONS.items():
            upserts = written(name)
            sought = {tuple(upsert["command"]["q"]) for upsert in upserts}
            item = collection.shard_key == "item_id"
            assert sought <= {("_id", "item_id") if item else ("_id",)}, name
            assert len(upserts) == len(first.get(name, [])), name
    assert contents(db) == first


def test_a_file_that_is_loaded_again_brings_no_erased_user_back(
    load_spark: "SparkSession", mongo_db: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TIDEMARK_SHOP_SECRET", "a secret of the tests")
    settings.cache_clear()
    good = {"asin": "i0", "overall": 5.0, "unixReviewTime": 1_400_000_000}
    lines = [good | {"reviewerID": f"user{n}", "asin": f"i{n % 5}"} for n in range(40)]
    lines += [good | {"reviewerID": user, "overall": 9.0} for user in ("user3", "user4")]
    source = tmp_path / "reviews.json"
    source.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    db = mongo.connect()
    db["erased"].insert_one({"_id": tombstone("user3", settings()), "erased_at": datetime.now(UTC)})
    left = {"user_id": "user3", "item_id": "i3"}  # by a load that was killed before the user was erased
    db["reviews"].insert_one({"_id": "user3:i3:1400000000"} | left)
    db["interactions"].insert_one({"_id": "review:user3:i3:1400000000"} | left)

    outcome = run_load(load_spark, tmp_path / "load", str(source), None)
    assert (outcome["erased"], outcome["interactions"]) == (1, 39)
    after = contents(db)
    users = {f"user{n}" for n in range(40)} - {"user3"}
    for name in ("reviews", "interactions"):
        assert sorted(document["user_id"] for document in after[name]) == sorted(users), name
    assert [json.loads(line["raw"])["reviewerID"] for line in after["rejects"]] == ["user4"]


def test_a_file_that_is_loaded_again_brings_no_deleted_review_back(
    load_spark: "SparkSession", mongo_db: Settings, tmp_path: Path
) -> None:
    good = {"asin": "i0", "overall": 5.0, "unixReviewTime": 1_400_000_000}
    source = tmp_path / "reviews.json"
    reviews = [good | {"reviewerID": f"user{n}"} for n in range(6)]
    reviews[0]["asin"] = "i1"
    source.write_text("".join(f"{json.dumps(review)}\n" for review in reviews))
    db, key = mongo.connect(), "user3:i0:1400000000"
    deleted = [f"review:{key}", "interactions-0-1"]
    db["deleted_interactions"].insert_many(
        [{"_id": one, "user_id": "user3", "deleted_at": datetime.now(UTC)} for one in deleted]
    )
    db["reviews"].insert_one({"_id": key, "user_id": "user3"})  # by a load that was killed before it was deleted
    outcome = run_load(load_spark, tmp_path / "load", str(source), None)
    assert (outcome["deleted"], outcome["erased"], outcome["interactions"]) == (1, 0, 5)
    after = contents(db)
    for name in ("reviews", "interactions"):
        assert {each["user_id"] for each in after[name]} == {f"user{n}" for n in range(6)} - {"user3"}, name
