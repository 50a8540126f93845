"""What a red Spark task says, of real jobs that really fail: by Python, Java, a gate, memory, a missing class, a kill.

Each starts a JVM; `TIDEMARK_FULL=1` runs all of them, without it one of each kind is run.
"""

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tidemark import errors
from tidemark.local.throwaway import environment
from tidemark.operations.alerts import Failure
from tidemark.settings import ROOT, Settings, settings

sys.path.insert(0, str(ROOT / "plugins"))  # as Airflow does
operators = pytest.importorskip("tidemark_operators")

JOB = """
import os, signal, time
from tidemark import errors
from tidemark.contracts import gates
from tidemark.settings import settings
from tidemark.spark import job
from tidemark.spark.session import session
from tidemark.storage import mongo, run_folder

def in_worker(batches):
    for batch in batches:
        {worker}
        yield batch

def main(run):
    spark = session("red")
    {body}

if __name__ == "__main__":
    job.main("red", None, main)
"""

another_of_its_kind = pytest.mark.skipif(not os.environ.get("TIDEMARK_FULL"), reason="TIDEMARK_FULL=1: a JVM's start")

PAGE = "http://127.0.0.1:8080/dags/d/runs/r/tasks/red"


@pytest.fixture
def fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Submit a job with that body as the operator does; gives the error of its task."""
    monkeypatch.setenv("PYTHONPATH", f"{ROOT / 'src'}{os.pathsep}{ROOT}")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("AIRFLOW_CONN_SPARK_DEFAULT", '{"conn_type": "spark", "host": "local[1]"}')
    monkeypatch.setenv("TIDEMARK_STATE", str(tmp_path / "state"))
    settings.cache_clear()

    def submit(body: str, worker: str = "pass", **options: Any) -> errors.TidemarkError:
        script = tmp_path / "red.py"
        script.write_text(JOB.format(body=body, worker=worker))
        run = f"{settings().artifacts_root}/load_reviews/manual"
        options = {"driver_memory": "512m"} | options
        task = operators.TidemarkSparkSubmit(task_id="red", job=str(script), run=run, short=True, **options)
        with pytest.raises(errors.TidemarkError) as failure:
            task.execute({})
        assert failure.value.__suppress_context__  # nor does the log repeat spark-submit's command
        return failure.value

    return submit


def says(error: errors.TidemarkError) -> str:
    """The lines that a person reads."""
    text = Failure.of(error, settings(), PAGE).text()
    assert "spark-submit" not in text
    assert "\tat " not in text
    return text


def test_python_at_the_driver(fails: Any) -> None:
    error = fails('raise ValueError("x is not y")')
    assert type(error) is errors.JobFailedError
    assert says(error).startswith("Cause: ValueError: x is not y\nWhat to do: the stack trace above these lines")


@another_of_its_kind
def test_python_before_the_job_begins(fails: Any) -> None:
    error = fails("pass\nimport no_such_module")
    assert type(error) is errors.JobFailedError
    assert str(error) == "ModuleNotFoundError: No module named 'no_such_module'"


def test_python_in_a_worker(fails: Any) -> None:
    error = fails('spark.range(9).mapInArrow(in_worker, "id long").count()', 'raise ValueError("row 7 is wrong")')
    assert type(error) is errors.JobFailedError
    assert says(error).startswith("Cause: ValueError: row 7 is wrong\n")


@another_of_its_kind
def test_java_a_missing_file(fails: Any) -> None:
    error = fails('spark.read.parquet("/no/such/file").count()')
    assert type(error) is errors.JobFailedError
    assert says(error).startswith("Cause: AnalysisException: [PATH_NOT_FOUND] Path does not exist: file:/no/such/file.")
    assert "run the task that makes it" in says(error)


def test_java_a_login_that_is_refused(fails: Any, mongo_db: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment(mongo_db, "mongo_").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TIDEMARK_MONGO_PASSWORD", "open-sesame")
    settings.cache_clear()
    error = fails('mongo.read(spark, "loads", "interaction").count()')
    assert type(error) is errors.SettingError
    assert "MongoDB refused the login" in says(error)
    assert "TIDEMARK_MONGO_PASSWORD" in error.what_to_do
    assert "open-sesame" not in says(error)


@another_of_its_kind
def test_java_a_server_that_is_away(fails: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    away = "mongodb://tidemark:open-sesame@127.0.0.1:1/?serverSelectionTimeoutMS=500"
    error = fails(
        f'spark.read.format("mongodb").option("connection.uri", "{away}").option("database", "d")'
        '.option("collection", "c").schema("a long").load().count()'
    )
    assert type(error) is errors.UnreachableError
    assert "MongoDB does not answer" in says(error)
    assert "Connection refused" in says(error)
    assert "open-sesame" not in says(error)


def test_a_gate(fails: Any) -> None:
    error = fails(
        "import pandas as pd\n"
        '    columns = ["stored", "rejected_share", "items", "users", "days", "duplicate_share", "empty_text_share"]\n'
        '    frame = pd.DataFrame([[9, 0, 9, 1, 9, 0, 0, 0]], columns=[*columns, "commonest_rating_share"])\n'
        '    gates.check(frame, "landed_reviews", run_folder.docs(run, "landed_reviews"))'
    )
    assert type(error) is errors.GateError
    text = says(error)
    assert text.startswith("Cause: gate landed_reviews: 1 of 8 expectations failed: all reviews are of one user")
    assert "Data Docs, http://127.0.0.1:8080/tidemark/checks/load_reviews/manual/landed_reviews, " in text


def test_java_without_memory(fails: Any) -> None:
    error = fails(
        "while True:\n        kept = [*locals().get('kept', []), spark._jvm.java.nio.ByteBuffer.allocate(1 << 26)]"
    )
    assert type(error) is errors.NotEnoughMemoryError
    assert "Java ran out of memory (Java heap space)" in says(error)
    assert "TIDEMARK_SPARK_DRIVER_MEMORY" in says(error)


@another_of_its_kind
def test_java_without_memory_in_a_task_which_ends_the_jvm(fails: Any) -> None:
    error = fails(
        'rows = spark.range(3_000_000).selectExpr("id % 2 as k", "repeat(cast(id as string), 100) as s")\n'
        '    rows.groupBy("k").agg({"s": "collect_list"}).write.format("noop").mode("overwrite").save()'
    )
    assert type(error) is errors.NotEnoughMemoryError
    assert "Java ran out of memory" in says(error)


def test_python_without_memory(fails: Any) -> None:
    error = fails("bytearray(1 << 60)")
    assert type(error) is errors.NotEnoughMemoryError
    assert "Python ran out of memory" in says(error)


def test_a_machine_without_the_memory_that_is_asked_for(fails: Any) -> None:
    error = fails("pass", driver_memory="900000g")
    assert type(error) is errors.SettingError
    assert "lower TIDEMARK_SPARK_DRIVER_MEMORY" in says(error)


def test_a_worker_that_is_killed(fails: Any) -> None:
    error = fails('spark.range(9).mapInArrow(in_worker, "id long").count()', "os.kill(os.getpid(), signal.SIGKILL)")
    assert type(error) is errors.KilledError
    assert "a Python worker of Spark was killed or crashed" in says(error)


@another_of_its_kind
def test_a_missing_class(fails: Any) -> None:
    error = fails('spark._jvm.java.lang.Class.forName("org.nope.Thing")')
    assert type(error) is errors.MissingClassError
    assert "Java has no class org.nope.Thing" in says(error)


def test_the_connectors_jars_are_not_there(fails: Any) -> None:
    error = fails('spark.read.format("mongodb").load().count()', conf={"spark.jars": ""})
    assert type(error) is errors.MissingClassError
    assert "Spark has no data source mongodb" in says(error)
    assert "make setup" in says(error)


KILLED = "Cause: the job's process was killed (signal 9): by a person, or by the system for want of memory\n"


def test_the_drivers_java_is_killed(fails: Any) -> None:
    error = fails("os.kill(os.getppid(), signal.SIGKILL)\n    spark.range(9).count()")
    assert type(error) is errors.KilledError
    assert says(error).startswith(KILLED)
    assert "clear the task to run it again" in says(error)


@another_of_its_kind
def test_the_drivers_python_is_killed(fails: Any) -> None:
    error = fails("os.kill(os.getpid(), signal.SIGKILL)")
    assert type(error) is errors.KilledError
    assert says(error).startswith(KILLED)


@pytest.mark.parametrize("whom", ["os.getpid()", pytest.param("os.getppid()", marks=another_of_its_kind)])
def test_the_driver_is_told_to_stop(fails: Any, whom: str) -> None:
    error = fails(f"os.kill({whom}, signal.SIGTERM)\n    time.sleep(60)")
    assert type(error) is errors.KilledError
    assert "was told to stop (signal 15)" in says(error)
