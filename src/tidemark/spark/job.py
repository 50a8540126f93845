"""How a Spark job is called, and why it failed, carried over the process border to the Airflow task that submitted it.

spark-submit tells its caller only that something failed. So a job that fails writes why to `<run>/<job>.error.json`, and
the task raises it again as the same class: what is wrong fails at once, what is unreachable or unknown is retried. A
process that was killed leaves no such file: then `diagnosis` tells why from spark-submit's output and exit code.
"""

import argparse
import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import fsspec
from pymongo.errors import ConnectionFailure

from tidemark import errors
from tidemark.spark import causes, diagnosis
from tidemark.storage import artifacts, run_folder
from tidemark.text import without_passwords

DATA_ERROR = 65
"""Exit code of a job that failed for a reason it knows (`EX_DATAERR` of sysexits.h)."""

log = logging.getLogger(__name__)


def document(failure: errors.TidemarkError) -> dict[str, Any]:
    """An error as it crosses the process border, without passwords; `classes` are its own and its parents', nearest first."""
    classes = [kind.__name__ for kind in type(failure).__mro__ if issubclass(kind, errors.TidemarkError)]
    said = {"message": str(failure), "what_to_do": failure.what_to_do}
    return {"classes": classes} | {name: without_passwords(text) for name, text in said.items()}


def from_document(left: dict[str, Any]) -> errors.TidemarkError:
    """The error of `document`, of the nearest class of it that `tidemark.errors` has."""
    kinds = (getattr(errors, name, None) for name in left["classes"])
    kind = next((kind for kind in kinds if kind is not None), errors.TidemarkError)
    failure: errors.TidemarkError = kind(left["message"], left["what_to_do"])
    return failure


def _leave(job: str, run: str, failure: errors.TidemarkError) -> None:
    """Write why the job failed; where that cannot be written, the log alone says it."""
    try:
        artifacts.write_json(run_folder.error(run, job), document(failure))
    except Exception as problem:
        log.warning("why %s failed could not be left in %s: %s", job, run, causes.root_cause(problem))


@contextmanager
def running(job: str, run: str) -> Iterator[None]:
    """Run a job's body; why it fails is left for the task.

    Raises:
        SystemExit: with code `DATA_ERROR`, in place of a `TidemarkError`, which is logged in one line.
        Exception: any other, for Python to print with its stack trace.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    for noisy in ("py4j", "great_expectations", "pymongo"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    try:
        yield
    except errors.TidemarkError as error:
        failure = error
    except ConnectionFailure as error:
        failure = errors.UnreachableError(f"MongoDB stopped answering: {causes.root_cause(error)}")
    except Exception as error:
        _leave(job, run, diagnosis.of_error(error))
        raise
    else:
        return
    _leave(job, run, failure)
    log.error("%s failed: %s", job, without_passwords(str(failure)))
    raise SystemExit(DATA_ERROR)


def main(job: str, about: str | None, body: Callable[[str], None]) -> None:
    """The command line of every job, `<job>.py --run <run folder>`: run `body` on that folder, as `running` says.

    Args:
        job: its name.
        about: the job's docstring, for `--help`.
        body: the job.
    """
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", required=True, help="run folder")
    run = parser.parse_args().run
    with running(job, run):
        body(run)


def forget_error(job: str, run: str) -> None:
    """Remove what an earlier try of `job` in the folder `run` left."""
    filesystem, path = fsspec.core.url_to_fs(run_folder.error(run, job))
    if filesystem.exists(path):
        filesystem.rm(path)


def raise_error(job: str, run: str, said: Sequence[str] = (), exit_code: int | None = None) -> None:
    """Raise why `job` failed: what it left in the folder `run`, or else what spark-submit's end tells.

    Args:
        job: its name.
        run: the run folder.
        said: the last lines of spark-submit's output.
        exit_code: spark-submit's, as of `subprocess`; None: it is not known, and nothing is raised where nothing was left.

    Raises:
        TidemarkError: the child of it that the job failed with, or that fits how its process ended.
    """
    path = run_folder.error(run, job)
    left = from_document(artifacts.read_json(path)) if artifacts.exists(path) else None
    # Of a process ended by force, its Python says at most that its Java was gone.
    unsure = left is None or (isinstance(left, errors.JobFailedError) and diagnosis.cut_short(exit_code or 0))
    if exit_code is not None and unsure:
        left = diagnosis.of_process(said, exit_code)
    if left is not None:
        raise left from None
