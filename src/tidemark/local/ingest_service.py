"""The ingest on this machine: the same job as everywhere, as a service of the supervisor."""

import os
import sys
from typing import Any

from pymongo.database import Database

from tidemark.local.command import Command
from tidemark.local.layout import state_folder
from tidemark.local.ports import LOOPBACK
from tidemark.settings import ROOT, Settings
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


def has_begun(db: Database[dict[str, Any]], config: Settings) -> bool:
    """Whether it has ever noted how far it is: on a new platform its JVM takes a while before it does."""
    return progress.read(db, topics.name(topics.INTERACTIONS, config)) is not None
