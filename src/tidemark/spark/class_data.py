"""Spark's classes as the JVM lays them out in memory, kept in a file (AppCDS): a driver maps it in place of loading and
verifying 15,000 classes, and starts in half the time. Set-up makes the file: `tidemark.spark.lay_out_classes`.

It fits one Java and one class path: where either is another, or the file is missing, the JVM passes it over, and all
works as without it.
"""

import sys
from pathlib import Path

ARCHIVE = Path(sys.prefix) / "share" / "tidemark" / "spark.jsa"

QUIET = ["-Xlog:cds=off", "-Xlog:cds+dynamic=off"]
"""Options by which the JVM says nothing of it."""


def options(archive: Path = ARCHIVE) -> list[str]:
    """Options of a JVM that uses the archive; none where there is none."""
    return [f"-XX:SharedArchiveFile={archive}", *QUIET] if archive.is_file() else []
