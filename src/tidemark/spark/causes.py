"""The cause of a failure, read from what Python and Java say of it: an exception, or the output of spark-submit.

Both write the cause somewhere in pages of stack traces: Java in its last `Caused by:`, Python on the line below its
last traceback, a worker's Python within a Java exception within the driver's Python.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from tidemark.text import collapsed, without_passwords

LONGEST = 500
"""Characters of a cause that a person is shown."""

TRACEBACK = "Traceback (most recent call last):"

# What log4j writes, by spark_jobs/log4j2.properties: level, logger's last name, message.
_LOGGED = re.compile(r"(WARN|ERROR|FATAL) [\w.$]+: ")
_NAMED = re.compile(r"(?P<name>(?:[A-Za-z_$][\w$]*\.)*[A-Za-z_$][\w$]*)(?::(?: (?P<message>.*))?)?$")
_INTRODUCED = re.compile(r'(?:Caused by: |Exception in thread "[^"]*" |: )(?=[A-Za-z])')
_ERROR_NAME = re.compile(r"\w(?:Error|Exception)$")  # "Error: ..." alone is any program's word
_STAGE = re.compile(r"Job aborted due to stage failure: .*? executor [^)]*\): (?:[\w$]+\.)*([\w$]+: .+)")


@dataclass(frozen=True)
class Cause:
    """One exception as it names itself: the class without its package, and the first line of its message."""

    name: str
    message: str

    def text(self) -> str:
        """In one line that holds no password, of `LONGEST` characters at most."""
        stage = _STAGE.match(self.message)
        said = stage[1] if stage else f"{self.name}: {self.message}" if self.message else self.name
        said = without_passwords(collapsed(said))
        return said if len(said) <= LONGEST else f"{said[: LONGEST - 1]}…"


def chain_in(lines: Iterable[str]) -> list[Cause]:
    """The exceptions that ended a process, outermost first, from the lines that it wrote; empty where there is none.

    Those of the process itself count; where there are none, those that log4j reports as errors. Never its warnings.
    """
    logged: list[Cause] = []
    own: list[Cause] = []
    ignored: list[Cause] = []
    of, below_traceback, awaits_message = own, False, False
    for line in map(str.rstrip, lines):
        if level := _LOGGED.match(line):
            of, below_traceback, awaits_message = ignored if level[1] == "WARN" else logged, False, False
        elif line.endswith(TRACEBACK):
            of = own if line == TRACEBACK else of
            below_traceback, awaits_message = True, False
        elif not line or line[0] in " \t":
            awaits_message = awaits_message and not line.lstrip().startswith("at ")
        elif cause := _named(line, below_traceback):
            of = own if line.startswith("Exception in thread") else of
            of.append(cause)
            below_traceback, awaits_message = False, line.endswith(":")
        elif awaits_message:
            of.append(Cause(of.pop().name, line))
            awaits_message = False
        elif not below_traceback:
            of = own
    return own or logged


def _named(line: str, below_traceback: bool) -> Cause | None:
    """The exception that a line names; below a traceback, whatever its class is called."""
    introduced = _INTRODUCED.match(line)
    named = _NAMED.match(line, introduced.end() if introduced else 0)
    if named and (introduced or below_traceback or _ERROR_NAME.search(named["name"])):
        return Cause(named["name"].rpartition(".")[2].rpartition("$")[2], (named["message"] or "").strip())
    return None


def chain_of(error: BaseException) -> list[Cause]:
    """The exceptions that an exception tells of, outermost first: itself, and what Java or a worker says within it."""
    said = str(error)
    if trace := getattr(error, "_stackTrace", None):  # what PySpark makes of an exception of Java keeps its trace apart
        said = f"{said}\n{trace}"
    holds_trace = any(mark in said for mark in (TRACEBACK, "\n\tat ", "Caused by: "))
    within = chain_in(said.splitlines()) if holds_trace else []
    own = next((line for line in said.splitlines() if line.strip()), "") if holds_trace else collapsed(said)
    return [Cause(type(error).__name__, own.strip()), *within]


def innermost(chain: list[Cause]) -> Cause:
    """The last of a chain that says something: an `EOFException` without a word tells less than what it caused."""
    return next((cause for cause in reversed(chain) if cause.message), chain[-1])


def root_cause(error: BaseException) -> str:
    """What is wrong, in one line: the innermost cause that an exception of Python or Java names."""
    text = innermost(chain_of(error)).text()
    return f"{text} (from {innermost(chain_of(error.__cause__)).text()})" if error.__cause__ else text
