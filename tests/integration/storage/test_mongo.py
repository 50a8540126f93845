"""Reading and writing by Spark on a real MongoDB: what is empty reads as empty, and every upsert bears the shard key."""

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.profiling import profiled
from tidemark.contracts import schemas
from tidemark.errors import UnreachableError
from tidemark.settings import Settings, settings
from tidemark.storage import mongo

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

RECOMMENDATIONS = mongo.recommendations("20260101T000000-0a0a0a0a")
CONTRACT = {name: made.contract for name, made in mongo.COLLECTIONS.items() if made.contract} | {
    RECOMMENDATIONS: "recommendation"
}
SHARDED = [name for name, made in mongo.COLLECTIONS.items() if made.shard_key not in (None, "_id")]
"""By another field than the one that every upsert names anyway."""


@pytest.mark.parametrize("name", CONTRACT)
def test_absent_empty_emptied_and_with_one_document(spark: "SparkSession", mongo_db: Settings, name: str) -> None:
    db = mongo.connect()

    def ids(pipeline: str = "[]") -> list[Any]:
        frame = mongo.read(spark, name, str(CONTRACT[name]), pipeline=pipeline)
        assert frame.schema == schemas.spark_type(str(CONTRACT[name]))
        return [row["_id"] for row in frame.collect()]

    def insert(*ids_of: str) -> None:
        documents = [{"_id": one} for one in ids_of]
        db.command({"insert": name, "documents": documents, "bypassDocumentValidation": True})

    assert ids() == []
    assert name not in db.list_collection_names()
    mongo.ensure(db, name)
    assert ids() == []
    assert ids('[{"$project": {"title": 1}}]') == []  # as the graph reads products
    insert("a")
    assert ids() == ["a"]
    assert ids('[{"$match": {"_id": "b"}}]') == []
    insert("b", "c")
    assert sorted(ids()) == ["a", "b", "c"]
    assert mongo.read(spark, name, str(CONTRACT[name])).where("_id = 'x'").count() == 0
    db[name].delete_many({})
    assert ids() == []


def test_a_pipeline_that_matches_nothing_of_many_partitions(spark: "SparkSession", mongo_db: Settings) -> None:
    """Far more than the connector puts into one partition (64 MB), of which the pipeline leaves nothing."""
    db = mongo.connect()
    for start in range(0, 80, 10):
        large = [{"_id": f"p{n:02}", "description": "x" * 1_000_000} for n in range(start, start + 10)]
        db.command({"insert": "products", "documents": large, "bypassDocumentValidation": True})
    everything = mongo.read(spark, "products", "product", pipeline='[{"$project": {"title": 1}}]')
    assert everything.count() == 80
    nothing = mongo.read(spark, "products", "product", pipeline='[{"$match": {"price": {"$gt": 5}}}]')
    assert nothing.count() == 0
    assert mongo.read(spark, "products", "product").where("price > 5").count() == 0


def test_a_server_that_is_away_is_said(spark: "SparkSession", mongo_db: Settings) -> None:
    away = mongo_db.model_copy(update={"mongo_hosts": "127.0.0.1:1"})
    with pytest.raises(UnreachableError, match=r"127\.0\.0\.1:1.*make status"):
        mongo.read(spark, "products", "product", config=away)


@pytest.mark.parametrize("sharded", [False, True])
def test_two_that_make_a_collection_at_once_both_go_on(
    mongo_db: Settings, sharded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ingest and the first load start side by side."""
    monkeypatch.setenv("TIDEMARK_MONGO_SHARDED", str(sharded))
    settings.cache_clear()
    databases = [mongo.connect() for _ in range(4)]
    for name in CONTRACT:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda db, name=name: mongo.ensure(db, name), databases))
    made = databases[0]["interactions"]
    assert made.options()["validator"] == schemas.mongo_validator("interaction")
    assert {tuple(index["key"]) for index in made.index_information().values()} == {
        (("_id", 1),), (("timestamp", -1), ("_id", 1)), (("user_id", 1),),
        *([(("item_id", "hashed"),)] if sharded else []),
    }  # fmt: skip


def rows(name: str, spark: "SparkSession", count: int) -> Any:
    """`count` rows of the collection `name`, of ten items: many documents to each value of the shard key."""
    from pyspark.sql import functions as f

    frame = spark.range(count).select(
        f.format_string("k%07d", "id").alias("_id"),
        f.format_string("u%d", "id").alias("user_id"),
        f.format_string("i%d", f.col("id") % 10).alias("item_id"),
        f.lit(5.0).alias("rating"),
        f.lit(1.0).alias("weight"),
        f.timestamp_seconds(f.lit(1_400_000_000) + f.col("id")).alias("timestamp"),
        f.lit("stream").alias("source"),
        f.lit("").alias("title"),
        f.lit("").alias("text"),
        f.lit("").alias("clean_text"),
        f.lit("").alias("user_name"),
        f.lit(False).alias("verified"),
        f.lit(0).cast("long").alias("helpful_votes"),
        f.lit("2018").alias("release"),
    )
    wanted = schemas.spark_type(str(mongo.COLLECTIONS[name].contract))
    missing = [f.lit(None).cast(one.dataType).alias(one.name) for one in wanted if one.name not in frame.columns]
    return frame.select("*", *missing).select(*wanted.names)


@pytest.mark.parametrize("name", SHARDED)
@pytest.mark.parametrize("sharded", [True, False])
def test_an_upsert_bears_the_shard_key_where_there_are_shards_and_finds_by_id(
    spark: "SparkSession", mongo_db: Settings, name: str, sharded: bool
) -> None:
    config = mongo_db.model_copy(update={"mongo_sharded": sharded})
    db = mongo.connect(config)
    mongo.ensure(db, name)
    frame = rows(name, spark, 2_000)
    mongo.write(frame, name, config=config)
    stored = list(db[name].find().sort("_id"))
    assert len(stored) == 2_000
    with profiled(db) as written:
        mongo.write(frame, name, config=config)
        upserts = written(name)
    assert list(db[name].find().sort("_id")) == stored
    assert len(upserts) == 2_000
    shard_key = mongo.COLLECTIONS[name].shard_key
    assert {tuple(upsert["command"]["q"]) for upsert in upserts} == {("_id", shard_key) if sharded else ("_id",)}
    # Never by the shard key's own index, which finds two hundred documents here.
    assert {upsert["planSummary"] for upsert in upserts} == {"IXSCAN { _id: 1 }" if sharded else "IDHACK"}
    assert sum(upsert["keysExamined"] for upsert in upserts) == len(upserts)
