"""Charts of all stored reviews: their length, products, time, long tails, verification and what is missing in them."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.dates import AutoDateLocator, DateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from tidemark.charts import style
from tidemark.exploration.aggregates import LENGTH_EDGES, SCORED_OF_A_PRODUCT

Found = dict[str, Any]
"""The figures of an exploration, as `explore.json` holds them."""

STARS = range(1, 6)
TITLE_SHOWN = 36
"""Characters of a product's title on a chart; the table has it whole."""

NOTE: dict[str, Any] = {"fontsize": 8.5, "color": style.FAINT}


def source(found: Found) -> str:
    """The line below a chart: what it is drawn from."""
    whole = found["totals"]
    return f"{whole['n']:,} stored reviews, {whole['first']} to {whole['last']}"


def length_rows(found: Found) -> list[Found]:
    """The classes of length: `from`, `to` (characters, inclusive; None: no end), `reviews`, `mean_rating`."""
    rows = []
    for row in found["facets"]["length_class"]:
        number = row["length_class"]
        low = LENGTH_EDGES[number - 1] if number else 0
        high = 0 if not number else LENGTH_EDGES[number] - 1 if number < len(LENGTH_EDGES) else None
        rows.append({"from": low, "to": high, "reviews": row["reviews"], "mean_rating": row["mean_rating"]})
    return rows


