"""`python -m tidemark.spark.lay_out_classes`: make the file of `class_data`, once, by running a small job. Set-up does."""

import os
import shlex
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tidemark.spark.class_data import ARCHIVE, QUIET
from tidemark.spark.session import end, session, submit_conf

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def make(archive: Path = ARCHIVE) -> None:
    """Make the archive, whole or not at all, in a JVM of its own: this process must not have a Spark session yet."""
    beside = archive.with_suffix(".part")
    for old in (archive, beside):  # an archive is not made on top of another
        old.unlink(missing_ok=True)
    conf = submit_conf(short=True) | {"spark.master": "local[2]"}
    conf["spark.driver.extraJavaOptions"] += " " + shlex.join([f"-XX:ArchiveClassesAtExit={beside}", *QUIET])
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    spark = session("class data", **conf)
    with tempfile.TemporaryDirectory() as folder:
        _work(spark, folder)
    end(spark)  # the JVM writes as it ends
    beside.replace(archive)


def _work(spark: "SparkSession", folder: str) -> None:
    """What every job does, on next to nothing: text, Arrow to Python and back, windows, groups, joins, Parquet."""
    from pyspark.sql import functions as f
    from pyspark.sql.window import Window

    spark.range(100).select(f.concat(f.lit("a "), "id").alias("value")).write.text(f"{folder}/text")
    rows = spark.read.text(f"{folder}/text").select(f.xxhash64("value").alias("hash"), f.length("value").alias("n"))
    rows.mapInArrow(lambda batches: batches, rows.schema).write.parquet(f"{folder}/parquet")
    kept = spark.read.parquet(f"{folder}/parquet")
    ranked = kept.withColumn("rank", f.row_number().over(Window.partitionBy("n").orderBy("hash")))
    counts = ranked.where("rank > 1").groupBy("n").agg(f.count("*").alias("rows"), f.count_distinct("hash"))
    kept.join(f.broadcast(counts), "n", "left_anti").toPandas()
    counts.collect()


if __name__ == "__main__":
    make()
