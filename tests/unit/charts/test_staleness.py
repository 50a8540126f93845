"""The charts of a backtest: every figure with its words, and a sentence where nothing could be measured."""

import pytest
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from tidemark.charts import staleness


def figure(value):
    return {"value": value, "low": value - 0.01, "high": value + 0.01}


def found(users=300, **more):
    lags = [
        {"lag": lag, "interactions": 1_000 * lag, "users": users, "cpu_seconds": 2.0}
        | {name: figure(0.1) for name in ("stale", "folded", "fresh", "loss", "loss_without_fold_in")}
        for lag in (0, 1, 2, 5, 10)
    ]
    windows = [
        {
            "share": share,
            "pairs": 40_000 * share,
            "users": users,
            "ndcg_at_10": figure(0.1),
            "loss": figure(0.0),
            "cpu_seconds": 1.5,
        }
        for share in (0.25, 0.5, 1.0)
    ]
    gate = {"decisions": 12, "right": 6, "open": 3, "wrong": 3, "kept_worse": 2, "published_worse": 1, "trials": []}
    return {
        "pairs": 100_000, "cut": "2026-01-02T00:00:00+00:00", "origins": 3, "of": "of the champion x", "lags": lags,
        "windows": windows, "gate": gate, "recommended": {"mark": 2_000, "window": 20_000, "why": ["so"]},
    } | more  # fmt: skip


def texts(drawn) -> list[str]:
    return [text.get_text() for text in drawn.findobj(Text)]


def test_quality_and_loss_stand_side_by_side_with_the_recommended_mark():
    drawn = staleness.unlearned(found())
    said = texts(drawn)
    assert {*staleness.SERIES.values(), *staleness.LOSSES.values(), "recommended mark"} <= set(said)
    assert any("100,000 interactions up to 2026-01-02" in text and "3 origins" in text for text in said)
    assert not any("recommended" in text for text in texts(staleness.unlearned(found(recommended={"mark": None}))))


def test_each_window_has_what_it_costs():
    assert texts(staleness.windows(found())).count("1.5 CPU-s") == 3


def test_the_gate_has_a_bar_for_each_outcome():
    drawn = staleness.gate(found())
    assert [bar.get_width() for bar in drawn.axes[0].patches if isinstance(bar, Rectangle)] == [6, 3, 2, 1]
    none = found(
        gate={"decisions": 0, "right": 0, "open": 0, "wrong": 0, "kept_worse": 0, "published_worse": 0, "trials": []}
    )
    assert "nobody could be measured" in texts(staleness.gate(none))


@pytest.mark.parametrize("chart", [staleness.unlearned, staleness.windows])
@pytest.mark.parametrize("users", [0, 29])
def test_of_few_users_a_sentence_is_drawn_and_no_figure(chart, users):
    assert any(f"{users} users were measured: nothing can be concluded" in text for text in texts(chart(found(users))))
