"""Why a job failed reaches whoever submitted it, as the class it was."""

import inspect
from pathlib import Path

import pytest
from pymongo.errors import ServerSelectionTimeoutError

from tidemark import errors
from tidemark.spark import job

CLASSES = [kind for _, kind in inspect.getmembers(errors, inspect.isclass)]
KNOWN = [kind for kind in CLASSES if issubclass(kind, errors.TidemarkError)]


@pytest.mark.parametrize("kind", KNOWN, ids=lambda kind: kind.__name__)
def test_a_known_error_crosses_the_process_border_as_the_class_it_was(kind: type, tmp_path: Path) -> None:
    run = str(tmp_path / "run")
    with pytest.raises(SystemExit) as ended, job.running("train", run):
        raise kind("12 interactions", "load more")
    assert ended.value.code == job.DATA_ERROR
    with pytest.raises(errors.TidemarkError) as raised:
        job.raise_error("train", run, [], job.DATA_ERROR)
    assert type(raised.value) is kind
    assert (str(raised.value), raised.value.what_to_do) == ("12 interactions", "load more")
    assert raised.value.__suppress_context__  # the log shows no second stack trace


@pytest.mark.parametrize("kind", sorted(set(CLASSES) - set(KNOWN), key=str), ids=lambda kind: kind.__name__)
def test_an_error_that_is_none_of_a_tasks_is_unknown(kind: type, tmp_path: Path) -> None:
    error = kind(409, "no") if kind is errors.RefusedError else kind("no")
    with pytest.raises(kind), job.running("train", str(tmp_path)):
        raise error
    with pytest.raises(errors.JobFailedError, match=f"^{kind.__name__}: no$"):
        job.raise_error("train", str(tmp_path))


def test_a_child_that_lives_elsewhere_comes_back_as_its_nearest_known_class(tmp_path: Path) -> None:
    class ElectionError(errors.CoordinatorStartingError):
        """Of a job's own module."""

    with pytest.raises(SystemExit), job.running("train", str(tmp_path)):
        raise ElectionError("no primary")
    with pytest.raises(errors.CoordinatorStartingError, match="no primary"):
        job.raise_error("train", str(tmp_path))


def test_a_lost_server_is_unreachable(tmp_path: Path) -> None:
    with pytest.raises(SystemExit), job.running("train", str(tmp_path)):
        raise ServerSelectionTimeoutError("127.0.0.1:1: refused")
    with pytest.raises(errors.UnreachableError, match=r"127\.0\.0\.1:1: refused"):
        job.raise_error("train", str(tmp_path))


def test_a_fault_keeps_its_stack_trace_and_says_its_cause(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), job.running("train", str(tmp_path)):
        _ = 1 / 0
    with pytest.raises(errors.JobFailedError, match=r"^ZeroDivisionError: division by zero$"):
        job.raise_error("train", str(tmp_path), [], 1)


def test_a_memory_error_is_not_tried_again(tmp_path: Path) -> None:
    with pytest.raises(MemoryError), job.running("train", str(tmp_path)):
        raise MemoryError
    with pytest.raises(errors.NotEnoughMemoryError):
        job.raise_error("train", str(tmp_path), [], 1)


def test_what_ended_the_process_outweighs_what_its_python_made_of_that(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="gone"), job.running("train", str(tmp_path)):
        raise OSError("Answer from Java side is empty: gone")
    with pytest.raises(errors.KilledError, match="signal 9"):
        job.raise_error("train", str(tmp_path), [], -9)


def test_a_known_error_outweighs_how_its_process_ended(tmp_path: Path) -> None:
    with pytest.raises(SystemExit), job.running("train", str(tmp_path)):
        raise errors.GateError("one user")
    with pytest.raises(errors.GateError, match="one user"):
        job.raise_error("train", str(tmp_path), [], -9)


def test_no_password_crosses(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(SystemExit), job.running("train", str(tmp_path)):
        raise errors.BadInputError("cannot read https://me:sesame@host/x", "see mongodb://me:sesame@host")
    assert "https://***@host/x" in caplog.text
    left = (tmp_path / "train.error.json").read_text()
    assert "sesame" not in caplog.text + left


def test_a_cause_that_cannot_be_left_hides_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "run").write_text("a file where a folder should be")
    with pytest.raises(ZeroDivisionError), job.running("train", str(tmp_path / "run")):
        _ = 1 / 0
    assert "could not be left" in caplog.text


def test_an_earlier_trys_error_is_forgotten(tmp_path: Path) -> None:
    with pytest.raises(SystemExit), job.running("train", str(tmp_path)):
        raise errors.GateError("no")
    job.forget_error("train", str(tmp_path))
    job.forget_error("train", str(tmp_path))
    job.raise_error("train", str(tmp_path))
