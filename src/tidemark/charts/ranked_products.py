"""The chart of the most, or the least, reviewed products: reviews, mean rating, sentiment, and price times reviews."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from tidemark.charts import style
from tidemark.charts.reviews import STARS, Exploration, Record, source
from tidemark.exploration.extremes import PROXY, SCORED_OF_A_PRODUCT

TITLE_SHOWN = 36
"""Characters of a product's title on a chart; the table has it whole."""

NOTE: dict[str, Any] = {"fontsize": 8.5, "color": style.FAINT, "va": "center", "annotation_clip": False}
DOT: dict[str, Any] = {"linestyle": "", "markersize": 7}


def products(explored: Exploration, which: str) -> Figure:
    """The ten `most` or `least` reviewed products, a row each, by title."""
    rows, fewest = explored["products"][which], explored["tails"]["items"][0]
    title = f"The {len(rows)} {which} reviewed products"
    if which == "least" and fewest["owners"] > len(rows):
        reviews = "1 review" if fewest["reviews"] == 1 else f"{fewest['reviews']:,} reviews"
        title += f": the first by id of {fewest['owners']:,} that have {reviews}"
    drawn, panels = style.panels(
        title,
        f"reviews; mean rating; mean sentiment of at most {SCORED_OF_A_PRODUCT} reviews of each; {PROXY}",
        4,
        source=source(explored),
        size=(13.5, 5.2),
        widths=[1.1, 1, 1, 1.25],
    )
    places = np.arange(len(rows))[::-1]
    _reviews(panels[0], rows, places)
    _ratings(panels[1], rows, places)
    _sentiment(panels[2], rows, places)
    _price_x_reviews(panels[3], rows, places, explored["prices"])
    for number, axes in enumerate(panels):
        axes.set_ylim(-0.6, len(rows) - 0.4)
        axes.tick_params(axis="y", length=0)
        if number:
            axes.set_yticks(places, [""] * len(rows))
    for axes in panels[0], panels[3]:
        axes.grid(axis="y", visible=False)
    return drawn


def _reviews(axes: Axes, rows: Sequence[Record], places: np.ndarray[Any, Any]) -> None:
    bars = axes.barh(places, [row["reviews"] for row in rows], 0.62, **style.fill(0))
    axes.bar_label(bars, [f"{row['reviews']:,}" for row in rows], padding=3, fontsize=8.5)
    titles = [style.label(row["title"] or f"(no title) {row['item_id']}", TITLE_SHOWN) for row in rows]
    axes.set_yticks(places, titles, fontsize=8.5)
    axes.margins(x=0.18)
    axes.set_title("reviews")
    axes.set_xlabel("reviews")
    style.thousands(axes.xaxis)
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))


def _ratings(axes: Axes, rows: Sequence[Record], places: np.ndarray[Any, Any]) -> None:
    axes.plot([row["mean_rating"] for row in rows], places, **style.look(0) | DOT)
    axes.set_xlim(0.8, 5.2)
    axes.set_xticks(list(STARS))
    axes.set_title("mean rating")
    axes.set_xlabel("stars")


def _sentiment(axes: Axes, rows: Sequence[Record], places: np.ndarray[Any, Any]) -> None:
    for place, row in zip(places, rows, strict=True):
        if row["sentiment"] is None:
            axes.annotate("no text", (1.08, place), **NOTE)
        else:
            axes.plot(row["sentiment"], place, **style.look(1) | DOT)
            axes.annotate(f"n = {row['scored']}", (1.08, place), **NOTE)
    axes.axvline(0, color=style.FAINT, linewidth=1)
    axes.set_xlim(-1.05, 1.05)
    axes.set_title("mean sentiment")
    axes.set_xlabel("VADER compound, -1 to 1")


def _price_x_reviews(axes: Axes, rows: Sequence[Record], places: np.ndarray[Any, Any], prices: dict[str, int]) -> None:
    """Bars of what is known; what is not is said in words, for a bar of nothing would say that it cost nothing."""
    without = sum(row["price"] is None for row in rows)
    reviewed, unknown = prices["products"], prices["without_price"]
    axes.set_title("price x reviews")
    of_all = f"{unknown:,} of all {reviewed:,} reviewed ({share(unknown, reviewed)})"
    if without == len(rows):
        style.no_data(axes, f"No price is known of any of these {len(rows)} products. Without a price: {of_all}.", 34)
        return
    for place, row in zip(places, rows, strict=True):
        if row["price"] is None:
            axes.annotate("no price known", (0, place), (4, 0), textcoords="offset points", style="italic", **NOTE)
        else:
            bar = axes.barh(place, row["price_x_reviews"], 0.62, **style.fill(1))
            axes.bar_label(bar, [dollars(row["price_x_reviews"])], padding=3, fontsize=8.5)
    axes.set_xlim(0, 1.4 * max(row["price_x_reviews"] or 0 for row in rows) or 1)
    axes.xaxis.set_major_locator(MaxNLocator(3))
    axes.xaxis.set_major_formatter(lambda value, _: dollars(value).removesuffix(".00"))
    axes.set_xlabel(f"USD; without a price: {without} of these {len(rows)},\n{of_all}", fontsize=9)


def price_rows(explored: Exploration) -> list[Record]:
    """Of how many products no price is known: `products` (which), `count`, `without_price`, `share` (0..1)."""
    shown = {which: explored["products"][which] for which in ("most", "least")}
    sizes = [
        (f"{which} reviewed", len(rows), sum(row["price"] is None for row in rows)) for which, rows in shown.items()
    ]
    sizes.append(("all reviewed", explored["prices"]["products"], explored["prices"]["without_price"]))
    return [
        {"products": name, "count": count, "without_price": without, "share": without / count}
        for name, count, without in sizes
    ]


def share(part: int, whole: int) -> str:
    """`part` of `whole` as a percentage that says 0% and 100% only where it is none and all."""
    percent = 100 * part / whole
    if 0 < percent < 1:
        return "less than 1%"
    return "more than 99%" if 99 < percent < 100 else f"{percent:.0f}%"


def dollars(value: float) -> str:
    """`24.99` -> `$24.99`, `12345.6` -> `$12,346`, `1234567` -> `$1.235 m` (million; bn: billion, tn: trillion)."""
    for step, unit in ((1e12, "tn"), (1e9, "bn"), (1e6, "m")):
        if value >= step:
            return f"${value / step:.4g} {unit}"
    return f"${value:,.0f}" if value >= 1_000 else f"${value:.2f}"
