"""What a snapshot covers of the stream, by the keys of the interactions."""

from pyspark.sql import SparkSession

from tidemark.stream.progress import Snapshot


def beyond(spark: SparkSession, snapshot: Snapshot, keys: list[str]) -> list[str]:
    """Those of `keys` that the snapshot leaves to the next one, as Spark and Python both see it."""
    frame = spark.createDataFrame([(key,) for key in keys], "_id string")
    found = [row["_id"] for row in frame.where(~snapshot.covers(frame["_id"])).collect()]
    assert found == [key for key in keys if not snapshot.has(key)]
    return found


def test_a_snapshot_covers_what_lies_before_its_offsets(spark: SparkSession) -> None:
    snapshot = Snapshot("my-topic", "id", 0, {0: 5, 1: 0}, unlearned=5, behind=0, waited=0.0)
    ids = ["my-topic-0-4", "my-topic-0-5", "my-topic-1-0", "my-topic-2-0", "review:u:i:1-2-3", "replay:my-topic-0-9"]
    assert beyond(spark, snapshot, ids) == ["my-topic-0-5", "my-topic-1-0", "my-topic-2-0"]


def test_a_snapshot_of_nothing_covers_no_message(spark: SparkSession) -> None:
    snapshot = Snapshot("t", "id", 0, {}, unlearned=0, behind=0, waited=0.0)
    assert beyond(spark, snapshot, ["t-0-0", "review:u:i:1"]) == ["t-0-0"]


def test_a_topic_made_anew_has_keys_of_its_own(spark: SparkSession) -> None:
    snapshot = Snapshot("t", "id", 2, {0: 5}, unlearned=5, behind=0, waited=0.0)
    assert beyond(spark, snapshot, ["t-0-99", "t~1-0-99", "t~2-0-4", "t~2-0-5"]) == ["t~2-0-5"]
