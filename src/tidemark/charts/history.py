"""Chart of all models: how good each was when it was decided about, and what was decided."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from tidemark.charts import style
from tidemark.evaluation import evidence
from tidemark.registry import figures

Document = dict[str, Any]

NEWEST = 60
"""Models in the chart: the newest ones."""


def history(models: Sequence[Document], live: str | None, at: datetime | None = None) -> Figure:
    """NDCG@10 of all models as they were decided about, oldest first, with what was decided.

    Args:
        models: model documents, oldest first; the newest `NEWEST` of them are shown. Those measured on too few users
            to conclude anything are left out, and the foot says how many.
        live: the champion's id.
        at: the time at the foot.
    """
    newest = list(models)[-NEWEST:]
    shown = [m for m in newest if evidence.of(m).conclusive and figures.of_contender(m)]
    drawn, axes = style.figure(
        "All models, and what was decided",
        "NDCG@10 and 95 % interval, each on the held-out interactions of its time",
        source=_which(len(models), len(newest), len(newest) - len(shown)),
        size=(9.5, 4.8),
        at=at,
    )
    if not shown:
        few = f"no model was measured on the {evidence.LEAST} users from which something can be concluded"
        style.no_data(axes, few if newest else "no model yet")
        return drawn
    contenders = [figures.of_contender(m)["ndcg_at_10"] for m in shown]
    popular = [figures.of(m, "popularity")["ndcg_at_10"]["value"] for m in shown]
    places = np.arange(len(shown))
    axes.plot(places, popular, color=style.FAINT, linewidth=1.2, linestyle=(0, (4, 3)), label="popularity, all time")
    groups = {
        "published": [m["published_at"] is not None for m in shown],
        "rejected": [m["published_at"] is None and m["status"] == "rejected" for m in shown],
        "not published yet, or held back": [m["published_at"] is None and m["status"] != "rejected" for m in shown],
    }
    marks = {
        "published": ("o", True, 0),
        "rejected": ("X", True, 3),
        "not published yet, or held back": ("D", False, 5),
    }
    for name, chosen in groups.items():
        at_ = places[chosen]
        if not len(at_):
            continue
        marker, filled, color = marks[name]
        bars = [contenders[place] for place in at_]
        values = [f["value"] for f in bars]
        axes.errorbar(
            at_,
            values,
            yerr=[[f["value"] - f["low"] for f in bars], [f["high"] - f["value"] for f in bars]],
            fmt=marker,
            color=style.COLORS[color],
            markerfacecolor=style.COLORS[color] if filled else style.CARD,
            markersize=7,
            capsize=2.5,
            linewidth=1.2,
            label=name,
        )
    ids = [m["_id"] for m in shown]
    if live in ids:
        place = ids.index(live)
        axes.plot(place, contenders[place]["value"], "o", markersize=15, markerfacecolor="none", markeredgecolor=style.INK,
                  markeredgewidth=1.4, label="live now")  # fmt: skip
    every = max(1, -(-len(shown) // 8))
    ticks = [place for place in places if (len(shown) - 1 - place) % every == 0]
    axes.set_xticks(ticks, [_day(ids[place]) for place in ticks], fontsize=8.5)
    axes.set_xlim(-0.6, len(shown) - 0.4)
    axes.set_ylim(bottom=0)
    axes.set_ylabel("NDCG@10")
    axes.grid(visible=False, axis="x")
    style.legend_above(axes)
    return drawn


def _which(models: int, newest: int, left_out: int) -> str:
    """Which models the history shows, and how many of them it leaves out."""
    which = (
        f"the newest {newest} of {models:,} models"
        if newest < models
        else f"{models} model{'' if models == 1 else 's'}"
    )
    return which + (f"; {left_out} measured on fewer than {evidence.LEAST} users left out" if left_out else "")


def _day(model_id: str) -> str:
    """`20260102T030405-...` -> `2026-01-02` over `03:04`."""
    return f"{model_id[:4]}-{model_id[4:6]}-{model_id[6:8]}\n{model_id[9:11]}:{model_id[11:13]}"
