"""A Spark worker's health, told by a real master: not before it is registered, then well, and not where it hangs."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyspark
import pytest

from tests.support.waiting import eventually
from tidemark.local import ports
from tidemark.operations import health
from tidemark.settings import ROOT
from tidemark.spark.jars import java

JARS = Path(pyspark.__file__).parent / "jars"


@contextmanager
def started(name: str, *arguments: str, work: Path) -> Iterator["subprocess.Popen[bytes]"]:
    argv = [
        java(),
        "-Xmx256m",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-Dspark.worker.timeout=8",
        "-cp",
        f"{JARS}/*",
        f"org.apache.spark.deploy.{name}",
        *arguments,
    ]
    with (work / f"{name}.log").open("wb") as log, subprocess.Popen(argv, stdout=log, stderr=log, cwd=work) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGCONT)
            process.kill()


def test_a_worker_is_well_once_its_master_knows_it_and_until_it_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rpc, ui, worker_ui = (ports.free_port() for _ in range(3))
    monkeypatch.setenv("TIDEMARK_SPARK_MASTER_UI", f"http://127.0.0.1:{ui}")
    monkeypatch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
    monkeypatch.setattr(health, "SILENT", 5)  # a quarter of the time-out, a worker speaks
    own = ("--host", "127.0.0.1")
    with started("master.Master", *own, "--port", str(rpc), "--webui-port", str(ui), work=tmp_path):
        eventually(lambda: "registered" in complaint(), 60, "the master does not answer")
        with started(
            "worker.Worker",
            *own,
            "--webui-port",
            str(worker_ui),
            "-d",
            str(tmp_path),
            f"spark://127.0.0.1:{rpc}",
            work=tmp_path,
        ) as one:
            eventually(lambda: complaint() == "", 60, complaint)
            one.send_signal(signal.SIGSTOP)
            eventually(lambda: "told its master nothing" in complaint(), 60, complaint)


def complaint() -> str:
    """What the health check says, as the container calls it."""
    code = f"from tidemark.operations import health; health.SILENT = {health.SILENT}; raise SystemExit(health.main(['worker']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT / "src")
    assert bool(done.returncode) == bool(done.stderr), done
    return done.stderr.strip()
