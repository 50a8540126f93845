"""Charts of the sample: how it stands beside all reviews, and the sentiment of its texts."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tidemark.charts import style
from tidemark.charts.reviews import STARS, Exploration, Record, source
from tidemark.exploration import proof, sentiment


def of_sample(explored: Exploration) -> str:
    """What the sample is, in words."""
    rows, population = explored["proof"]["rows"], explored["proof"]["population"]
    return f"all {rows:,} reviews" if rows == population else f"a sample of {rows:,} of {population:,} reviews"


def _p(value: float) -> str:
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"


def sample_and_population(explored: Exploration) -> Figure:
    """Ratings and activity of the population beside those of the sample, and what the five tests say."""
    judged = explored["proof"]
    says = "passes" if judged["verdict"] == proof.PASSES else "FAILS"
    title = f"The sample {says} its proof: {judged['rows']:,} of {judged['population']:,} reviews"
    if judged["rows"] == judged["population"]:
        title = f"The sample is all {judged['rows']:,} reviews: there is nothing to prove"
    drawn, axes = style.panels(
        title,
        f"share of reviews, percent; verdicts by Holm over the five tests, alpha {judged['alpha']}",
        3,
        source=f"{source(explored)}; seed {explored['asked']['seed']}",
        size=(11.5, 4.9),
        widths=[1.45, 1, 1],
    )
    tests = {finding["name"]: finding for finding in judged["findings"]}
    _bars_of_stars(axes[0], explored)
    axes[0].set_xlabel("rating, stars")
    _below(axes[0], [tests[name] for name in ("ratings", "mean", "spread")])
    for at, kind, name in ((axes[1], "users", "user activity"), (axes[2], "items", "item activity")):
        _steps_of_activity(at, explored["tails"][kind])
        at.set_xlabel(f"reviews of the same {kind.removesuffix('s')}, at most")
        at.set_title(f"reviews by {name}")
        _below(at, [tests[name]])
    axes[0].set_title("reviews by rating")
    return drawn


def _below(axes: Axes, findings: list[Record]) -> None:
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


def _bars_of_stars(axes: Axes, explored: Exploration) -> None:
    given = {row["stars"]: row for row in explored["facets"]["stars"]}
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


def _steps_of_activity(axes: Axes, tail: list[Record]) -> None:
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


def sentiment_by_rating(explored: Exploration) -> Figure:
    """Boxes of the sentiment of each star: 10, 25, 50, 75 and 90 %, and the mean."""
    heard = [row for row in explored["sentiment"] if row["scored"]]
    scored, blank = (sum(row[k] for row in explored["sentiment"]) for k in ("scored", "reviews"))
    drawn, axes = style.figure(
        f"Sentiment by rating, of {of_sample(explored)}",
        "VADER compound, -1 to 1; box: middle half, line: median, diamond: mean, whiskers: 10% and 90%",
        source=f"{source(explored)}; {scored:,} texts scored, {blank - scored:,} reviews without a text",
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
