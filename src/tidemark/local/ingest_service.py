"""The ingest on this machine: the same job as everywhere, as a service of the supervisor."""

import os
import sys
import time

from tidemark.errors import UnreachableError
from tidemark.local.command import Command
from tidemark.local.layout import state_folder
from tidemark.local.ports import LOOPBACK
from tidemark.settings import ROOT, Settings
from tidemark.storage import mongo
from tidemark.stream import progress, topics

NAME = "ingest"


def command(config: Settings) -> Command:
    """How to start it. It reads the settings, passwords included, itself."""
    environment = {
        "PYSPARK_PYTHON": sys.executable,
        "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)]),
        "SPARK_LOCAL_IP": LOOPBACK,
        "TIDEMARK_STATE": str(state_folder(config)),
    }
    return Command([sys.executable, str(ROOT / "spark_jobs" / "ingest_interactions.py")], environment)


def await_first_progress(config: Settings, patience: float = 180) -> None:
    """Wait until the ingest has begun: its JVM takes a while, and from then on it goes on from where it was.

    Raises:
        UnreachableError: it has not after `patience` seconds.
    """
    db, topic, deadline = mongo.connect(config), topics.name(topics.INTERACTIONS, config), time.monotonic() + patience
    while progress.read(db, topic) is None:
        if time.monotonic() > deadline:
            raise UnreachableError(f"the ingest has not begun after {patience:.0f} s. See: make logs SERVICE={NAME}")
        time.sleep(0.5)
