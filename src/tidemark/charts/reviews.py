"""Charts of all stored reviews: their length, time, long tails, verification and what is missing in them."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.dates import AutoDateLocator, DateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from tidemark.charts import style
from tidemark.exploration.aggregates import LENGTH_EDGES

Record = dict[str, Any]
Exploration = dict[str, Any]
"""The figures of an exploration, as `explore.json` holds them."""

STARS = range(1, 6)


def source(explored: Exploration) -> str:
    """The line below a chart: what it is drawn from."""
    whole = explored["totals"]
    return f"{whole['n']:,} stored reviews, {whole['first']} to {whole['last']}"


def length_rows(explored: Exploration) -> list[Record]:
    """The classes of length: `from`, `to` (characters, inclusive; None: no end), `reviews`, `mean_rating`."""
    rows = []
    for row in explored["facets"]["length_class"]:
        number = row["length_class"]
        low = LENGTH_EDGES[number - 1] if number else 0
        high = 0 if not number else LENGTH_EDGES[number] - 1 if number < len(LENGTH_EDGES) else None
        rows.append({"from": low, "to": high, "reviews": row["reviews"], "mean_rating": row["mean_rating"]})
    return rows


def reviews_by_length(explored: Exploration) -> Figure:
    """Histogram of the length of the text, in classes of equal ratio."""
    rows = {row["from"]: row["reviews"] for row in length_rows(explored)}
    whole = explored["totals"]
    drawn, axes = style.figure(
        f"Half of the reviews are at most {whole['median_length']:,} characters long",
        f"reviews by length of the text, characters; dashed: the median; {rows.get(0, 0):,} without a text are not drawn",
        source=source(explored),
    )
    edges = [edge for edge in LENGTH_EDGES if any(rows) and min(filter(None, rows)) <= edge <= max(rows)]
    upper = dict(zip(LENGTH_EDGES, [*LENGTH_EDGES[1:], round(LENGTH_EDGES[-1] * 10**0.2)], strict=True))
    ends = [upper[edge] for edge in edges]
    if edges:
        # Classes are whole numbers of characters: from 10 to 15 is drawn from 10 up to 16.
        axes.bar(edges, [rows.get(e, 0) for e in edges], np.subtract(ends, edges), align="edge", **style.fill(0))
        style.log_axis(axes.xaxis)
        axes.set_xlim(edges[0] * 0.8, ends[-1] * 1.25)
    style.thousands(axes.yaxis)
    axes.axvline(
        max(whole["median_length"], 1),
        color=style.COLORS[1],
        linestyle=style.LINES[1],
        linewidth=2,
    )
    axes.margins(y=0.06)
    axes.set_xlabel("length of the text, characters")
    axes.set_ylabel("reviews")
    return drawn


def ratings_over_time(explored: Exploration) -> Figure:
    """Reviews of each month, and their mean rating."""
    frame = pd.DataFrame(explored["facets"]["month"])
    frame = frame.set_index(pd.PeriodIndex(frame["month"], freq="M"))
    span = pd.period_range(frame.index.min(), frame.index.max(), freq="M")
    frame, months = frame.reindex(span), span.to_timestamp().to_numpy()  # a month of none is drawn as 0
    drawn, axes = style.panels(
        "Ratings over time",
        "reviews of each month (UTC), and their mean rating, stars",
        2,
        source=source(explored),
        size=(11.5, 4.6),
    )
    dense = {"markersize": 3 if len(months) > 30 else 5}
    axes[0].plot(months, frame["reviews"].fillna(0).to_numpy(), **style.look(0) | dense)
    axes[0].set_ylim(bottom=0)
    axes[0].set_title("reviews a month")
    style.thousands(axes[0].yaxis)
    axes[1].plot(months, frame["mean_rating"].to_numpy(), **style.look(0) | dense)
    mean = next(f["population"] for f in explored["proof"]["findings"] if f["name"] == "mean")
    axes[1].axhline(mean, color=style.COLORS[1], linestyle=style.LINES[1], label=f"of all: {mean:.2f}", zorder=1)
    axes[1].set_ylim(1, 5.05)
    axes[1].set_yticks(list(STARS))
    axes[1].set_title("mean rating of a month, stars")
    axes[1].legend(loc="lower right")
    years = len(months) > 72
    for at in axes:
        at.xaxis.set_major_locator(AutoDateLocator(minticks=3, maxticks=6))
        at.xaxis.set_major_formatter(DateFormatter("%Y" if years else "%Y-%m"))
    return drawn


def long_tails(explored: Exploration) -> Figure:
    """Users and items with at least so many reviews, on logarithmic axes."""
    tails = {name: at_least(explored["tails"][name]) for name in ("users", "items")}
    share = {name: top_share(explored["tails"][name]) for name in tails}
    drawn, axes = style.figure(
        f"The busiest 1% write {share['users']:.0%} of the reviews, the best known 1% get {share['items']:.0%}",
        "users and items with at least so many reviews; both axes logarithmic",
        source=source(explored),
    )
    for number, (name, rows) in enumerate(tails.items()):
        every = {"markevery": max(1, len(rows) // 12)}
        axes.plot(
            [row["reviews"] for row in rows],
            [row["owners_at_least"] for row in rows],
            label=f"{name}, {rows[0]['owners_at_least']:,}",
            **style.look(number) | every,
        )
    style.log_axis(axes.xaxis)
    style.log_axis(axes.yaxis)
    axes.set_xlabel("reviews, at least")
    axes.set_ylabel("users or items")
    axes.legend(loc="upper right")
    return drawn


def at_least(tail: list[Record]) -> list[Record]:
    """`tail` with `owners_at_least`: how many have so many reviews or more."""
    left = np.cumsum([row["owners"] for row in tail][::-1])[::-1]
    return [row | {"owners_at_least": int(n)} for row, n in zip(tail, left, strict=True)]


def top_share(tail: list[Record], share: float = 0.01) -> float:
    """The share of all reviews that belongs to the most active `share` of the owners (at least one of them)."""
    left, reviews = max(1, round(share * sum(row["owners"] for row in tail))), 0
    for row in reversed(tail):
        taken = min(left, row["owners"])
        reviews, left = reviews + taken * row["reviews"], left - taken
        if not left:
            break
    return float(reviews / sum(row["reviews"] * row["owners"] for row in tail))


def verified(explored: Exploration) -> Figure:
    """Ratings of verified purchases against those of others."""
    rows = explored["facets"]["stars_by_purchase"]
    kinds = [kind for kind in ("verified", "not verified", "unknown") if any(r["purchase"] == kind for r in rows)]
    drawn, axes = style.figure(
        "Ratings of verified purchases and of others",
        "share of the reviews of each kind, by rating, stars",
        source=source(explored),
    )
    width = 0.84 / len(kinds)
    for number, kind in enumerate(kinds):
        counts = np.array([sum(r["reviews"] for r in rows if (r["purchase"], r["stars"]) == (kind, s)) for s in STARS])
        mean = sum(r["mean_rating"] * r["reviews"] for r in rows if r["purchase"] == kind) / counts.sum()
        name = {"unknown": "the release does not say"}.get(kind, kind)
        at = np.array(STARS) + (number - (len(kinds) - 1) / 2) * width
        label = f"{name}: {counts.sum():,} reviews, mean {mean:.2f}"
        bars = axes.bar(at, counts / counts.sum(), width * 0.95, label=label, **style.fill(number))
        axes.bar_label(bars, [f"{share:.1%}" for share in counts / counts.sum()], fontsize=8, padding=1)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.set_xticks(list(STARS))
    axes.set_xlabel("rating, stars")
    axes.set_ylabel("share of reviews")
    axes.margins(y=0.1)
    axes.grid(axis="x", visible=False)
    axes.legend(loc="upper left")
    return drawn


def missing_values(explored: Exploration) -> Figure:
    """Reviews without a value, by field."""
    n, missing = explored["totals"]["n"], explored["totals"]["missing"]
    names = sorted(missing, key=lambda name: (missing[name], name))
    drawn, axes = style.figure(
        "Missing values", "share of reviews without a value, by field (empty or null)", source=source(explored)
    )
    bars = axes.barh(names, [missing[name] / n for name in names], 0.62, **style.fill(0))
    axes.bar_label(bars, [f"{missing[name] / n:.2%}  ({missing[name]:,})" for name in names], padding=4, fontsize=9)
    axes.set_xlim(0, max(0.01, max(missing.values()) / n) * 1.25)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}" if value >= 0.1 or not value else f"{value:.1%}")
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.grid(axis="y", visible=False)
    return drawn
