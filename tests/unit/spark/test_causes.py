"""The cause is found in what real jobs said of it (excerpts, stack frames left out)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemark.spark import causes

PYTHON = """\
WARNING: Using incubator modules: jdk.incubator.vector
Traceback (most recent call last):
  File "/jobs.py", line 5, in <module>
    if kind == "value": raise ValueError("x is not y")
                        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
ValueError: x is not y
"""

CHAINED = """\
Traceback (most recent call last):
  File "/jobs.py", line 7, in <module>
    try: {}["a"]
         ~~^^^^^
KeyError: 'a'

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/jobs.py", line 8, in <module>
    except KeyError as e: raise RuntimeError("could not do it") from e
RuntimeError: could not do it
"""

OF_ANY_NAME = """\
Traceback (most recent call last):
  File "/jobs.py", line 5, in <module>
subprocess.TimeoutExpired: Command 'ls' timed out after 1 seconds
"""

NO_HEADER = """\
  File "/jobs.py", line 3
    spark = session(
                   ^
SyntaxError: '(' was never closed
"""

WORKER = """\
ERROR Executor: Exception in task 0.0 in stage 0.0 (TID 0)
org.apache.spark.api.python.PythonException: Traceback (most recent call last):
  File "/jobs.py", line 11, in f
    for b in batches: raise ValueError("row 7 is wrong")
ValueError: row 7 is wrong

\tat org.apache.spark.api.python.BasePythonRunner$ReaderIterator.handlePythonException(PythonRunner.scala:586)
ERROR TaskSetManager: Task 0 in stage 0.0 failed 1 times; aborting job
Traceback (most recent call last):
  File "/jobs.py", line 13, in <module>
    spark.range(10).mapInArrow(f, "id long").count()
  File "/jobs.py", line 11, in f
    for b in batches: raise ValueError("row 7 is wrong")
  ^^^^^^^^^^^^^^^^^
pyspark.errors.exceptions.captured.PythonException:
  An exception was thrown from the Python worker. Please see the stack trace below.
Traceback (most recent call last):
  File "/jobs.py", line 11, in f
    for b in batches: raise ValueError("row 7 is wrong")
ValueError: row 7 is wrong

"""

CRASHED = """\
Traceback (most recent call last):
  File "/jobs.py", line 36, in <module>
py4j.protocol.Py4JJavaError: An error occurred while calling o56.count.
: org.apache.spark.SparkException: Job aborted due to stage failure: Task 0 in stage 0.0 failed 1 times, most recent failure: \
Lost task 0.0 in stage 0.0 (TID 0) (localhost executor driver): org.apache.spark.SparkException: Python worker exited \
unexpectedly (crashed). Consider setting 'spark.python.worker.faulthandler.enabled'.
\tat org.apache.spark.api.python.BasePythonRunner$ReaderIterator.handleEndOfDataSection(PythonRunner.scala:692)
Caused by: java.io.EOFException
\tat java.base/java.io.DataInputStream.readInt(DataInputStream.java:381)
\t... 26 more

Driver stacktrace:
\tat org.apache.spark.scheduler.DAGScheduler.$anonfun$abortStage$2(DAGScheduler.scala:3122)
Caused by: org.apache.spark.SparkException: Python worker exited unexpectedly (crashed). Consider setting \
'spark.python.worker.faulthandler.enabled'.
\t... 3 more
Caused by: java.io.EOFException
\t... 26 more
"""

CAUSED_BY = """\
Traceback (most recent call last):
  File "/jobs.py", line 23, in <module>
py4j.protocol.Py4JJavaError: An error occurred while calling o49.count.
: com.mongodb.spark.sql.connector.exceptions.MongoSparkException: Partitioning failed. Partitioner calling collStats failed
\tat com.mongodb.spark.sql.connector.read.partitioner.PartitionerHelper.generatePartitions(PartitionerHelper.java:88)
\tSuppressed: org.apache.spark.util.Utils$OriginalTryStackTraceException: Full stacktrace of original caller
\t\t... 32 more
\tCaused by: java.lang.IllegalStateException: of what is suppressed
Caused by: com.mongodb.spark.sql.connector.exceptions.MongoSparkException: Partitioner calling collStats command failed
\t... 32 more
Caused by: com.mongodb.MongoTimeoutException: Timed out while waiting for a server
\t... 92 more
"""

AFTER_A_WARNING = """\
WARN FileStreamSink: Assume no metadata directory. Error while looking for metadata directory in the path: /no/such/file.
java.io.FileNotFoundException: File /no/such/file does not exist
\tat org.apache.hadoop.fs.RawLocalFileSystem.deprecatedGetFileStatus(RawLocalFileSystem.java:980)
Traceback (most recent call last):
  File "/jobs.py", line 19, in <module>
pyspark.errors.exceptions.captured.AnalysisException: [PATH_NOT_FOUND] Path does not exist: file:/no/such/file. SQLSTATE: 42K03
"""

ON_THE_NEXT_LINE = """\
Traceback (most recent call last):
  File "/jobs.py", line 48, in <module>
pyspark.errors.exceptions.captured.ParseException:
[PARSE_SYNTAX_ERROR] Syntax error at or near 'selct'. SQLSTATE: 42601 (line 1, pos 0)

== SQL ==
selct 1
^^^
"""

LOGGED_ONLY = """\
ERROR Executor: Exception in task 0.0 in stage 1.0 (TID 1)
java.lang.OutOfMemoryError: Java heap space
\tat java.base/java.util.Arrays.copyOf(Arrays.java:3537)
ERROR SparkUncaughtExceptionHandler: Uncaught exception in thread Thread[Executor task launch worker for task 0.0,5,main]
java.lang.OutOfMemoryError: Java heap space
\tat java.base/java.util.Arrays.copyOf(Arrays.java:3537)
ERROR TaskSetManager: Task 0 in stage 1.0 failed 1 times; aborting job
"""

JAVA_MAIN = """\
Exception in thread "main" java.io.IOException: Cannot run program "/no/python": error=2, No such file or directory
\tat java.base/java.lang.ProcessBuilder.start(ProcessBuilder.java:1143)
Caused by: java.io.IOException: error=2, No such file or directory
\tat java.base/java.lang.ProcessImpl.forkAndExec(Native Method)
"""


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        (PYTHON, "ValueError: x is not y"),
        (CHAINED, "RuntimeError: could not do it"),
        (OF_ANY_NAME, "TimeoutExpired: Command 'ls' timed out after 1 seconds"),
        (NO_HEADER, "SyntaxError: '(' was never closed"),
        (WORKER, "ValueError: row 7 is wrong"),
        (
            CRASHED,
            "SparkException: Python worker exited unexpectedly (crashed). Consider setting "
            "'spark.python.worker.faulthandler.enabled'.",
        ),
        (CAUSED_BY, "MongoTimeoutException: Timed out while waiting for a server"),
        (
            AFTER_A_WARNING,
            "AnalysisException: [PATH_NOT_FOUND] Path does not exist: file:/no/such/file. SQLSTATE: 42K03",
        ),
        (
            ON_THE_NEXT_LINE,
            "ParseException: [PARSE_SYNTAX_ERROR] Syntax error at or near 'selct'. SQLSTATE: 42601 (line 1, pos 0)",
        ),
        (LOGGED_ONLY, "OutOfMemoryError: Java heap space"),
        (JAVA_MAIN, "IOException: error=2, No such file or directory"),
    ],
)
def test_the_innermost_cause_of_what_a_process_said(said: str, cause: str) -> None:
    assert causes.innermost(causes.chain_in(said.splitlines())).text() == cause


def test_warnings_and_words_are_no_cause() -> None:
    assert causes.chain_in(["read 12 rows: 3 rejected", "Note: this", *AFTER_A_WARNING.splitlines()[:3]]) == []


def test_a_stages_failure_is_the_tasks() -> None:
    text = CRASHED.splitlines()[3].removeprefix(": ")
    cause = causes.innermost(causes.chain_in([text])).text()
    assert cause.startswith("SparkException: Python worker exited unexpectedly (crashed)")


class Py4JJavaError(Exception):
    """As py4j's: the whole trace of Java is its text."""


def _from(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (ValueError("x is\n  not y"), "ValueError: x is not y"),
        (AssertionError(), "AssertionError"),
        (_from(RuntimeError("no"), KeyError("a")), "RuntimeError: no (from KeyError: 'a')"),
        (
            Py4JJavaError("\n".join(CAUSED_BY.splitlines()[2:]).removeprefix("py4j.protocol.Py4JJavaError: ")),
            "MongoTimeoutException: Timed out while waiting for a server",
        ),
        (
            Py4JJavaError(
                "An error occurred while calling o46.count.\n: java.lang.OutOfMemoryError: Java heap space\n\tat x"
            ),
            "OutOfMemoryError: Java heap space",
        ),
    ],
)
def test_the_innermost_cause_of_an_exception(error: Exception, cause: str) -> None:
    assert causes.root_cause(error) == cause


def test_what_pyspark_made_of_a_java_exception_names_javas_innermost_cause() -> None:
    error = RuntimeError("[STREAM_FAILED] Query terminated with exception: the batch failed")
    trace = "org.apache.spark.StreamException: the batch failed\n\tat x\nCaused by: java.io.IOException: full\n\tat y"
    error._stackTrace = trace  # type: ignore[attr-defined]
    assert causes.root_cause(error) == "IOException: full"


@given(st.text())
def test_any_text_gives_one_line_of_bounded_length(text: str) -> None:
    chain = causes.chain_in(text.splitlines())
    for said in (causes.root_cause(ValueError(text)), *(cause.text() for cause in chain)):
        assert len(said) <= causes.LONGEST
        assert len(said.splitlines()) == 1
