"""What Prometheus is told of clicks: a series for each of the newest models of which anything was shown."""

from typing import Any

import pytest

from tidemark.operations import prometheus
from tidemark.stream import engagement_figures
from tidemark.stream.engagement_figures import Rate


def samples(monkeypatch: pytest.MonkeyPatch, rates: dict[str, Rate]) -> dict[tuple[str, str], float]:
    """(name, model) -> value."""
    nowhere: Any = None
    monkeypatch.setattr(engagement_figures, "by_model", {nowhere: rates}.get)
    gauges = prometheus._engagement(nowhere)
    return {(sample.name, sample.labels["model"]): sample.value for gauge in gauges for sample in gauge.samples}


def rate(shown: int) -> Rate:
    return Rate(shown, min(shown, 3))


def test_a_model_that_was_shown_has_its_counts_and_its_share_with_the_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    assert samples(monkeypatch, {"one": rate(10), "never": rate(0)}) == {
        ("tidemark_recommendations_shown", "one"): 10,
        ("tidemark_recommendations_clicked", "one"): 3,
        ("tidemark_click_through_ratio", "one"): 0.3,
        ("tidemark_click_through_ratio_low", "one"): pytest.approx(0.1078, abs=1e-4),
        ("tidemark_click_through_ratio_high", "one"): pytest.approx(0.6032, abs=1e-4),
    }


def test_the_series_do_not_grow_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    told = samples(monkeypatch, {f"2026{number:04}": rate(10) for number in range(prometheus.MOST_MODELS + 5)})
    models = {model for _, model in told}
    assert len(models) == prometheus.MOST_MODELS
    assert min(models) == "20260005"
