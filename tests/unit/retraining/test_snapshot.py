"""A model's id and what counts as news."""

from datetime import UTC, datetime, timedelta, timezone

from tidemark.retraining import snapshot

WHEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_a_model_id_sorts_by_time_and_belongs_to_its_run():
    first, again = (snapshot.model_id("manual__x", WHEN) for _ in range(2))
    assert first == again
    assert first.startswith("20260102T030405-")
    assert snapshot.model_id("manual__y", WHEN) != first
    assert snapshot.model_id("a", WHEN + timedelta(seconds=1)) > first
    assert snapshot.model_id("manual__x", WHEN.astimezone(timezone(timedelta(hours=5)))) == first


def test_news_is_another_count_or_a_newer_cut():
    known = {"stored": 5, "cut": "a", "champion_stored": 5, "champion_cut": "a"}
    assert not snapshot.is_news(known)
    assert snapshot.is_news(known | {"stored": 6})
    assert snapshot.is_news(known | {"cut": "b"})
    assert snapshot.is_news({"stored": 5, "cut": "a", "champion_stored": None, "champion_cut": None})
