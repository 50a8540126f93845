"""How a Spark job is called, and its own error, carried over the process border to the Airflow task that submitted it.

spark-submit tells its caller only that something failed. So a job that fails for a reason Tidemark knows writes it to
`<run>/<job>.error.json`, and the task raises it again as the same class: what is wrong fails at once, what is
unreachable is retried.
"""

import argparse
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import fsspec
from pymongo.errors import ConnectionFailure

from tidemark import errors
from tidemark.storage import artifacts

DATA_ERROR = 65
"""Exit code of a job that failed for a reason it knows (`EX_DATAERR` of sysexits.h)."""


def _marker(run: str, job: str) -> str:
    return f"{run}/{job}.error.json"


@contextmanager
def running(job: str, run: str) -> Iterator[None]:
    """Run a job's body; a `TidemarkError` in it is logged in one line, written for the task, and ends the process.

    Raises:
        SystemExit: with code `DATA_ERROR`, in place of the `TidemarkError`.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    for noisy in ("py4j", "great_expectations", "pymongo"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    try:
        yield
    except errors.TidemarkError as error:
        failure = error
    except ConnectionFailure as error:
        failure = errors.UnreachableError(f"MongoDB stopped answering: {str(error)[:300]}. `make status` tells")
    else:
        return
    artifacts.write_json(_marker(run, job), {"error": type(failure).__name__, "message": str(failure)})
    logging.getLogger(__name__).error("%s failed: %s", job, failure)
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
    filesystem, path = fsspec.core.url_to_fs(_marker(run, job))
    if filesystem.exists(path):
        filesystem.rm(path)


def raise_error(job: str, run: str) -> None:
    """Raise the error that `job` left in the folder `run`, as the class it was; nothing where it left none.

    Raises:
        TidemarkError: whichever child of it the job failed with.
    """
    if artifacts.exists(_marker(run, job)):
        left = artifacts.read_json(_marker(run, job))
        raise getattr(errors, left["error"], errors.TidemarkError)(left["message"])
