"""The ingest as a process of the test's own, to be watched, killed and started again."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from tidemark.settings import ROOT
from tidemark.spark.session import SHORT_JOB


class IngestService:
    """`spark_jobs/ingest_interactions.py` with the environment of this process."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        # It is started often and does little each time: its JVM compiles as those of short jobs do.
        own = {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", "JDK_JAVA_OPTIONS": " ".join(SHORT_JOB)}
        environment = os.environ | own
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, str(ROOT / "spark_jobs" / "ingest_interactions.py")],
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # killed as a whole: Python, the JVM and its workers
            )

    @property
    def process(self) -> "subprocess.Popen[bytes]":
        assert self._process is not None
        return self._process

    def runs(self) -> bool:
        return self.process.poll() is None

    def kill(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        if self._process is not None and self.runs():
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()
        return self.process.returncode if self._process is not None else 0

    def tail(self) -> str:
        return self.log.read_text()[-3_000:] if self.log.exists() else "it was not started"
