"""The service `engagement` as a process of the test's own, to be killed and started again, with ids that a test can read.

An id is `<user_id>/<number>/<word>`; it holds where it names the user and the word is `good`.
"""

import logging
import os
import signal
import subprocess
import sys
import threading
from datetime import datetime
from pathlib import Path

from tidemark.settings import ROOT, settings
from tidemark.storage import mongo
from tidemark.stream.engagement import Engagement


def read(text: str, user_id: str, _now: datetime) -> object | None:
    """As `storefront.recommendation_ids.Signer.read` does, without a signature."""
    owner, _, rest = text.partition("/")
    return text if owner == user_id and rest.endswith("/good") else None


class EngagementService:
    """The process, with the environment of this one."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self.start()

    def start(self) -> None:
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.engagement_service"],
                env=os.environ | {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"},
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        self._process.terminate()
        return self._process.wait(30)


def main() -> None:
    logging.basicConfig(level=logging.INFO)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    config = settings()
    Engagement(config, mongo.connect(config), read).run(stop)


if __name__ == "__main__":
    main()
