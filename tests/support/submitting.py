"""Jobs as Airflow submits them, in processes of their own that end with the test."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tidemark.settings import ROOT
from tidemark.spark.session import submit_conf


@pytest.fixture
def submitted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Submit a job of this repository as Airflow does: `submitted("load_reviews", run)` gives the process."""
    monkeypatch.setenv("PYTHONPATH", f"{ROOT / 'src'}{os.pathsep}{ROOT}")
    monkeypatch.setenv(
        "PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    )  # its scripts call python3
    monkeypatch.setenv("TIDEMARK_STATE", str(tmp_path / "state"))
    processes: list[subprocess.Popen[bytes]] = []

    def submit(job: str, run: str) -> "subprocess.Popen[bytes]":
        conf = [part for key, value in submit_conf(short=True).items() for part in ("--conf", f"{key}={value}")]
        command = [str(Path(sys.executable).with_name("spark-submit")), "--master", "local[2]", *conf]
        command += ["--conf", f"spark.pyspark.driver.python={sys.executable}", "--driver-memory", "1g"]
        command += [str(ROOT / "spark_jobs" / f"{job}.py"), "--run", run]
        processes.append(subprocess.Popen(command, start_new_session=True))
        return processes[-1]

    yield submit
    for process in processes:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
