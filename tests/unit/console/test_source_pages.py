"""Whether a source is as its schedule wants it."""

from datetime import UTC, datetime, timedelta

import pytest

from tidemark.console.airflow_runs import Schedule
from tidemark.console.source_pages import freshness
from tidemark.console.source_rows import Load, Source

NOW = datetime(2026, 3, 5, tzinfo=UTC)
DAILY = Schedule("load_interactions", "@daily", NOW, paused=False)


def source(until: datetime | None) -> Source:
    counts = {"read": 1, "stored": 1, "duplicates": 0, "rejected": 0}
    last = Load("interactions", "/x", NOW, (), counts, {}, "", until, "load_interactions", "run")
    return Source("shop", ("interactions",), 1, counts, "", until, last)


@pytest.mark.parametrize(
    ("until", "schedule", "word", "text"),
    [
        (None, DAILY, "by-hand", "loaded "),
        (NOW, DAILY, "fresh", "as its schedule (@daily) has it"),
        (NOW + timedelta(days=1), DAILY, "fresh", "2026-03-06"),
        (NOW - timedelta(days=1), DAILY, "late", "2026-03-05 00:00 UTC is due"),
        (NOW - timedelta(days=1), Schedule("d", "@daily", NOW, paused=True), "late", "d is paused"),
        (NOW, None, "by-hand", "nothing is scheduled any more"),
        (NOW, Schedule("d", "@daily", None, paused=False), "by-hand", "nothing is scheduled any more"),
    ],
)
def test_fresh_late_or_by_hand(until: datetime | None, schedule: Schedule | None, word: str, text: str) -> None:
    found = freshness(source(until), {"interactions": schedule})
    assert found.word == word
    assert text in found.text
