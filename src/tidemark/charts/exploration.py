"""Charts and tables of an exploration, from the figures that the job `explore_reviews` left in `explore.json`."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, DateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from tidemark import artifacts, manifests, proof, sentiment
from tidemark.charts import style
from tidemark.exploration import LENGTH_EDGES, PRODUCTS_SHOWN, SAMPLE, SCORED_OF_A_PRODUCT

Found = dict[str, Any]

STARS = range(1, 6)
TITLE_SHOWN = 36
"""Characters of a product's title on a chart; the table has it whole."""

NOTE: dict[str, Any] = {"fontsize": 8.5, "color": style.FAINT}


def _source(found: Found) -> str:
    whole = found["totals"]
    return f"{whole['n']:,} stored reviews, {whole['first']} to {whole['last']}"


def _of_sample(found: Found) -> str:
    rows, population = found["proof"]["rows"], found["proof"]["population"]
    return f"all {rows:,} reviews" if rows == population else f"a sample of {rows:,} of {population:,} reviews"


def _p(value: float) -> str:
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"


def sample_and_population(found: Found) -> Figure:
    """Ratings and activity of the population beside those of the sample, and what the five tests say."""
    judged = found["proof"]
    says = "passes" if judged["verdict"] == proof.PASSES else "FAILS"
    title = f"The sample {says} its proof: {judged['rows']:,} of {judged['population']:,} reviews"
    if judged["rows"] == judged["population"]:
        title = f"The sample is all {judged['rows']:,} reviews: there is nothing to prove"
    drawn, axes = style.panels(
        title,
        f"share of reviews, percent; verdicts by Holm over the five tests, alpha {judged['alpha']}",
        3,
        source=f"{_source(found)}; seed {found['asked']['seed']}",
        size=(11.5, 4.9),
        widths=[1.45, 1, 1],
    )
    tests = {finding["name"]: finding for finding in judged["findings"]}
    _bars_of_stars(axes[0], found)
    axes[0].set_xlabel("rating, stars")
    _below(axes[0], [tests[name] for name in ("ratings", "mean", "spread")])
    for at, kind, name in ((axes[1], "users", "user activity"), (axes[2], "items", "item activity")):
        _steps_of_activity(at, found["tails"][kind])
        at.set_xlabel(f"reviews of the same {kind.removesuffix('s')}, at most")
        at.set_title(f"reviews by {name}")
        _below(at, [tests[name]])
    axes[0].set_title("reviews by rating")
    return drawn


def _below(axes: Axes, findings: list[Found]) -> None:
    """The verdicts under the panel that they are about."""
    symbol = {"ratings": "chi-square", "mean": "z", "spread": "z", "user activity": "KS D", "item activity": "KS D"}
    between = ", " if len(findings) > 1 else "\n"
    lines = [
        f"{f['name']}: {f['verdict'].upper() if f['verdict'] == proof.FAILS else f['verdict']}{between}"
        f"{symbol[f['name']]} = {f['statistic']:.3g}, {_p(f['p_value'])}"
        for f in findings
    ]
    lines += [""] * (3 - "\n".join(lines).count("\n") - 1)
    axes.annotate(
        "\n".join(lines), (0, 0), (0, -38), xycoords="axes fraction", textcoords="offset points", va="top", fontsize=9
    )


def _bars_of_stars(axes: Axes, found: Found) -> None:
    given = {row["stars"]: row for row in found["facets"]["stars"]}
    for number, (name, key) in enumerate((("all reviews", "reviews"), ("sample", "sampled"))):
        counts = np.array([given.get(star, {}).get(key, 0) for star in STARS], float)
        bars = axes.bar(
            np.array(STARS) + (number - 0.5) * 0.4, counts / counts.sum(), 0.38, label=name, **style.fill(number)
        )
        axes.bar_label(bars, [f"{100 * share:.1f}" for share in counts / counts.sum()], fontsize=7.5, padding=1)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.set_xticks(list(STARS))
    axes.margins(y=0.12)
    axes.grid(axis="x", visible=False)
    axes.legend(loc="upper left")


def _steps_of_activity(axes: Axes, tail: list[Found]) -> None:
    level = [row["reviews"] for row in tail]
    whole = np.cumsum([row["reviews"] * row["owners"] for row in tail], dtype=float)
    part = np.cumsum([row["sampled"] for row in tail], dtype=float)
    for number, (name, steps, width) in enumerate((("all reviews", whole, 3.2), ("sample", part, 1.4))):
        drawn = style.look(number) | {"marker": "", "linewidth": width}
        axes.step(level, steps / steps[-1], where="post", label=name, **drawn)
    style.log_axis(axes.xaxis)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.set_ylim(0, 1.02)
    axes.legend(loc="lower right", frameon=True, facecolor=style.CARD, edgecolor="none")


