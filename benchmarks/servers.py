"""Servers of a benchmark's own."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tidemark.local import throwaway
from tidemark.local.servers import running
from tidemark.settings import settings


@contextmanager
def own_servers(*names: str) -> Iterator[Path]:
    """The servers `names` (`mongo`, `kafka`), which `settings()` means within the block, here and in processes started
    from here. Gives a folder to work in, which goes with the block."""
    folder, before = Path(tempfile.mkdtemp(prefix="tidemark-bench-")), dict(os.environ)
    config = throwaway.own_settings(folder / "state")
    os.environ |= throwaway.environment(config) | {
        "TIDEMARK_ENV_FILE": os.devnull,
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYSPARK_PYTHON": sys.executable,
    }
    settings.cache_clear()
    try:
        with ExitStack() as stack:
            for name in names:
                stack.enter_context(running(name, config))
            yield folder
    finally:
        os.environ.clear()
        os.environ |= before
        settings.cache_clear()
        shutil.rmtree(folder, ignore_errors=True)
