"""What a health check makes of what a service tells of itself."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tidemark.operations import health

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SECONDS = NOW.timestamp()


def worker(host: str, state: str = "ALIVE", silent: float = 5) -> dict[str, Any]:
    return {"host": host, "state": state, "lastheartbeat": int((SECONDS - silent) * 1000)}


@pytest.mark.parametrize(
    ("workers", "why"),
    [
        ([worker("10.0.0.2")], ""),
        ([worker("10.0.0.2", "DEAD", 400), worker("10.0.0.2")], ""),
        ([], "is registered"),
        ([worker("10.0.0.3")], "no worker at 10.0.0.2 or w1"),
        ([worker("10.0.0.2", "DEAD")], "is registered"),
        ([worker("w1", silent=40)], "nothing for 40 s"),
    ],
)
def test_a_worker_is_well_where_its_master_hears_of_it(workers: list[dict[str, Any]], why: str) -> None:
    found = health.worker({"workers": workers}, {"10.0.0.2", "w1"}, SECONDS)
    assert why in found
    assert bool(why) == bool(found)


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"scheduler": {"status": "healthy"}}, ""),
        ({"scheduler": {"status": "unhealthy", "latest_scheduler_heartbeat": "2026"}}, "unhealthy, last heard of 2026"),
        ({"scheduler": {"status": None}}, "None"),
        ({}, "None"),
    ],
)
def test_a_component_is_well_where_the_api_says_so(told: dict[str, Any], why: str) -> None:
    found = health.component(told, "scheduler")
    assert why in found
    assert bool(why) == bool(found)


@pytest.mark.parametrize(
    ("seen", "stored", "behind", "why"),
    [
        (5, 5, 0, ""),
        (5, 4_000, 0, ""),
        (5, 100, 9, ""),
        (5, 130, 9, "9 messages wait, and for 130 s"),
        (40, 5, 0, "not gone round for 40 s"),
        (None, 5, 0, "not gone round"),
    ],
)
def test_the_ingest_is_well_where_it_goes_round_and_stores_what_waits(
    seen: float | None, stored: float, behind: int, why: str
) -> None:
    seen_at = None if seen is None else NOW - timedelta(seconds=seen)
    found = health.follower(seen_at, NOW - timedelta(seconds=stored), behind, NOW)
    assert why in found
    assert bool(why) == bool(found)


def test_what_cannot_be_asked_is_not_well(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("TIDEMARK_AIRFLOW_API", "http://127.0.0.1:1")
    assert health.main(["scheduler"]) == 1
    assert "cannot be asked" in capsys.readouterr().err
    assert health.main(["nobody"]) == 1