def reviews_by_length(found: Found) -> Figure:
    """Histogram of the length of the text, in classes of equal ratio."""
    rows = {row["from"]: row["reviews"] for row in length_rows(found)}
    whole = found["totals"]
    drawn, axes = style.figure(
        f"Half of the reviews are at most {whole['median_length']:,} characters long",
        f"reviews by length of the text, characters; dashed: the median; {rows.get(0, 0):,} without a text are not drawn",
        source=source(found),
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


def products(found: Found, which: str) -> Figure:
    """The ten most (least) reviewed products: reviews, mean rating, sentiment, by title."""
    rows = found["products"][which]
    fewest = found["tails"]["items"][0]
    ties = ""
    if which == "least" and fewest["owners"] > len(rows):
        ties = f"; of {fewest['owners']:,} products with {fewest['reviews']:,}, the first by id"
    drawn, axes = style.panels(
        f"The {len(rows)} {which} reviewed products",
        f"reviews; mean rating, stars; mean sentiment of at most {SCORED_OF_A_PRODUCT} reviews of each, VADER compound{ties}",
        3,
        source=source(found),
        size=(11.5, 4.9),
        widths=[1.3, 1, 1],
    )
    places = np.arange(len(rows))[::-1]
    counts = axes[0].barh(places, [row["reviews"] for row in rows], 0.62, **style.fill(0))
    axes[0].bar_label(counts, [f"{row['reviews']:,}" for row in rows], padding=3, fontsize=8.5)
    axes[0].set_yticks(
        places, [style.label(row["title"] or f"(no title) {row['item_id']}", TITLE_SHOWN) for row in rows]
    )
    axes[0].tick_params(axis="y", length=0, labelsize=8.5)
    axes[0].margins(x=0.18)
    axes[0].set_title("reviews")
    style.thousands(axes[0].xaxis)
    axes[0].xaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes[1].plot([row["mean_rating"] for row in rows], places, **style.look(0) | {"linestyle": "", "markersize": 7})
    axes[1].set_xlim(0.8, 5.2)
    axes[1].set_xticks(list(STARS))
    axes[1].set_title("mean rating, stars")
    for place, row in zip(places, rows, strict=True):
        if row["sentiment"] is None:
            axes[2].annotate("no text", (1.08, place), va="center", annotation_clip=False, **NOTE)
        else:
            axes[2].plot(row["sentiment"], place, **style.look(1) | {"linestyle": "", "markersize": 7})
            axes[2].annotate(f"n = {row['scored']}", (1.08, place), va="center", annotation_clip=False, **NOTE)
    axes[2].axvline(0, color=style.FAINT, linewidth=1)
    axes[2].set_xlim(-1.05, 1.05)
    axes[2].set_title("sentiment, -1 to 1")
    for at in axes:
        at.set_ylim(-0.6, len(rows) - 0.4)
        at.grid(axis="y", visible=at is not axes[0])
    for at in axes[1:]:
        at.set_yticks(places, [""] * len(rows))
        at.tick_params(axis="y", length=0)
    return drawn


def ratings_over_time(found: Found) -> Figure:
    """Reviews of each month, and their mean rating."""
    frame = pd.DataFrame(found["facets"]["month"])
    frame = frame.set_index(pd.PeriodIndex(frame["month"], freq="M"))
    span = pd.period_range(frame.index.min(), frame.index.max(), freq="M")
    frame, months = frame.reindex(span), span.to_timestamp().to_numpy()  # a month of none is drawn as 0
    drawn, axes = style.panels(
        "Ratings over time",
        "reviews of each month (UTC), and their mean rating, stars",
        2,
        source=source(found),
        size=(11.5, 4.6),
    )
    dense = {"markersize": 3 if len(months) > 30 else 5}
    axes[0].plot(months, frame["reviews"].fillna(0).to_numpy(), **style.look(0) | dense)
    axes[0].set_ylim(bottom=0)
    axes[0].set_title("reviews a month")
    style.thousands(axes[0].yaxis)
    axes[1].plot(months, frame["mean_rating"].to_numpy(), **style.look(0) | dense)
    mean = next(f["population"] for f in found["proof"]["findings"] if f["name"] == "mean")
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


def long_tails(found: Found) -> Figure:
    """Users and items with at least so many reviews, on logarithmic axes."""
    tails = {name: at_least(found["tails"][name]) for name in ("users", "items")}
    share = {name: top_share(found["tails"][name]) for name in tails}
    drawn, axes = style.figure(
        f"The busiest 1% write {share['users']:.0%} of the reviews, the best known 1% get {share['items']:.0%}",
        "users and items with at least so many reviews; both axes logarithmic",
        source=source(found),
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


def at_least(tail: list[Found]) -> list[Found]:
    """`tail` with `owners_at_least`: how many have so many reviews or more."""
    left = np.cumsum([row["owners"] for row in tail][::-1])[::-1]
    return [row | {"owners_at_least": int(n)} for row, n in zip(tail, left, strict=True)]


def top_share(tail: list[Found], share: float = 0.01) -> float:
    """The share of all reviews that belongs to the most active `share` of the owners (at least one of them)."""
    left, reviews = max(1, round(share * sum(row["owners"] for row in tail))), 0
    for row in reversed(tail):
        taken = min(left, row["owners"])
        reviews, left = reviews + taken * row["reviews"], left - taken
        if not left:
            break
    return float(reviews / sum(row["reviews"] * row["owners"] for row in tail))


def verified(found: Found) -> Figure:
    """Ratings of verified purchases against those of others."""
    rows = found["facets"]["stars_by_purchase"]
    kinds = [kind for kind in ("verified", "not verified", "unknown") if any(r["purchase"] == kind for r in rows)]
    drawn, axes = style.figure(
        "Ratings of verified purchases and of others",
        "share of the reviews of each kind, by rating, stars",
        source=source(found),
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


def missing_values(found: Found) -> Figure:
    """Reviews without a value, by field."""
    n, missing = found["totals"]["n"], found["totals"]["missing"]
    names = sorted(missing, key=lambda name: (missing[name], name))
    drawn, axes = style.figure(
        "Missing values", "share of reviews without a value, by field (empty or null)", source=source(found)
    )
    bars = axes.barh(names, [missing[name] / n for name in names], 0.62, **style.fill(0))
    axes.bar_label(bars, [f"{missing[name] / n:.2%}  ({missing[name]:,})" for name in names], padding=4, fontsize=9)
    axes.set_xlim(0, max(0.01, max(missing.values()) / n) * 1.25)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}" if value >= 0.1 or not value else f"{value:.1%}")
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.grid(axis="y", visible=False)
    return drawn
