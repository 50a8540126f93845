"""Charts of a model: how good it is beside the baselines, for whom, how it spreads, and how it was chosen."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tidemark.charts import style
from tidemark.evaluation import disparity, evidence
from tidemark.registry import figures
from tidemark.registry.names import CANDIDATE, NAMES

Document = dict[str, Any]

SERIES = {name: number for number, name in enumerate((CANDIDATE, "popularity", "item_knn", "champion", "taken"))}
"""Whose line looks how, in every chart; models without a line of their own are only in the table of metrics."""

REPLACED = 5
"""The look of the candidate where another took its place, and its look."""

PANELS = {"ndcg_at_10": "NDCG@10", "recall_at_20": "recall@20", "coverage": "coverage", "novelty": "novelty, bits"}


def _source(model: Document, measured: str) -> str:
    return f"model {model['_id']} ({model['engine']})" + (f", {measured}" if measured else "")


def _nothing(title: str, model: Document, why: str, measured: str, at: datetime | None) -> Figure:
    """A small card with a sentence, where there are no figures or nothing can be concluded from them."""
    drawn, axes = style.figure(title, "", source=_source(model, measured), size=(8.0, 2.2), at=at)
    style.no_data(axes, why)
    return drawn


def _dots(axes: Axes, figures: Sequence[Mapping[str, float] | None]) -> None:
    """One value and its interval a row, from the top; the first row is the one that the chart is about."""
    for row, measured in enumerate(figures):
        if measured is None:
            continue
        own = row == 0
        axes.errorbar(
            measured["value"],
            row,
            xerr=[[measured["value"] - measured["low"]], [measured["high"] - measured["value"]]],
            fmt="o" if own else "s",
            color=style.COLORS[0] if own else style.FAINT,
            markerfacecolor=style.COLORS[0] if own else style.CARD,
            markersize=7 if own else 5.5,
            capsize=3,
            linewidth=1.6,
        )
        axes.annotate(
            f"{measured['value']:.3f}",
            (measured["high"], row),
            xytext=(7, 0),
            textcoords="offset points",
            va="center",
            fontsize=8.5,
            color=style.INK if own else style.FAINT,
        )
    axes.set_ylim(len(figures) - 0.5, -0.5)
    low = min((f["low"] for f in figures if f), default=0)
    high = max((f["high"] for f in figures if f), default=1)
    start = 0.0 if low < (high - low) else low - 0.15 * (high - low)  # from 0, unless that would hide what differs
    room = max(high - start, 1e-9)
    axes.set_xlim(start - 0.02 * room, high + 0.3 * room)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.locator_params(axis="x", nbins=4)


def metrics(model: Document, at: datetime | None = None) -> Figure:
    """The model beside the baselines and the champion before it: each metric with its 95 % interval."""
    title, rests_on = "This model beside the baselines, on what users took next", evidence.of(model)
    if not rests_on.conclusive:
        return _nothing(title, model, rests_on.doubt(), rests_on.text(), at)
    names, called = _ranked(model), figures.names(model)
    drawn, panels = style.panels(
        title,
        "mean over users and 95 % bootstrap interval; all items ranked, seen ones removed",
        len(PANELS),
        source=_source(model, rests_on.text()),
        size=(11, 1.9 + 0.42 * len(names)),
        at=at,
    )
    for axes, (key, shown) in zip(panels, PANELS.items(), strict=True):
        _dots(axes, [figures.of(model, name).get(key) for name in names])
        axes.set_title(shown)
        axes.set_yticks(range(len(names)), [called[name] for name in names] if axes is panels[0] else [""] * len(names))
    return drawn


def _ranked(model: Document) -> list[str]:
    """The models that were ranked, this one first (`figures.names`)."""
    return [name for name in figures.names(model) if figures.of(model, name)]


def _series(model: Document) -> dict[str, tuple[str, dict[str, Any]]]:
    """Each model that has a line: what it is called, and its look."""
    own, called = figures.contender(model), figures.names(model) | {"taken": "what users took"}
    looks = {own: SERIES[CANDIDATE]} | ({} if own == CANDIDATE else {CANDIDATE: REPLACED})
    looks |= {name: number for name, number in SERIES.items() if name not in looks}
    return {name: (called[name].split(",")[0], style.look(number)) for name, number in looks.items()}


def stars(model: Document, at: datetime | None = None) -> Figure:
    """RMSE and MAE of the rating models beside the constant mean."""
    rests_on, measured = evidence.of_stars(model), figures.of_stars(model)
    names = [name for name in ("als", "bias", "global_mean") if name in measured]
    title = "Predicted stars beside the constant mean"
    if not names or not rests_on.conclusive:
        why = rests_on.doubt() if names else "no ratings to learn stars from"
        return _nothing(title, model, why, rests_on.text() if names else "", at)
    drawn, panels = style.panels(
        title,
        "stars off, mean over held-out ratings and 95 % bootstrap interval; less is better; not the model that ranks",
        2,
        source=_source(model, rests_on.text()),
        size=(9.5, 3.2),
        at=at,
    )
    for axes, key in zip(panels, ("rmse", "mae"), strict=True):
        _dots(axes, [measured[name].get(key) for name in names])
        axes.set_title(key.upper())
        axes.set_yticks(range(len(names)), [NAMES[name] for name in names] if axes is panels[0] else [""] * len(names))
    return drawn


def activity(model: Document, rows: Sequence[Document], at: datetime | None = None) -> Figure:
    """NDCG@10 by the length of users' histories: `rows` as `disparity.by_activity` gives them.

    Groups of fewer users than it makes today, which runs of earlier releases have, are left out.
    """
    title, rests_on = "How good for users with short and long histories", evidence.of(model)
    least = disparity.GROUP_USERS
    rows = [row for row in rows if row["users"] >= least]
    if not rows or not rests_on.conclusive:
        return _nothing(title, model, rests_on.doubt() or f"no group has {least} users", rests_on.text(), at)
    drawn, axes = style.figure(
        title,
        f"NDCG@10, mean over users and 95 % interval (1.96 standard errors); groups of {least} users or more",
        source=_source(model, rests_on.text()),
        size=(9.0, 4.6),
        at=at,
    )
    lines = {name: line for name, line in _series(model).items() if name in rows[0]["ndcg_at_10"]}
    for place, (name, (label, look)) in enumerate(lines.items()):
        bars = [row["ndcg_at_10"][name] for row in rows]
        values = [f["value"] for f in bars]
        errors = [[f["value"] - f["low"] for f in bars], [f["high"] - f["value"] for f in bars]]
        aside = (place - (len(lines) - 1) / 2) * 0.08
        axes.errorbar(
            np.arange(len(rows)) + aside,
            values,
            yerr=errors,
            capsize=2.5,
            label=label,
            **look,
        )
    ends = [f"{r['least']}+" if r["most"] is None else f"{r['least']}-{r['most']}" for r in rows]
    axes.set_xticks(range(len(rows)), [f"{e}\n{r['users']:,} users" for e, r in zip(ends, rows, strict=True)])
    axes.set_xlim(-0.5, len(rows) - 0.5)
    axes.set_xlabel("items in the user's history")
    axes.set_ylabel("NDCG@10")
    axes.set_ylim(bottom=0)
    axes.grid(visible=False, axis="x")
    style.legend_above(axes)
    return drawn


def spread(model: Document, measured: Document, at: datetime | None = None) -> Figure:
    """Coverage, and how much of all recommendations goes to what is popular already: `measured` by `disparity.spread`."""
    title, rests_on = "How evenly recommendations are spread over the catalogue", evidence.of(model)
    if not rests_on.conclusive:
        return _nothing(title, model, rests_on.doubt(), rests_on.text(), at)
    drawn, (left, right) = style.panels(
        title,
        f"ten recommendations a user, {measured['items']:,} items; Gini: 0 is even, 1 is all to one item",
        2,
        source=_source(model, rests_on.text()),
        size=(11, 4.8),
        at=at,
        widths=(1, 1.5),
    )
    names, called = _ranked(model), figures.names(model)
    _dots(left, [figures.of(model, name).get("coverage") for name in names])
    left.set_yticks(range(len(names)), [called[name] for name in names])
    left.set_title("coverage: share of items in any list")
    for name, (label, look) in _series(model).items():
        if name in measured["models"]:
            one = measured["models"][name]
            inequality = "" if one["gini"] is None else f": Gini {one['gini']:.2f}"
            shares, curve = 100 * np.array(measured["shares"]), 100 * np.array(one["curve"])
            right.plot(shares, curve, label=f"{label}{inequality}", markevery=3, **look)
    right.plot([0, 100], [0, 100], color=style.FAINT, linewidth=0.8, label="even")
    right.set_title("share of recommendations, most popular items first")
    right.set_xlabel("most popular items, % of the catalogue")
    right.set_ylabel("recommendations, %")
    right.set_xlim(-1, 101)
    right.set_ylim(-1, 103)
    right.legend(loc="lower right")
    return drawn


def search(model: Document, searched: Document | None, at: datetime | None = None) -> Figure:
    """The validation curve: each trial of the search that the settings come from, in its order.

    The fit itself is not traced: `implicit` tells its loss at a price of its own, and the slice tells more.

    Args:
        model: the model that is charted.
        searched: the model whose search found the settings (itself, or an earlier one); None where none ran.
        at: the time at the foot.
    """
    which = (
        "" if not searched or searched["_id"] == model["_id"] else f", settings from the search of {searched['_id']}"
    )
    drawn, axes = style.figure(
        "How the settings were chosen",
        "NDCG@10 of each trial on the validation slice, held out of what may be learned from",
        source=f"model {model['_id']}{which}",
        size=(8.0, 5.0),
        at=at,
    )
    if not searched or not searched.get("search"):
        style.no_data(axes, f"no search ran: {model['why']['settings']}")
        return drawn
    trials, baseline = searched["search"]["trials"], searched["search"]["popularity_ndcg_at_10"]
    values = np.array([trial["ndcg_at_10"] for trial in trials])
    best = int(values.argmax())
    axes.plot(range(len(trials)), values, label="trial", **style.look(0))
    best_so_far = np.maximum.accumulate(values)
    axes.plot(
        range(len(trials)),
        best_so_far,
        color=style.COLORS[1],
        linewidth=1.2,
        drawstyle="steps-post",
        label="best so far",
    )
    axes.axhline(baseline, color=style.FAINT, linewidth=1.2, linestyle=(0, (4, 3)), label="popularity")
    axes.plot(best, values[best], "o", markersize=13, markerfacecolor="none", markeredgecolor=style.INK, label="chosen")
    texts = [f"{t['factors']} factors, reg. {t['regularization']:g}, alpha {t['alpha']:g}" for t in trials]
    axes.set_xticks(range(len(trials)), texts, rotation=30, ha="right", fontsize=8)
    axes.set_ylim(bottom=min(0, baseline))
    axes.set_ylabel("NDCG@10")
    style.legend_above(axes)
    return drawn
