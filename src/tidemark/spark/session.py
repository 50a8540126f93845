"""The Spark session of every job and test, and the settings it starts with, each for a reason."""

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tidemark.settings import Settings, settings, shipped
from tidemark.spark import class_data

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

JARS = Path(sys.prefix) / "share" / "tidemark" / "jars" / "spark"
"""Where set-up puts the connectors for MongoDB and Kafka."""


SHORT_JOB = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
"""A JVM that compiles at once and no better than that: half the CPU of a job of up to a minute or two, which is mostly
compiling. Wrong for long arithmetic (MLlib); no matter where executors of a cluster do the work."""


def local_to_pods(path: Path, config: Settings) -> str:
    """A file of the image as spark-submit is to be told of it: on Kubernetes each pod has it, and nothing is uploaded."""
    return f"local://{path}" if config.spark_master.startswith("k8s://") else str(path)


def submit_conf(*, short: bool = False) -> dict[str, str]:
    """Settings that a driver must know before its JVM starts: for `SparkSubmitOperator(conf=...)` and `session`.

    Args:
        short: the job is a short one, or waits for servers: see `SHORT_JOB`.
    """
    # INFO buries what a person looks for.
    options = [f"-Dlog4j2.configurationFile={shipped('spark_jobs/log4j2.properties')}"]
    options += (SHORT_JOB if short else []) + class_data.options()
    config = settings()
    local = config.spark_master.startswith("local")
    one_machine = {
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.pyspark.python": sys.executable,  # a cluster's workers have a Python of their own
        "spark.executorEnv.PYTHONPATH": str(Path(__file__).parents[2]),
    }
    own = {
        "spark.jars": ",".join(sorted(local_to_pods(jar, config) for jar in JARS.glob("*.jar"))),
        "spark.ui.enabled": "false",  # an open page without a login, and 1 s of the start
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.extraJavaOptions": shlex.join(options),  # paths may hold spaces
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.warehouse.dir": str(config.state / "spark-warehouse"),
        "spark.sql.shuffle.partitions": "8",  # 200 is wrong for what fits one machine; AQE coalesces the rest
        "spark.sql.execution.arrow.pyspark.enabled": "true",
    }
    return (one_machine if local else {}) | own | config.spark_properties


def session(app_name: str, **conf: str) -> "SparkSession":
    """The session of this process, with `conf` on top.

    A job that spark-submit started has been given its settings and its master with that: they stay as they are, so that
    the Airflow connection alone says where it runs. Any other process gets `submit_conf` and the master of the settings.
    """
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.appName(app_name)
    submitted = "PYSPARK_GATEWAY_PORT" in os.environ  # spark-submit started the JVM, and the JVM this process
    if not submitted:
        if settings().spark_master.startswith("local"):
            os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        own = {"spark.master": settings().spark_master, "spark.driver.memory": settings().spark_driver_memory}
        conf = own | submit_conf() | conf
    for key, value in conf.items():
        builder = builder.config(key, value)
    return builder.getOrCreate()


def end(spark: "SparkSession") -> None:
    """Stop the session and its JVM, which `stop` alone leaves running: this process may start another then."""
    from pyspark import SparkContext

    gateway = SparkContext._gateway
    assert gateway is not None  # noqa: S101 -- a session has one
    spark.stop()
    gateway.shutdown()
    gateway.proc.stdin.close()  # the JVM ends when its caller is gone
    gateway.proc.wait(timeout=120)
    SparkContext._gateway = SparkContext._jvm = None
