"""Any team's files into a real MongoDB: what is refused is kept, who is gone stays gone, what has no times has an order."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from tests.support.own_sources import contents, planned, run_source
from tidemark.errors import BadInputError, GateError
from tidemark.models.pairs import from_frame
from tidemark.settings import Settings, settings
from tidemark.sources import removing, storing
from tidemark.storage import mongo
from tidemark.storage.tombstones import tombstone

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

TIME = 1_577_836_800


def test_what_is_refused_is_kept_whole_with_its_reasons(
    source_spark: "SparkSession", mongo_db: Settings, tmp_path: Path
) -> None:
    lines = [f"u{n % 7},i{n % 5},{TIME + n},{n % 5 + 1}".encode() for n in range(40)]
    bad = {
        b'u1,"i\n1",1577836800,3': ["item_id"],  # a line feed in its quotes: one record, and no id
        b'u1,"i1,1577836800,3': ["record: unexpected end of data"],  # a stray quote swallows nothing
        b"u1,i1,1577836800": ["record: 3 fields, not 4"],
        b"u1,i1,1577836800,3,4": ["record: 5 fields, not 4"],
        b"u1,\xff,1577836800,3": ["record: not UTF-8"],
        b"u1,i1,soon,30": ["timestamp: 'soon'", "rating: 30 is not on the scale 1-5"],
    }
    path = tmp_path / "sales.csv"
    path.write_bytes(b"user,item,time,rating\n" + b"\n".join([*lines[:20], *bad, *lines[20:], lines[3]]) + b"\n")
    counts = run_source(source_spark, tmp_path, "interactions", path, scale="1-5")["counts"]
    assert [counts[n] for n in ("read", "stored", "duplicates", "rejected")] == [47, 40, 1, 6]
    rejects = list(mongo.connect()["rejects"].find())
    assert len(rejects) == len(bad)
    for reasons in bad.values():
        (kept,) = [
            r
            for r in rejects
            if all(any(x in y for y in r["reasons"]) for x in reasons) and len(r["reasons"]) == len(reasons)
        ]
        assert kept["kind"] == "interaction"
        assert kept["raw"] or kept["raw_base64"]
    assert {r["user_id"] for r in rejects} == {"u1", None}


def test_who_is_gone_stays_gone(
    source_spark: "SparkSession", mongo_db: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TIDEMARK_SHOP_SECRET", "a secret of the tests")
    settings.cache_clear()
    rows = [{"user": f"user{n}", "item": f"i{n % 5}", "time": TIME, "rating": n % 10} for n in range(40)]
    rows += [{"user": user, "item": "i 1", "time": TIME, "rating": 3} for user in ("user3", "user4")]
    rows += [{"user": "\ud800", "item": "i1", "time": TIME}]  # half of a character
    path = tmp_path / "likes.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    db, gone = mongo.connect(), f"file:likes:{TIME}:user5:i0:"
    db["erased"].insert_one({"_id": tombstone("user3", settings()), "erased_at": datetime.now(UTC)})
    db["deleted_interactions"].insert_one({"_id": gone, "user_id": "user5", "deleted_at": datetime.now(UTC)})
    for key, user in ((f"file:likes:{TIME}:user3:i3:", "user3"), (gone, "user5")):  # by a load that was killed before
        db["interactions"].insert_one({"_id": key, "user_id": user})
        db["interaction_details"].insert_one({"_id": key})
    outcome = run_source(source_spark, tmp_path, "interactions", path, scale="0-10")
    assert (outcome["erased"], outcome["deleted"], outcome["counts"]["stored"]) == (1, 1, 40)
    after = contents(db)
    assert {d["user_id"] for d in after["interactions"]} == {f"user{n}" for n in range(40)} - {"user3", "user5"}
    assert [d["_id"] for d in after["interaction_details"]] == [d["_id"] for d in after["interactions"]]
    assert {r["user_id"]: r["reasons"] for r in after["rejects"]} == {
        "user4": ["item_id: 'i 1' does not match '^[^\\\\s:\\\\x00-\\\\x1f\\\\x7f]+(?![\\\\s\\\\S])'"],
        None: ["record: holds half of a surrogate pair"],
    }


def test_without_times_the_order_in_the_files_is_the_time(source_spark: "SparkSession", tmp_path: Path) -> None:
    wanted = []
    for name in ("a", "b"):
        rows = [(f"{name}{n % 50:02}", f"i{n % 97:02}{name}") for n in range(1_500)]
        (tmp_path / f"{name}.csv").write_text("user,item\n" + "".join(f"{u},{i}\n" for u, i in rows))
        pd.DataFrame(rows, columns=["user", "item"]).to_parquet(tmp_path / f"{name}.parquet")
        wanted += rows
    for pattern in ("*.csv", "*.parquet"):
        plan = planned(tmp_path, "interactions", tmp_path / pattern, name="likes")
        staged, duplicates = storing._stage(source_spark, plan)
        assert plan.unit == "none"
        found = staged.orderBy("timestamp").select("user_id", "item_id", "timestamp").collect()
        assert [(row["user_id"], row["item_id"]) for row in found] == wanted, pattern
        assert len({row["timestamp"] for row in found}) == len(wanted)
        assert max(row["timestamp"] for row in found) < datetime(1995, 1, 1)
        assert duplicates.count() == 0


def test_a_set_that_is_not_what_it_was_taken_for_stops_before_anything_is_stored(
    source_spark: "SparkSession", mongo_db: Settings, tmp_path: Path
) -> None:
    path = tmp_path / "export.csv"
    path.write_text("user,item\n" + "a b,1\n" * 5 + "c,1\nd,2\n")
    with pytest.raises(GateError, match="more than a fifth of the rows were rejected"):
        run_source(source_spark, tmp_path, "interactions", path)
    assert contents(mongo.connect())["interactions"] == []
    frame = pd.DataFrame(
        {
            "user_id": ["a"],
            "item_id": ["b"],
            "rating": [None],
            "weight": [1.0],
            "timestamp": [datetime(1970, 1, 1, 0, 0, 1)],
        }
    )
    assert len(from_frame(frame)) == 1  # a place is a time that training takes


def test_a_catalogue_with_what_else_it_says(source_spark: "SparkSession", mongo_db: Settings, tmp_path: Path) -> None:
    path = tmp_path / "catalogue.tsv"
    path.write_text(
        "id\tName\tgenres\tprice\tin_stock\tcolour\n1\tA\tx > y\t3.50\tyes\tred\n2\tB\tz\t\tno\t\n2\tB, the longer line\tz\t1\tno\t\n"
    )
    counts = run_source(source_spark, tmp_path, "products", path)["counts"]
    assert [counts[n] for n in ("read", "stored", "duplicates", "rejected", "unavailable")] == [3, 2, 1, 0, 1]
    first, second = mongo.connect()["products"].find().sort("_id")
    assert (first["title"], first["categories"], first["price"]) == ("A", ["x", "y"], 3.5)
    assert (first["available"], first["extra"]) == (True, {"colour": "red"})
    assert (second["title"], second["available"], second["extra"]) == ("B, the longer line", False, None)


def test_of_products_by_day_the_newest_day_stays_in_whatever_order_they_run(
    source_spark: "SparkSession", mongo_db: Settings, tmp_path: Path
) -> None:
    def older(day: str, until: str, **titles: str) -> int:
        """Store what a day says; gives how many products were left out as older."""
        path = tmp_path / f"shelf-{day}.csv"
        path.write_text("item_id,title\n" + "".join(f"{item},{title}\n" for item, title in titles.items()))
        plan = replace(planned(tmp_path / day, "products", path, name="shelf"), until=until)
        validated = storing.validate(source_spark, plan, str(tmp_path / day / "docs"))
        return int(storing.store(source_spark, mongo.connect(), plan, validated)["older"])

    def told() -> dict[str, tuple[str, datetime | None]]:
        return {p["_id"]: (p["title"], p.get("as_of")) for p in mongo.connect()["products"].find()}

    first, second, third = (datetime(2026, 1, day, tzinfo=UTC) for day in (2, 3, 4))
    assert older("2", second.isoformat(), a="second", b="second") == 0
    assert older("1", first.isoformat(), a="first", c="first") == 1
    wanted = {"a": ("second", second), "b": ("second", second), "c": ("first", first)}
    assert told() == wanted
    assert older("2b", second.isoformat(), a="again") == 0  # the same day again takes its own place
    assert older("3", third.isoformat(), c="third") == 0
    assert told() == wanted | {"a": ("again", second), "c": ("third", third)}
    assert older("by-hand", "", c="by hand") == 0  # of no day: what a person loads by hand replaces
    assert told()["c"] == ("by hand", None)


def test_a_source_is_counted_and_removed_and_nothing_else(
    source_spark: "SparkSession", mongo_db: Settings, tmp_path: Path
) -> None:
    (tmp_path / "likes.csv").write_text(
        "user,item,rating\n" + "".join(f"u{n},i{n % 5},{n % 11}\n" for n in range(50)) + "a b,c,1\n"
    )
    (tmp_path / "shelf.csv").write_text("item,title\ni1,A\ni2,B\n")
    for name in ("shop", "shop-2"):
        run_source(source_spark, tmp_path / name, "interactions", tmp_path / "likes.csv", name=name)
    run_source(source_spark, tmp_path / "products", "products", tmp_path / "shelf.csv", name="shop")
    db = mongo.connect()
    others = [{"_id": key, "user_id": "u"} for key in ("interactions-0-1", "review:u:i:1", "file:shop;")]
    db["interactions"].insert_many(others, bypass_document_validation=True)
    assert removing.names(db) == ["shop", "shop-2"]
    counted = {"interaction_details": 50, "interactions": 50, "products": 2, "rejects": 1, "loads": 2}
    # the refused row is the same in both loads, and is kept once, of the last of them
    assert removing.count(db, "shop") == counted | {"rejects": 0}
    assert removing.remove(db, "shop") == counted | {"rejects": 0}
    left = contents(db)
    assert {d["_id"].rsplit(":", 4)[0] for d in left["interaction_details"]} == {"file:shop-2"}
    assert len(left["interactions"]) == 53
    assert (len(left["products"]), len(left["rejects"]), [load["name"] for load in left["loads"]]) == (0, 1, ["shop-2"])
    with pytest.raises(BadInputError, match="There are: shop-2"):
        removing.count(db, "shop")
    assert sum(removing.remove(db, "shop").values()) == 0


def test_all_reviews_are_one_source(mongo_db: Settings) -> None:
    db = mongo.connect()
    db["loads"].insert_one({"_id": "l", "release": "2018"})
    db["reviews"].insert_one({"_id": "u:i:1"})
    db["interactions"].insert_many([{"_id": key} for key in ("review:u:i:1", "reviewers-0-1", "file:shop:1:u:i:")])
    db["products"].insert_many([{"_id": "i", "release": "2018"}, {"_id": "j", "release": "file"}])
    db["rejects"].insert_many([{"_id": "r", "load": "l"}, {"_id": "s", "load": "another"}])
    assert removing.names(db) == ["reviews"]
    assert removing.remove(db, "reviews") == {"interactions": 1, "reviews": 1, "products": 1, "rejects": 1, "loads": 1}
    assert sorted(d["_id"] for d in db["interactions"].find()) == ["file:shop:1:u:i:", "reviewers-0-1"]
