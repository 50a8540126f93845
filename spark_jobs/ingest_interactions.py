"""Store what comes by the topics `interactions` and `items`: a service that runs until it is told to stop.

`python spark_jobs/ingest_interactions.py`. Where Kafka or MongoDB is away it waits, says so and goes on by itself; where
it is killed, whoever starts it again (the supervisor, compose) finds everything stored once.
"""

import json
import logging
import os
import signal
import sys
import threading
import time
import uuid
from types import FrameType
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql.streaming import StreamingQuery

from tidemark.settings import Settings, settings
from tidemark.spark.causes import root_cause
from tidemark.spark.session import session
from tidemark.storage import mongo
from tidemark.stream import topics
from tidemark.stream.bookmark import Bookmark
from tidemark.stream.ingest import Ingest
from tidemark.stream.interaction_ingest import InteractionIngest
from tidemark.stream.item_ingest import ItemIngest

log = logging.getLogger("tidemark.stream")
LONGEST_WAIT = 15.0


def start_session(config: Settings) -> SparkSession:
    """A session sized for a small service beside the retrains; it lives long, so its JVM compiles as well as it can."""
    return session(
        "tidemark-ingest",
        **{
            "spark.master": config.ingest_master,
            "spark.driver.memory": config.ingest_memory,
            "spark.sql.shuffle.partitions": "2",
            "spark.scheduler.mode": "FAIR",
            "spark.sql.codegen.wholeStage": "false",  # no Java is made and compiled for a map and a count
            "spark.sql.adaptive.enabled": "false",  # every batch is alike: planning it twice only costs
            "spark.sql.execution.arrow.maxBytesPerBatch": str(32 * 1024 * 1024),  # some messages are huge
            "spark.log.level": "OFF",  # what goes wrong is said once, by `main`
        },
    )


def scratch(spark: Any, root: str) -> str:
    """A new place for Spark's checkpoint, the older ones removed: `progress` says where to go on, not they."""
    folder = spark._jvm.org.apache.hadoop.fs.Path(f"{root}/ingest")
    folder.getFileSystem(spark._jsc.hadoopConfiguration()).delete(folder, True)
    return f"{root}/ingest/{uuid.uuid4().hex}"


def start(spark: SparkSession, ingest: Ingest, checkpoints: str) -> StreamingQuery:
    """The query of one topic, from where it was left."""
    starts = ingest.begin()
    log.info("going on at %s", starts)
    spark.sparkContext.setLocalProperty("spark.scheduler.pool", ingest.topic)  # neither waits for all of the other's
    stream = ingest.stream(spark, starts).writeStream.foreachBatch(ingest)
    stream = stream.option("checkpointLocation", f"{checkpoints}/{ingest.topic}")
    return stream.trigger(processingTime="500 milliseconds").start()


def follow(spark: SparkSession, ingests: list[Ingest], checkpoints: str, stop: threading.Event) -> None:
    """Run the queries until one ends, moving progress over what holds no record (a transaction's marks).

    Looks at the topics too: Spark would wait for ever at the end of one that is gone.

    Raises:
        Exception: what a query, or a batch, failed with.
    """
    queries = list[tuple[StreamingQuery, Ingest]]()
    try:
        for ingest in ingests:
            queries.append((start(spark, ingest, checkpoints), ingest))
        while not stop.wait(1):
            for query, ingest in queries:
                if not query.isActive:
                    query.awaitTermination()  # raises what it failed with
                    return
                ingest.require_same_topic()
                latest: Any = query.lastProgress
                ends = json.loads(latest.json)["sources"][0]["endOffset"] if latest else None
                if ends:
                    ingest.note(ends[ingest.topic])
                ingest.beat()
    finally:
        for query, _ in queries:
            query.stop()
        for ingest in ingests:
            if ingest.failure is not None:
                raise ingest.failure


def main() -> None:
    """Run until SIGTERM or SIGINT."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("py4j").setLevel(logging.CRITICAL)
    log.setLevel(logging.INFO)
    stop = threading.Event()

    def _stop(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    config = settings()
    spark = start_session(config)
    bookmarks = [Bookmark(config, topic=topic) for topic in (topics.INTERACTIONS, topics.ITEMS)]
    db, wait, said = None, 0.5, ""
    while not stop.is_set():
        began = time.monotonic()
        try:
            db = mongo.connect(config) if db is None else db
            checkpoints = scratch(spark, config.checkpoints_root)
            kinds = zip((InteractionIngest, ItemIngest), bookmarks, strict=True)
            ingests: list[Ingest] = [kind(config, db, bookmark) for kind, bookmark in kinds]
            follow(spark, ingests, checkpoints, stop)
        except Exception as error:  # whatever it is: said, waited for and tried again
            if spark.sparkContext._jsc.sc().isStopped():  # unless Spark itself is gone: then a new process
                raise
            wait = 1.0 if time.monotonic() - began > 60 else min(2 * wait, LONGEST_WAIT)
            why = root_cause(error)
            log.warning("%s; trying again in %.0f s", why, wait)
            if said != (said := why):
                log.info("all of it, once", exc_info=error)
            stop.wait(wait)
    spark.stop()
    log.info("stopped")


if __name__ == "__main__":
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    main()
