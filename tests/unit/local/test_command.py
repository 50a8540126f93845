import sys
from pathlib import Path

import pytest

from tidemark.local.command import Command


def test_a_child_runs_for_the_length_of_a_block_and_its_log_goes_on(tmp_path: Path):
    log = tmp_path / "log"
    for said in ("one", "two"):
        with Command([sys.executable, "-c", f"print('{said}', flush=True); input()"]).running(log) as process:
            process.wait(30)  # it has no input to wait for
    assert [line for line in log.read_text().splitlines() if line in {"one", "two"}] == ["one", "two"]


def test_it_ends_with_a_block_that_fails(tmp_path: Path):
    command = Command([sys.executable, "-c", "import time; time.sleep(600)"])
    with pytest.raises(ValueError, match="own"), command.running(tmp_path / "log") as process:
        assert process.poll() is None
        raise ValueError("own")
    assert process.returncode == -15
