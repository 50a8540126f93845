"""What Prometheus is told of clicks: a series for each of the newest models of which anything was shown."""

import sys
from types import SimpleNamespace

import pytest

from tidemark import stream
from tidemark.operations import prometheus


def samples(monkeypatch: pytest.MonkeyPatch, rates: dict[str, SimpleNamespace]) -> dict[tuple[str, str], float]:
    """(name, model) -> value."""
    figures = SimpleNamespace(by_model=lambda db: rates)
    monkeypatch.setitem(sys.modules, "tidemark.stream.engagement_figures", figures)
    monkeypatch.setattr(stream, "engagement_figures", figures, raising=False)
    gauges = prometheus._engagement(None)
    return {(sample.name, sample.labels["model"]): sample.value for gauge in gauges for sample in gauge.samples}


def rate(shown: int) -> SimpleNamespace:
    return SimpleNamespace(shown=shown, clicked=3, rate=0.3, low=0.1, high=0.6)


def test_a_model_that_was_shown_has_its_counts_and_its_share_with_the_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    assert samples(monkeypatch, {"one": rate(10), "never": rate(0)}) == {
        ("tidemark_recommendations_shown", "one"): 10,
        ("tidemark_recommendations_clicked", "one"): 3,
        ("tidemark_click_through_ratio", "one"): 0.3,
        ("tidemark_click_through_ratio_low", "one"): 0.1,
        ("tidemark_click_through_ratio_high", "one"): 0.6,
    }


def test_the_series_do_not_grow_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    told = samples(monkeypatch, {f"2026{number:04}": rate(10) for number in range(prometheus.MOST_MODELS + 5)})
    models = {model for _, model in told}
    assert len(models) == prometheus.MOST_MODELS
    assert min(models) == "20260005"
