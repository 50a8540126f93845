"""The style of charts: a whole card, the same bytes again, and texts of users as texts."""

import xml.etree.ElementTree as ET
from datetime import UTC, datetime

import pytest

from tidemark.charts import style

AT = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
PNG = b"\x89PNG\r\n\x1a\n"


def draw(folder, name="chart", title="Stars", texts=("a",)):
    figure, axes = style.figure(title, "reviews", source="model <m>", at=AT)
    axes.bar(range(len(texts)), range(1, len(texts) + 1), **style.fill(1))
    axes.set_xticks(range(len(texts)), texts)
    return style.save(figure, str(folder), name)


def words(path):
    return ["".join(text.itertext()).strip() for text in ET.parse(path).iter("{http://www.w3.org/2000/svg}text")]  # noqa: S314


def test_a_chart_is_png_and_svg_with_title_units_source_and_time(tmp_path):
    titles = draw(tmp_path, title="What people take")
    assert titles == {"charts/chart.png": "What people take", "charts/chart.svg": "What people take"}
    assert (tmp_path / "charts" / "chart.png").read_bytes().startswith(PNG)
    shown = words(tmp_path / "charts" / "chart.svg")
    assert {"What people take", "reviews", "model <m>", "2026-01-02 03:04 UTC", "a"} <= set(shown)


def test_the_same_figure_gives_the_same_bytes(tmp_path):
    for folder in ("one", "two"):
        draw(tmp_path / folder)
    for name in ("chart.png", "chart.svg"):
        assert (tmp_path / "one/charts" / name).read_bytes() == (tmp_path / "two/charts" / name).read_bytes()


def test_texts_of_users_are_shown_as_texts(tmp_path):
    texts = ["$100 & $x^2$", "<script>alert(1)</script>", "bell\x07 \x00 end", "\\frac"]
    draw(tmp_path, title="$5 and $6", texts=texts)
    shown = words(tmp_path / "charts" / "chart.svg")
    assert {"$5 and $6", texts[0], texts[1], "bell\ufffd \ufffd end", texts[3]} <= set(shown)


@pytest.mark.parametrize(
    ("text", "shown"),
    [("a  b\nc", "a b c"), ("x" * 50, "x" * 39 + "\u2026"), (None, "None"), ("\ud800", "\ufffd")],
)
def test_labels_are_one_short_line(text, shown):
    assert style.label(text) == shown


def test_log_axes_show_plain_numbers(tmp_path):
    figure, axes = style.figure("Tail", "items", source="test", at=AT)
    axes.plot([1, 10_000], [1, 100], **style.look(0))
    style.log_axis(axes.xaxis)
    style.log_axis(axes.yaxis)
    style.save(figure, str(tmp_path), "tail")
    assert {"1", "10,000"} <= set(words(tmp_path / "charts" / "tail.svg"))
