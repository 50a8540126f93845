"""A cause becomes the error that says what to do and whether another try may help."""

import signal

import pytest

from tidemark import errors
from tidemark.spark import diagnosis


def java(*chain: str) -> list[str]:
    """What a job says whose call of Java fails."""
    head = ["Traceback (most recent call last):", "  File x", "Py4JJavaError: An error occurred while calling o1.load."]
    links = [line for link in chain for line in (f"Caused by: {link}", "\tat x")]
    return [*head, *links]


def python(last: str) -> list[str]:
    """What a job says that fails in Python."""
    return ["Traceback (most recent call last):", '  File "/jobs.py", line 1, in <module>', last]


WARNING = ["WARNING: Using incubator modules: jdk.incubator.vector"]


@pytest.mark.parametrize(
    ("said", "exit_code", "kind", "message", "what_to_do"),
    [
        (python("ValueError: x"), 1, errors.JobFailedError, "ValueError: x", "stack trace"),
        (
            java("java.lang.OutOfMemoryError: Java heap space"),
            1,
            errors.NotEnoughMemoryError,
            "Java ran out of memory (Java heap space)",
            "TIDEMARK_SPARK_DRIVER_MEMORY",
        ),
        (WARNING, 52, errors.NotEnoughMemoryError, "Java ran out of memory", "TIDEMARK_EXPLORE_MEMORY"),
        (
            java("java.lang.OutOfMemoryError: Java heap space"),
            -9,
            errors.NotEnoughMemoryError,
            "Java heap space",
            "TIDEMARK_SPARK_DRIVER_MEMORY",
        ),
        (python("MemoryError"), 1, errors.NotEnoughMemoryError, "Python ran out of memory", "TIDEMARK_WINDOW"),
        (
            python("numpy._core._exceptions._ArrayMemoryError: Unable to allocate 8.00 PiB for an array"),
            1,
            errors.NotEnoughMemoryError,
            "Unable to allocate 8.00 PiB",
            "TIDEMARK_WINDOW",
        ),
        (
            java(
                "org.apache.spark.SparkException: Python worker exited unexpectedly (crashed).", "java.io.EOFException"
            ),
            1,
            errors.KilledError,
            "Python worker of Spark was killed or crashed",
            "clear the task",
        ),
        (
            java(
                "org.apache.spark.SparkClassNotFoundException: [DATA_SOURCE_NOT_FOUND] Failed to find the data source: "
                "mongodb. Make sure the provider name is correct",
                "java.lang.ClassNotFoundException: mongodb.DefaultSource",
            ),
            1,
            errors.MissingClassError,
            "no data source mongodb:",
            "make setup",
        ),
        (
            java("java.lang.ClassNotFoundException: org.nope.Thing"),
            1,
            errors.MissingClassError,
            "Java has no class org.nope.Thing",
            "make setup",
        ),
        (
            java("java.lang.NoClassDefFoundError: org/bson/BsonValue"),
            1,
            errors.MissingClassError,
            "Java has no class org/bson/BsonValue",
            "make setup",
        ),
        (
            python("TypeError: 'JavaPackage' object is not callable"),
            1,
            errors.MissingClassError,
            "Java lacks a class",
            "make setup",
        ),
        (
            java(
                "com.mongodb.MongoSecurityException: Exception authenticating MongoCredential{mechanism=SCRAM-SHA-256}"
            ),
            1,
            errors.SettingError,
            "MongoDB refused the login",
            "TIDEMARK_MONGO_PASSWORD",
        ),
        (
            java("com.mongodb.MongoTimeoutException: Timed out while waiting for a server"),
            1,
            errors.UnreachableError,
            "MongoDB does not answer",
            "make status",
        ),
        (
            python(
                "pyspark.errors.exceptions.captured.AnalysisException: [PATH_NOT_FOUND] Path does not exist: file:/x."
            ),
            1,
            errors.JobFailedError,
            "[PATH_NOT_FOUND] Path does not exist: file:/x.",
            "see that the file is there",
        ),
        (python("OSError: [Errno 28] No space left on device"), 1, errors.JobFailedError, "No space left", "make room"),
        (WARNING, -9, errors.KilledError, "signal 9", "dmesg"),
        (WARNING, 137, errors.KilledError, "signal 9", "dmesg"),
        (WARNING, 143, errors.KilledError, "signal 15", "clear the task"),
        (WARNING, 139, errors.KilledError, "signal 11", "clear the task"),
        (python("ValueError: x"), -9, errors.KilledError, "signal 9", "dmesg"),
        (
            [
                "Error occurred during initialization of VM",
                "Could not reserve enough space for 943718400000KB object heap",
            ],
            1,
            errors.SettingError,
            "does not have the memory",
            "lower TIDEMARK_SPARK_DRIVER_MEMORY",
        ),
        (
            ["Invalid maximum heap size: -Xmx12xg", "Error: Could not create the Java Virtual Machine."],
            1,
            errors.SettingError,
            "-Xmx12xg",
            "800m",
        ),
        (
            ["spark-submit: line 27: /bin/spark-class: No such file or directory", ""],
            127,
            errors.JobFailedError,
            "exit code 127; the last that it said: spark-submit: line 27: /bin/spark-class: No such file or directory",
            "clear the task",
        ),
        ([], 3, errors.JobFailedError, "exit code 3; the last that it said: nothing", "clear the task"),
    ],
)
def test_what_ended_a_process(said: list[str], exit_code: int, kind: type, message: str, what_to_do: str) -> None:
    error = diagnosis.of_process(said, exit_code)
    assert type(error) is kind
    assert message in str(error)
    assert what_to_do in error.what_to_do
    assert len(str(error).splitlines()) == 1


@pytest.mark.parametrize("exit_code", [0, 1, 2, 52, 65, 127, 128, 255])
def test_an_ordinary_exit_code_is_no_signal(exit_code: int) -> None:
    assert diagnosis.signal_of(exit_code) is None


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGSEGV])
def test_a_signal_is_told_by_either_exit_code(number: signal.Signals) -> None:
    assert diagnosis.signal_of(-number) == diagnosis.signal_of(128 + number) == number


def test_no_password_gets_into_a_message() -> None:
    java_says = "com.mongodb.MongoConfigurationException: bad uri mongodb://tidemark:sesame@127.0.0.1:27017/?a=b"
    for error in (
        diagnosis.of_process(java(java_says), 1),
        diagnosis.of_process([java_says.partition(": ")[2]], 3),
        diagnosis.of_error(ValueError("mongodb://tidemark:sesame@127.0.0.1:27017/")),
    ):
        assert "sesame" not in str(error)
        assert "tidemark:***@127.0.0.1" in str(error)