def sentiment_by_rating(found: Found) -> Figure:
    """Boxes of the sentiment of each star: 10, 25, 50, 75 and 90 %, and the mean."""
    heard = [row for row in found["sentiment"] if row["scored"]]
    scored, blank = (sum(row[k] for row in found["sentiment"]) for k in ("scored", "reviews"))
    drawn, axes = style.figure(
        f"Sentiment by rating, of {_of_sample(found)}",
        "VADER compound, -1 to 1; box: middle half, line: median, diamond: mean, whiskers: 10% and 90%",
        source=f"{_source(found)}; {scored:,} texts scored, {blank - scored:,} reviews without a text",
    )
    if not heard:
        style.no_data(axes, "no review of the sample has a text")
        return drawn
    boxes = [
        {"med": row["median"], "q1": row["quarter"], "q3": row["three_quarters"], "whislo": row["low"]}
        | {"whishi": row["high"], "mean": row["mean"], "fliers": []}
        for row in heard
    ]
    ink = {"color": style.INK}
    axes.bxp(
        boxes,
        positions=[row["stars"] for row in heard],
        widths=0.55,
        showmeans=True,
        showfliers=False,
        patch_artist=True,
        boxprops={"facecolor": "#bcd3e6", "edgecolor": style.INK},
        medianprops=ink | {"linewidth": 2.4},
        whiskerprops=ink,
        capprops=ink,
        meanprops={"marker": "D", "markerfacecolor": style.CARD, "markeredgecolor": style.INK, "markersize": 7},
    )
    axes.axhspan(sentiment.NEGATIVE, sentiment.POSITIVE, color=style.GRID, zorder=0)
    axes.set_xlim(0.5, 5.5)
    axes.set_ylim(-1.05, 1.28)
    for row in heard:
        axes.annotate(
            f"mean {row['mean']:.2f}\n{row['positive'] / row['scored']:.0%} positive",
            (row["stars"], 1.05),
            ha="center",
            fontsize=8.5,
        )
    axes.set_xticks([row["stars"] for row in heard], [f"{row['stars']}\nn = {row['scored']:,}" for row in heard])
    axes.set_yticks([-1, -0.5, 0, 0.5, 1])
    axes.grid(axis="x", visible=False)
    axes.set_xlabel("rating, stars")
    axes.set_ylabel("sentiment")
    return drawn


def _length_rows(found: Found) -> list[Found]:
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
    rows = {row["from"]: row["reviews"] for row in _length_rows(found)}
    whole = found["totals"]
    drawn, axes = style.figure(
        f"Half of the reviews are at most {whole['median_length']:,} characters long",
        f"reviews by length of the text, characters; dashed: the median; {rows.get(0, 0):,} without a text are not drawn",
        source=_source(found),
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
        source=_source(found),
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
        source=_source(found),
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
    tails = {name: _at_least(found["tails"][name]) for name in ("users", "items")}
    share = {name: _top_share(found["tails"][name]) for name in tails}
    drawn, axes = style.figure(
        f"The busiest 1% write {share['users']:.0%} of the reviews, the best known 1% get {share['items']:.0%}",
        "users and items with at least so many reviews; both axes logarithmic",
        source=_source(found),
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


def _at_least(tail: list[Found]) -> list[Found]:
    """`tail` with `owners_at_least`: how many have so many reviews or more."""
    left = np.cumsum([row["owners"] for row in tail][::-1])[::-1]
    return [row | {"owners_at_least": int(n)} for row, n in zip(tail, left, strict=True)]


def _top_share(tail: list[Found], share: float = 0.01) -> float:
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
        source=_source(found),
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
        "Missing values", "share of reviews without a value, by field (empty or null)", source=_source(found)
    )
    bars = axes.barh(names, [missing[name] / n for name in names], 0.62, **style.fill(0))
    axes.bar_label(bars, [f"{missing[name] / n:.2%}  ({missing[name]:,})" for name in names], padding=4, fontsize=9)
    axes.set_xlim(0, max(0.01, max(missing.values()) / n) * 1.25)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}" if value >= 0.1 or not value else f"{value:.1%}")
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.grid(axis="y", visible=False)
    return drawn


CHARTS: dict[str, Callable[[Found], Figure]] = {
    "sample": sample_and_population,
    "sentiment_by_rating": sentiment_by_rating,
    "reviews_by_length": reviews_by_length,
    "most_reviewed": lambda found: products(found, "most"),
    "least_reviewed": lambda found: products(found, "least"),
    "ratings_over_time": ratings_over_time,
    "long_tails": long_tails,
    "verified": verified,
    "missing_values": missing_values,
}
"""Each chart of a run, by the name of its files, in the order that it is read in."""


