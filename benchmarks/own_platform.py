"""A whole platform of a benchmark's own, with default settings: started, and removed with all its state."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.own_settings import local_settings
from tidemark.local import dotenv, postgres, processes
from tidemark.settings import ROOT, Settings


@contextmanager
def own_platform(*arguments: str) -> Iterator[Settings]:
    """`tidemark run <arguments>` on free ports; gives its settings. It goes with the block, whatever becomes of it."""
    folder = Path(tempfile.mkdtemp(prefix="tidemark-bench-"))
    own, env_file = local_settings(folder / "state"), folder / "env"
    kept = ("state", "mongo_hosts", "kafka_bootstrap", "kafka_controller_port", "airflow_port")
    env_file.write_text("".join(f"{dotenv.variable(name)}={getattr(own, name)}\n" for name in kept))
    try:
        _tidemark(env_file, "run", *arguments)
        yield Settings(_env_file=env_file, state=own.state)  # type: ignore[call-arg]
    finally:
        _tidemark(env_file, "stop")
        processes.end(processes.of_platform(own.state))
        postgres.remove(own)
        shutil.rmtree(folder, ignore_errors=True)


def _tidemark(env_file: Path, *arguments: str) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TIDEMARK_")}
    env = kept | {"TIDEMARK_ENV_FILE": str(env_file), "PYTHONPATH": str(ROOT / "src")}
    subprocess.run([sys.executable, "-m", "tidemark.cli", *arguments], env=env, check=True)
