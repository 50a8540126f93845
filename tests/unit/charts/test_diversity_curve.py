"""The chart of diversity: what each step costs and gains, where the run stands, and why there is none."""

import pytest
from matplotlib.text import Text

from tidemark.charts import diversity_curve


def figure(value):
    return {"value": value, "low": value * 0.9, "high": value * 1.1}


def row(at, **more):
    shown = {name: figure(0.1 + at / 10) for name in diversity_curve.PANELS}
    return {"at": at, "users": 1_234, "cost": figure(0.0)} | shown | more


def model(users=300):
    return {"_id": "20260102T000000-0a0a0a0a", "data": {"measured_users": users}}


def texts(drawn) -> set[str]:
    return {text.get_text() for text in drawn.findobj(Text)}


def measured(*rows, at=0.3, why=""):
    return {"curve": list(rows), "diversity": at, "why": why}


def test_each_figure_has_a_panel_with_where_the_run_stands():
    drawn = diversity_curve.curve(model(), measured(row(0.0), row(0.5), row(1.0)))
    assert set(diversity_curve.PANELS.values()) <= texts(drawn)
    assert any("1,234 users" in text and "TIDEMARK_DIVERSITY" in text for text in texts(drawn))
    assert len(drawn.axes) == 4
    for axes in drawn.axes:
        assert axes.lines[0].get_xdata() == [0.3, 0.3]
        assert axes.lines[1].get_xdata().tolist() == [0.0, 0.5, 1.0]


def test_a_figure_that_could_not_be_measured_is_left_out():
    rows = [row(0.0), row(1.0)]
    del rows[1]["diversity"]  # lists of one item
    assert len(diversity_curve.curve(model(), measured(*rows)).axes) == 3


@pytest.mark.parametrize(
    ("one", "what", "said"),
    [
        (model(), measured(why="this model places no items beside each other"), "places no items"),
        (model(3), measured(row(0.0), row(1.0)), "3 users"),
    ],
    ids=["no vectors", "few users"],
)
def test_why_there_is_none(one, what, said):
    assert any(said in text for text in texts(diversity_curve.curve(one, what)))
