"""Servers that are away: asked once, briefly, then left alone, and asked again after a rest. The clock is the test's own."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.own_settings import local_settings
from tidemark.console import first_page
from tidemark.errors import UnreachableError
from tidemark.local.servers import running
from tidemark.operations import prometheus, sources
from tidemark.operations.sources import REST, Sources
from tidemark.stream.bookmark import Bookmark


class Clock:
    """Time as `sources` sees it."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(sources, "time", made)
    return made


def test_mongodb_away_is_asked_once_and_again_after_a_rest(tmp_path: Path, clock: Clock) -> None:
    asked = []

    def question(db: Any) -> Any:
        asked.append(clock.now)
        return db["models"].find_one()

    away = Sources(local_settings(tmp_path))
    for later in (0, REST / 2, REST / 2 - 0.1, 0.2):
        clock.now += later
        with pytest.raises(UnreachableError, match="MongoDB does not answer at "):
            away.ask(question)
    assert asked == pytest.approx([1_000, 1_000.1 + REST])


def test_kafka_away_is_asked_once_and_again_after_a_rest(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, measure = [], Bookmark.lag

    def lag(self: Bookmark) -> Any:
        asked.append(clock.now)
        return measure(self)

    monkeypatch.setattr(Bookmark, "lag", lag)
    away = Sources(local_settings(tmp_path))
    for later in (0, REST - 0.1, 0.2):
        clock.now += later
        with pytest.raises(UnreachableError, match="Kafka does not answer"):
            away.lag()
    assert asked == pytest.approx([1_000, 1_000.1 + REST])


def test_pages_and_metrics_say_what_is_away_and_make_nothing_up(tmp_path: Path) -> None:
    away = Sources(local_settings(tmp_path))
    page = first_page.page(away, 1, [])
    assert page.registry is None
    assert "MongoDB does not answer" in page.trouble
    assert "Kafka does not answer" in page.tide.text
    text = prometheus.exposition(away, {"train": 3.0}).decode()
    assert 'tidemark_up{server="mongo"} 0.0' in text
    assert 'tidemark_up{server="kafka"} 0.0' in text
    assert "tidemark_lag" not in text
    assert 'tidemark_retrain_stage_seconds{stage="train"} 3.0' in text


def test_mongodb_that_goes_away_and_comes_back(tmp_path: Path, clock: Clock) -> None:
    config = local_settings(tmp_path)
    known = Sources(config)
    with running("mongo", config):
        assert first_page.page(known, 1, []).registry is not None
    assert "MongoDB does not answer" in first_page.page(known, 1, []).trouble
    with running("mongo", config):
        assert "MongoDB does not answer" in first_page.page(known, 1, []).trouble  # it rests
        clock.now += REST
        assert first_page.page(known, 1, []).registry is not None
