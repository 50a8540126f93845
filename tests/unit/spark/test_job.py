"""A job's own error reaches whoever submitted it, as the class it was."""

from pathlib import Path

import pytest
from pymongo.errors import ServerSelectionTimeoutError

from tidemark import errors
from tidemark.spark import job


def test_a_known_error_crosses_the_process_border(tmp_path: Path) -> None:
    run = str(tmp_path / "run")
    with pytest.raises(SystemExit) as ended, job.running("train", run):
        raise errors.NotEnoughDataError("12 interactions: load more")
    assert ended.value.code == job.DATA_ERROR
    with pytest.raises(errors.NotEnoughDataError, match="load more"):
        job.raise_error("train", run)


def test_a_lost_server_is_unreachable(tmp_path: Path) -> None:
    with pytest.raises(SystemExit), job.running("train", str(tmp_path)):
        raise ServerSelectionTimeoutError("127.0.0.1:1: refused")
    with pytest.raises(errors.UnreachableError):
        job.raise_error("train", str(tmp_path))


def test_a_fault_is_not_dressed_up(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), job.running("train", str(tmp_path)):
        _ = 1 / 0
    job.raise_error("train", str(tmp_path))


def test_an_earlier_trys_error_is_forgotten(tmp_path: Path) -> None:
    with pytest.raises(SystemExit), job.running("train", str(tmp_path)):
        raise errors.GateError("no")
    job.forget_error("train", str(tmp_path))
    job.forget_error("train", str(tmp_path))
    job.raise_error("train", str(tmp_path))