PRODUCT_COLUMNS = ["item_id", "title", "reviews", "mean_rating", "scored", "sentiment"]
SENTIMENT_COLUMNS = [
    "stars",
    "reviews",
    "scored",
    "mean",
    "sd",
    *sentiment.PERCENTILES,
    "negative",
    "neutral",
    "positive",
]
PROOF_COLUMNS = ["name", "method", "statistic", "p_value", "adjusted", "verdict", "population", "sample"]


def tables(found: Found) -> dict[str, tuple[str, pd.DataFrame]]:
    """Each table: name -> title and frame."""
    n, facets, tails = found["totals"]["n"], found["facets"], found["tails"]
    missing = sorted(found["totals"]["missing"].items(), key=lambda pair: (-pair[1], pair[0]))
    given: dict[str, tuple[str, list[Any], list[str]]] = {
        "proof": ("The five tests of the sample", found["proof"]["findings"], PROOF_COLUMNS),
        "ratings": ("Reviews by rating, all and sampled", facets["stars"], ["stars", "reviews", "sampled"]),
        "sentiment_by_rating": (f"Sentiment by rating, of {_of_sample(found)}", found["sentiment"], SENTIMENT_COLUMNS),
        "reviews_by_length": (
            "Reviews by length of the text, characters",
            _length_rows(found),
            ["from", "to", "reviews", "mean_rating"],
        ),
        "most_reviewed": (f"The {PRODUCTS_SHOWN} most reviewed products", found["products"]["most"], PRODUCT_COLUMNS),
        "least_reviewed": (
            f"The {PRODUCTS_SHOWN} least reviewed products",
            found["products"]["least"],
            PRODUCT_COLUMNS,
        ),
        "ratings_over_time": (
            "Reviews and mean rating by month (UTC)",
            facets["month"],
            ["month", "reviews", "sampled", "mean_rating"],
        ),
        "verified": (
            "Reviews by verification and rating",
            facets["stars_by_purchase"],
            ["purchase", "stars", "reviews", "sampled"],
        ),
        "missing_values": (
            "Reviews without a value, by field",
            [{"field": name, "missing": count, "share": count / n} for name, count in missing],
            ["field", "missing", "share"],
        ),
    }
    for kind in ("users", "items"):
        rows = [
            {"reviews": row["reviews"], kind: row["owners"], f"{kind}_at_least": row["owners_at_least"]}
            for row in _at_least(tails[kind])
        ]
        given[kind] = (f"{kind.capitalize()} by number of reviews", rows, ["reviews", kind, f"{kind}_at_least"])
    return {name: (title, pd.DataFrame(rows, columns=columns)) for name, (title, rows, columns) in given.items()}


def draw(run: str, dag: str, run_id: str) -> dict[str, Any]:
    """Draw all charts of `<run>/explore.json`, write its tables and the manifest.

    Returns:
        the counts and the verdict, for the task's log.
    """
    found = artifacts.read_json(f"{run}/explore.json")
    titles = {"explore.json": "All figures of the exploration"}
    for name, chart in CHARTS.items():
        titles |= style.save(chart(found), run, name)
    for name, (title, frame) in tables(found).items():
        path = f"tables/{name}.csv"
        artifacts.write_table(f"{run}/{path}", frame)
        titles[path] = title
    judged = found["proof"]
    counts = {
        "reviews": judged["population"],
        "sampled": judged["rows"],
        "scored": sum(row["scored"] for row in found["sentiment"]),
        "users": sum(row["owners"] for row in found["tails"]["users"]),
        "items": sum(row["owners"] for row in found["tails"]["items"]),
    }
    verdicts = {"sample": judged["verdict"]} | {f["name"]: f["verdict"] for f in judged["findings"]}
    manifest = manifests.write(
        run,
        dag=dag,
        run_id=run_id,
        title=f"Exploration of {counts['reviews']:,} reviews; the sample of {counts['sampled']:,} {judged['verdict']}",
        counts=counts,
        verdicts=verdicts,
        titles=titles | _sample_titles(run, found),
    )
    return counts | {"verdict": judged["verdict"], "files": len(manifest["files"])}


def _sample_titles(run: str, found: Found) -> dict[str, str]:
    import fsspec

    filesystem, folder = fsspec.core.url_to_fs(run)
    paths = filesystem.find(f"{folder}/{SAMPLE}")
    return {path[len(folder.rstrip("/")) + 1 :]: f"Rows of {_of_sample(found)}" for path in paths}
