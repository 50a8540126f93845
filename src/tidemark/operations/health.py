"""Health: whether a service does what it is for, and not only runs: what a container's health check asks every ten seconds.

    python -m tidemark.operations.health storefront    # or live, api_server, master: answers what it is asked
    python -m tidemark.operations.health worker        # is known to its master, and has told it so lately
    python -m tidemark.operations.health ingest        # or engagement: goes round, and stores what comes
    python -m tidemark.operations.health scheduler     # or dag_processor, triggerer: its heartbeat, by the API server

It ends with 0 where the service is well; else with 1, and says why. A service that hangs is told within a minute.
"""

import json
import os
import socket
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.request import urlopen

PATIENCE = 10
"""Seconds that whoever is asked has for the answer."""
SILENT = 35
"""Seconds without a sign of life after which a service hangs: Spark's workers tell their master every 15, who follows Kafka every 10."""
STUCK = 120
"""Seconds in which nothing may be stored while something waits: a batch may take a while."""

Document = Mapping[str, Any]


def worker(master: Document, addresses: set[str], now: float) -> str:
    """Why a Spark worker is not well; empty where it is.

    Args:
        master: what its master tells of itself (`http://<master>:8080/json/`).
        addresses: names that the worker may have registered under.
        now: seconds since 1970.
    """
    mine = [one for one in master["workers"] if one["host"] in addresses and one["state"] == "ALIVE"]
    if not mine:
        return f"no worker at {' or '.join(sorted(addresses))} is registered at the master"
    silent = now - max(one["lastheartbeat"] for one in mine) / 1000
    return f"it has told its master nothing for {silent:.0f} s" if silent > SILENT else ""


def component(health: Document, name: str) -> str:
    """Why a component of Airflow is not well; empty where it is.

    Args:
        health: what the API server tells (`/api/v2/monitor/health`).
        name: `scheduler`, `dag_processor` or `triggerer`.
    """
    told = health.get(name) or {}
    if told.get("status") == "healthy":
        return ""
    return f"{name}: {told.get('status')}, last heard of {told.get(f'latest_{name}_heartbeat')}"


def follower(seen_at: datetime | None, updated_at: datetime, behind: int, now: datetime) -> str:
    """Why what follows a topic is not well; empty where it is.

    Args:
        seen_at: when it last went round; None: never.
        updated_at: when it last stored something.
        behind: records that have come and are not stored.
        now: by the same clock as the others.
    """
    silent = (now - seen_at).total_seconds() if seen_at else float("inf")
    if silent > SILENT:
        return f"it has not gone round for {silent:.0f} s"
    idle = (now - updated_at).total_seconds()
    return f"{behind:,} messages wait, and for {idle:.0f} s none was stored" if behind and idle > STUCK else ""


def _asked(url: str) -> Document:
    with urlopen(url, timeout=PATIENCE) as answer:  # noqa: S310 -- of our own making
        return dict(json.load(answer))


def _answers(port: int, path: str) -> Callable[[], str]:
    def ask() -> str:
        with urlopen(f"http://{socket.gethostname()}:{port}{path}", timeout=PATIENCE):
            return ""

    return ask


def _worker() -> str:
    host = socket.gethostname()
    own = {host, socket.gethostbyname(host), *filter(None, [os.environ.get("SPARK_LOCAL_IP")])}
    return worker(_asked(f"{os.environ['TIDEMARK_SPARK_MASTER_UI']}/json/"), own, time.time())


def _component(name: str) -> Callable[[], str]:
    return lambda: component(_asked(f"{os.environ['TIDEMARK_AIRFLOW_API']}/api/v2/monitor/health"), name)


def _follows(names: Iterable[str], progress_id: Callable[[str], str] = str) -> str:
    from tidemark.settings import settings
    from tidemark.storage import mongo
    from tidemark.stream import progress
    from tidemark.stream.bookmark import Bookmark

    config = settings()
    db = mongo.unasked(config, PATIENCE)
    for name in names:
        bookmark = Bookmark(config, topic=name, timeout=PATIENCE)
        known = progress.read(db, progress_id(bookmark.topic))
        if known is None:
            return f"{bookmark.topic}: it has not begun"
        behind = progress.behind(bookmark.lag(), known.next_offsets)
        if why := follower(known.seen_at, known.updated_at, behind, datetime.now(UTC)):
            return f"{bookmark.topic}: {why}"
    return ""


def _ingest() -> str:
    from tidemark.stream import topics

    return _follows((topics.INTERACTIONS, topics.ITEMS))


def _engagement() -> str:
    from tidemark.stream import engagement

    return _follows(engagement.READ_TOPICS, engagement.progress_id)


CHECKS: Mapping[str, Callable[[], str]] = {
    "storefront": _answers(8090, "/healthz"),
    "live": _answers(8091, "/live/healthz"),
    "api_server": _answers(8080, "/api/v2/monitor/health"),
    "master": _answers(8080, "/json/"),
    "worker": _worker,
    "ingest": _ingest,
    "engagement": _engagement,
    **{name: _component(name) for name in ("scheduler", "dag_processor", "triggerer")},
}


def main(arguments: list[str]) -> int:
    """Check the service that is named; gives the code to end with."""
    try:
        why = CHECKS[arguments[0]]()
    except Exception as error:  # whatever it is, nobody can say that the service is well
        why = f"cannot be asked: {type(error).__name__}: {error}"
    if why:
        sys.stderr.write(f"{why}\n")
    return 1 if why else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
