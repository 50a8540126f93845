"""A job's own error reaches whoever submitted it, as the class it was."""

from pathlib import Path

import pytest
from pymongo.errors import ServerSelectionTimeoutError

from tidemark import errors, jobs


def test_a_known_error_crosses_the_process_border(tmp_path: Path) -> None:
    run = str(tmp_path / "run")
    with pytest.raises(SystemExit) as ended, jobs.running("train", run):
        raise errors.NotEnoughDataError("12 interactions: load more")
    assert ended.value.code == jobs.DATA_ERROR
    with pytest.raises(errors.NotEnoughDataError, match="load more"):
        jobs.raise_error("train", run)


def test_a_lost_server_is_unreachable(tmp_path: Path) -> None:
    with pytest.raises(SystemExit), jobs.running("train", str(tmp_path)):
        raise ServerSelectionTimeoutError("127.0.0.1:1: refused")
    with pytest.raises(errors.UnreachableError):
        jobs.raise_error("train", str(tmp_path))


def test_a_fault_is_not_dressed_up(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), jobs.running("train", str(tmp_path)):
        _ = 1 / 0
    jobs.raise_error("train", str(tmp_path))


def test_an_earlier_trys_error_is_forgotten(tmp_path: Path) -> None:
    with pytest.raises(SystemExit), jobs.running("train", str(tmp_path)):
        raise errors.GateError("no")
    jobs.forget_error("train", str(tmp_path))
    jobs.forget_error("train", str(tmp_path))
    jobs.raise_error("train", str(tmp_path))
