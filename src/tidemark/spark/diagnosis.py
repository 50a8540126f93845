"""What a Spark job failed of, as the error that says what to do and whether another try may help."""

import re
import signal
from collections.abc import Sequence
from dataclasses import dataclass

from tidemark.errors import (
    JobFailedError,
    KilledError,
    MissingClassError,
    NotEnoughMemoryError,
    SettingError,
    TidemarkError,
    UnreachableError,
)
from tidemark.spark import causes
from tidemark.spark.causes import Cause
from tidemark.text import collapsed, without_passwords

OUT_OF_MEMORY = 52
"""Exit code of a Spark JVM that had no heap left (`SparkExitCode.OOM`)."""


@dataclass(frozen=True)
class Rule:
    """A cause that is known by its words: `said` (a pattern of `re`, over all exceptions of the chain) makes an error.

    `sentence` is the error's message: `{cause}` in it is the innermost cause, `{0}` what the pattern's group found.
    """

    said: str
    error: type[TidemarkError]
    sentence: str = "{cause}"
    what_to_do: str = ""


RULES = (
    Rule(
        r"OutOfMemoryError: (.*)",
        NotEnoughMemoryError,
        "the job's Java ran out of memory ({0}); the same memory would fail the same way, so it is not tried again",
    ),
    Rule(
        r"\b_?(?:Array)?MemoryError\b",
        NotEnoughMemoryError,
        "the job's Python ran out of memory ({cause}); it would fail the same way, so it is not tried again",
        "let it see fewer (TIDEMARK_WINDOW, the run's params), or give the machine more memory. Then clear the task",
    ),
    Rule(
        r"Python worker exited unexpectedly|Python worker failed to connect back",
        KilledError,
        "a Python worker of Spark was killed or crashed, most often for want of memory",
    ),
    Rule(
        r"Failed to find (?:the )?data source: ([\w.-]*\w)",
        MissingClassError,
        "Spark has no data source {0}: the jar of its connector is not there",
    ),
    Rule(r"(?:ClassNotFoundException|NoClassDefFoundError): (\S+)", MissingClassError, "Java has no class {0}"),
    Rule(r"'JavaPackage' object is not callable", MissingClassError, "Java lacks a class that the job calls"),
    Rule(
        r"MongoSecurityException|AuthenticationFailed|Authentication failed",
        SettingError,
        "MongoDB refused the login: {cause}",
        "see that TIDEMARK_MONGO_USER and TIDEMARK_MONGO_PASSWORD in .env are those of the server, then clear the task",
    ),
    Rule(r"MongoTimeoutException|MongoSocket\w*Exception", UnreachableError, "MongoDB does not answer: {cause}"),
    Rule(
        r"PATH_NOT_FOUND|FileNotFoundException|NoSuchFileException|FileNotFoundError",
        JobFailedError,
        what_to_do="see that the file is there: run the task that makes it, or mend its path. Then clear the task",
    ),
    Rule(r"No space left on device", JobFailedError, what_to_do="make room on the disk, then clear the task"),
)

# What a JVM says that could not start; it is no exception.
NO_START = (
    Rule(
        r"(Could not reserve enough space for .*)",
        SettingError,
        "the machine does not have the memory that the job's Java asks for: {0}",
        "lower TIDEMARK_SPARK_DRIVER_MEMORY (of explore_reviews: TIDEMARK_EXPLORE_MEMORY), then clear the task",
    ),
    Rule(
        r"(Invalid maximum heap size: .*)",
        SettingError,
        "Java cannot read the size of its heap: {0}",
        "TIDEMARK_SPARK_DRIVER_MEMORY and TIDEMARK_EXPLORE_MEMORY are written 3g or 800m; mend it, then clear the task",
    ),
)

SIGNALS = {
    signal.SIGKILL: "was killed (signal 9): by a person, or by the system for want of memory",
    signal.SIGTERM: "was told to stop (signal 15): by a person, or by the system that shuts down",
}


def _apply(rules: Sequence[Rule], said: str, cause: str) -> TidemarkError | None:
    for rule in rules:
        if match := re.search(rule.said, said):
            return rule.error(without_passwords(rule.sentence.format(*match.groups(), cause=cause)), rule.what_to_do)
    return None


def _of_chain(chain: list[Cause], cause: str) -> TidemarkError:
    said = "\n".join(f"{link.name}: {link.message}" for link in chain)
    return _apply(RULES, said, cause) or JobFailedError(cause)


def of_error(error: BaseException) -> TidemarkError:
    """What the exception that ended a job's Python means."""
    return _of_chain(causes.chain_of(error), causes.root_cause(error))


def signal_of(exit_code: int) -> int | None:
    """The signal that ended a process, from the exit code of its own (-9) or of a shell or a JVM above it (137)."""
    return -exit_code if exit_code < 0 else exit_code - 128 if 128 < exit_code < 128 + signal.NSIG else None


def cut_short(exit_code: int) -> bool:
    """Whether the process was ended by force: what its Python said then is only that its Java was gone."""
    return signal_of(exit_code) is not None or exit_code == OUT_OF_MEMORY


def of_process(lines: Sequence[str], exit_code: int) -> TidemarkError:
    """What ended spark-submit, from the end of its output and its exit code, where the job itself could leave no word.

    Args:
        lines: the end of what it wrote, indented as it was.
        exit_code: as of `subprocess`: negative where a signal ended it.
    """
    chain = causes.chain_in(lines)
    known = _of_chain(chain, causes.innermost(chain).text()) if chain else JobFailedError()
    if isinstance(known, NotEnoughMemoryError):
        return known
    if exit_code == OUT_OF_MEMORY:
        return NotEnoughMemoryError(
            "the job's Java ran out of memory; it would fail the same way, so it is not tried again"
        )
    if (number := signal_of(exit_code)) is not None:
        how = SIGNALS.get(signal.Signals(number)) if number in set(signal.Signals) else None
        return KilledError(f"the job's process {how or f'was ended by signal {number}'}")
    if chain:
        return known
    last = next((line for line in reversed(lines) if line.strip()), "nothing")
    shown = without_passwords(collapsed(last))[: causes.LONGEST]
    return _apply(NO_START, "\n".join(lines), shown) or JobFailedError(
        f"spark-submit ended with exit code {exit_code}; the last that it said: {shown}"
    )
