"""The one style of every chart: a solid light card with a title, units, and below them what was drawn from, and when.

Nothing is told by colour alone: lines differ in dashes and markers too, bars in hatches, so that a chart is read as
well in grey. Drawn without a display, by matplotlib's object interface. Texts of users are texts: `$` starts no formula.
The same figure gives the same bytes.
"""

import io
import textwrap
import warnings
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from tidemark.storage import artifacts
from tidemark.text import collapsed, without_illegal_in_xml

CARD, INK, FAINT, GRID = "#fbfaf7", "#1f2430", "#5d6472", "#dcdad3"
"""Colours of the card, of what is read first, of what is read second, and of the grid."""

COLORS = ("#0b4f8a", "#e08214", "#1b9e77", "#c4265e", "#7a6fb0", "#8c8c8c")
"""Of series, dark and light in turn."""

LINES = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (6, 2, 1, 2)), (0, (3, 1, 1, 1, 1, 1)), (0, (8, 3)))
MARKERS = ("o", "s", "^", "D", "v", "X")
HATCHES = ("", "///", "...", "xxx", "\\\\\\", "++")

HEAD, FOOT = 0.74, 0.30
"""Inches above and below the axes that the title and the source take."""

RC: Any = {
    "axes.axisbelow": True,
    "axes.edgecolor": FAINT,
    "axes.facecolor": CARD,
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.labelsize": 10,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 10.5,
    "figure.facecolor": CARD,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Verdana", "Arial"],  # a browser without the first takes one of its widths
    "font.size": 10,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "hatch.linewidth": 0.8,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "lines.markersize": 5,
    "savefig.facecolor": CARD,
    "svg.fonttype": "none",  # text stays text: it can be read aloud, found and copied
    "svg.hashsalt": "tidemark",
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.color": FAINT,
    "ytick.labelcolor": INK,
}
# For the process, and not for a block only: texts made lazily, while a figure is saved, must not be read as formulas.
mpl.rcParams.update(RC)


def look(number: int) -> dict[str, Any]:
    """How series `number` (from 0) is drawn as a line: colour, dashes and marker."""
    return {
        "color": COLORS[number % len(COLORS)],
        "linestyle": LINES[number % len(LINES)],
        "marker": MARKERS[number % len(MARKERS)],
    }


def fill(number: int) -> dict[str, Any]:
    """How series `number` (from 0) is drawn as bars: colour and hatch."""
    return {
        "facecolor": COLORS[number % len(COLORS)],
        "hatch": HATCHES[number % len(HATCHES)],
        "edgecolor": CARD,
        "linewidth": 0.5,
    }


def label(text: Any, longest: int = 40) -> str:
    """A text of a user as a chart shows it: one line, of characters that can be written, at most `longest` of them."""
    shown = collapsed(without_illegal_in_xml(str(text)))
    return shown if len(shown) <= longest else f"{shown[: longest - 1].rstrip()}\N{HORIZONTAL ELLIPSIS}"


def figure(
    title: str,
    units: str,
    *,
    source: str,
    size: tuple[float, float] = (8.0, 4.6),
    at: datetime | None = None,
) -> tuple[Figure, Axes]:
    """An empty chart.

    Args:
        title: what it shows, or better what it says.
        units: what is measured, in what; the line below the title.
        source: the model, or the data; the line at the foot.
        size: inches, width and height.
        at: the time at the foot (UTC); now where it is not given.
    """
    drawn, axes = panels(title, units, 1, source=source, size=size, at=at)
    return drawn, axes[0]


def panels(
    title: str,
    units: str,
    columns: int,
    *,
    source: str,
    size: tuple[float, float] = (10.0, 4.6),
    at: datetime | None = None,
    widths: Sequence[float] | None = None,
) -> tuple[Figure, list[Axes]]:
    """The same with several axes side by side, of relative `widths`."""
    drawn = Figure(figsize=size)
    width, height = size
    head, foot = 1 - HEAD / height, FOOT / height
    drawn.set_layout_engine("constrained", rect=(0, foot, 1, head - foot), w_pad=0.12, h_pad=0.06)
    left = 0.16 / width
    drawn.text(left, 1 - 0.16 / height, label(title, 120), fontsize=13, fontweight="bold", va="top")
    drawn.text(left, 1 - 0.44 / height, label(units, 160), fontsize=9.5, color=FAINT, va="top")
    moment = (at or datetime.now(UTC)).astimezone(UTC)
    drawn.text(left, 0.10 / height, label(source, 120), fontsize=8, color=FAINT, va="bottom")
    drawn.text(
        1 - left, 0.10 / height, f"{moment:%Y-%m-%d %H:%M} UTC", fontsize=8, color=FAINT, va="bottom", ha="right"
    )
    axes = drawn.subplots(1, columns, squeeze=False, width_ratios=widths)
    drawn.set_label(title)
    return drawn, list(axes[0])


def log_axis(axis: Axis) -> None:
    """Make an axis logarithmic with plain numbers: 1, 10, 100, 1,000."""
    axis._set_axes_scale("log")  # type: ignore[attr-defined] # what set_xscale and set_yscale call
    axis.set_major_locator(LogLocator(10, numticks=12))
    axis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
    axis.set_minor_formatter(NullFormatter())


def thousands(axis: Axis) -> None:
    """Make an axis count with separators: 1,000,000."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))


def number(value: float) -> str:
    """`12345.0` -> `12,345`, `0.0001` -> `0.0001`."""
    return f"{value:,.0f}" if value == round(value) else f"{value:g}"


def legend_above(axes: Axes, columns: int = 5) -> None:
    """The legend in a row above the axes, where it hides nothing."""
    axes.legend(
        loc="lower left", bbox_to_anchor=(0, 1.0), ncols=columns, borderaxespad=0.2, borderpad=0, columnspacing=1.4
    )


def no_data(axes: Axes, why: str, width: int = 90) -> None:
    """Say in an empty chart why it is empty, in lines of at most `width` characters."""
    axes.set_axis_off()
    axes.text(
        0.5, 0.5, textwrap.fill(label(why, 180), width), transform=axes.transAxes, ha="center", va="center", color=FAINT
    )


def save(drawn: Figure, run: str, name: str) -> dict[str, str]:
    """Write `<run>/charts/<name>.png` and `.svg`.

    Returns:
        both paths, relative to the run folder, with the figure's title: for `manifests.write(titles=...)`.
    """
    titles = {}
    for kind, metadata in (("png", {"Software": None}), ("svg", {"Date": None, "Creator": "Tidemark"})):
        buffer = io.BytesIO()
        with warnings.catch_warnings():  # a title in a script that the font lacks: boxes in the PNG, letters in the SVG
            warnings.filterwarnings("ignore", "Glyph .* missing")
            drawn.savefig(buffer, format=kind, dpi=144, metadata=metadata)
        data = buffer.getvalue()
        if kind == "svg":  # a control character in somebody's text would make the whole file unreadable
            data = without_illegal_in_xml(data.decode()).encode()
        artifacts.write_bytes(f"{run}/charts/{name}.{kind}", data)
        titles[f"charts/{name}.{kind}"] = str(drawn.get_label())
    return titles
