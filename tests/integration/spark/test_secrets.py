"""MongoDB's password reaches Spark by an option of its connector: nothing that a task's log or the Spark UI shows has it.

One real driver does what jobs do, and what goes wrong with it, and shows all that Spark tells of itself: plans, events,
exceptions, threads, its configuration, its pages, the command lines of its processes.
"""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest

from tidemark.settings import ROOT, Settings
from tidemark.spark.session import submit_conf
from tidemark.storage import mongo

JOB = """
import contextlib, sys, traceback, urllib.request
from pathlib import Path

import psutil
from pyspark.sql import functions as f

from tidemark.spark.session import session
from tidemark.storage import mongo

spark = session("secrets")
events = mongo.read(spark, "interactions", "interaction")
joined = events.join(events.groupBy("item_id").count(), "item_id").where("rating > 1")
for mode in ("extended", "cost", "formatted", "codegen"):
    print("PLAN", mode)
    joined.explain(mode)
print("ROWS", joined.count())
mongo.write(events.withColumn("rating", f.lit(5.0)), "interactions")
print("TREE", events._jdf.queryExecution().toString())
failures = {
    "refused": lambda: mongo.write(events.withColumn("rating", f.lit(9.0)), "interactions"),
    "pipeline": lambda: mongo.read(spark, "interactions", "interaction", pipeline='[{"$no": 1}]').count(),
    "option": lambda: spark.read.format("mongodb").options(**mongo._options(mongo.settings(), "interactions"))
    .option("partitioner", "no.such.Partitioner").load().count(),
    "worker": lambda: events.mapInArrow(lambda rows: 1 / 0, events.schema).count(),
}
for name, fail in failures.items():
    try:
        fail()
    except Exception:
        print("FAILED", name)
        traceback.print_exc(file=sys.stdout)
print("CONF", spark.sparkContext.getConf().getAll())
for page in ("jobs/", "stages/", "storage/", "environment/", "executors/", "SQL/", "executors/threadDump/?executorId=driver"):
    with urllib.request.urlopen(f"{spark.sparkContext.uiWebUrl}/{page}") as answer:
        print("PAGE", page, answer.read().decode())
for number in range(20):
    try:
        with urllib.request.urlopen(f"{spark.sparkContext.uiWebUrl}/SQL/execution/?id={number}") as answer:
            print("QUERY", answer.read().decode())
    except OSError:
        break
process = psutil.Process()
for one in {process, *process.parents()[:1], *process.children(recursive=True), *process.parent().children(recursive=True)}:
    with contextlib.suppress(psutil.Error):  # a worker may have ended
        print("COMMAND", one.cmdline())
sys.exit(3)  # a failed read leaves a client open, whose thread keeps alive a JVM that is not told to end
"""


@pytest.fixture
def shown(mongo_db: Settings, tmp_path: Path) -> dict[str, Any]:
    """What the driver said, and every event that it logged."""
    db = mongo.connect()
    mongo.ensure(db, "interactions")
    same = {"rating": 4.0, "weight": 1.0, "source": "review", "timestamp": datetime(2026, 1, 1, tzinfo=UTC)}
    db["interactions"].insert_many(
        {"_id": f"review:{n}", "user_id": f"u{n % 7}", "item_id": f"i{n % 5}"} | same for n in range(50)
    )
    (tmp_path / "job.py").write_text(JOB)
    (tmp_path / "events").mkdir()
    conf = submit_conf(short=True) | {
        "spark.ui.enabled": "true",
        "spark.ui.port": "0",
        "spark.eventLog.enabled": "true",
        "spark.eventLog.compress": "false",
        "spark.eventLog.dir": f"file://{tmp_path}/events",
    }
    options = [part for key, value in conf.items() for part in ("--conf", f"{key}={value}")]
    submit = [str(Path(sys.executable).with_name("spark-submit")), "--verbose", "--master", "local[2]", *options]
    own = {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", "SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable}
    with (tmp_path / "said").open("w") as output:
        done = subprocess.run(
            [*submit, str(tmp_path / "job.py")],
            env=os.environ | own,
            stdout=output,
            stderr=subprocess.STDOUT,
            timeout=300,
            check=False,
        )
    said = (tmp_path / "said").read_text()
    events = "".join(path.read_text() for path in (tmp_path / "events").rglob("*") if path.is_file())
    assert done.returncode == 3, said[-5_000:]
    return {"said": said, "events": events}


def test_the_password_is_nowhere(shown: dict[str, Any], mongo_db: Settings) -> None:
    said, events = shown["said"], shown["events"]
    # That there was something to see:
    assert all(f"PLAN {mode}" in said for mode in ("extended", "cost", "formatted", "codegen"))
    assert "ROWS 50" in said
    assert all(f"FAILED {name}" in said for name in ("refused", "pipeline", "option", "worker"))
    assert said.count("QUERY <!DOCTYPE html>") >= 3
    assert said.count("COMMAND") >= 2
    assert said.partition("PAGE executors/threadDump")[2].count("WAITING") > 10
    assert "SparkListenerSQLExecutionStart" in events
    assert f"{mongo_db.mongo_database}.interactions" in said
    password = mongo_db.mongo_password.get_secret_value()
    for form in {password, quote_plus(password)}:
        assert form not in said
        assert form not in events
