"""The service `engagement`: `python -m tidemark.storefront.engagement_service` counts what becomes of shown lists until it
is told to end (SIGTERM, SIGINT). Ended any way, it goes on exactly where it was."""

import logging
import signal
import threading
from datetime import datetime
from typing import Any

from pymongo.database import Database

from tidemark.errors import UnreachableError
from tidemark.settings import Settings, settings
from tidemark.storage import mongo
from tidemark.storefront.recommendation_ids import Signer
from tidemark.stream.engagement import Engagement

log = logging.getLogger("tidemark.storefront.engagement_service")

_PATIENCE = 5.0
"""Seconds between two tries to reach a MongoDB that is away."""


def serve(config: Settings, stop: threading.Event) -> None:
    """Count until `stop`."""
    signer = Signer(config.shop_secret.get_secret_value())

    def read(text: str, user_id: str, now: datetime) -> object | None:
        return signer.read(text, user_id, now)

    db = _database(config, stop)
    if db is None:
        return
    try:
        Engagement(config, db, read).run(stop)
    finally:
        db.client.close()


def _database(config: Settings, stop: threading.Event) -> Database[dict[str, Any]] | None:
    while not stop.is_set():
        try:
            return mongo.connect(config)
        except UnreachableError as error:
            log.warning("%s", error)
            stop.wait(_PATIENCE)
    return None


def main() -> None:
    """Run until a signal."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    serve(settings(), stop)


if __name__ == "__main__":
    main()
