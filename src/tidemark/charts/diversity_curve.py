"""Chart of diversity: what less alike lists cost in accuracy, and what they gain."""

from datetime import datetime
from typing import Any

from matplotlib.figure import Figure

from tidemark.charts import style
from tidemark.evaluation import evidence

Document = dict[str, Any]

PANELS = {
    "ndcg_at_10": "NDCG@10",
    "coverage": "coverage of the catalogue",
    "novelty": "novelty, bits",
    "diversity": "unlikeness in a list",
}
TITLE = "What more diverse lists cost and gain"


def curve(model: Document, measured: Document, at: datetime | None = None) -> Figure:
    """The figures of each diversity, side by side; a line where the run was asked to list.

    Args:
        model: the model that is charted.
        measured: as `retraining.diversity.of_run` gives it.
        at: the time at the foot.
    """
    rows, rests_on = measured["curve"], evidence.of(model)
    if not rows or not rests_on.conclusive:
        drawn, axes = style.figure(TITLE, "", source=f"model {model['_id']}", size=(8.0, 3.0), at=at)
        style.no_data(axes, rests_on.doubt() or measured["why"])
        return drawn
    shown = {name: title for name, title in PANELS.items() if all(name in row for row in rows)}
    drawn, panels = style.panels(
        TITLE,
        f"by TIDEMARK_DIVERSITY, 0 is the model's own order; {rows[0]['users']:,} users, 95 % bootstrap intervals",
        len(shown),
        source=f"model {model['_id']}, candidate on the held-out part",
        size=(11.0, 3.9),
        at=at,
    )
    steps = [row["at"] for row in rows]
    for axes, (name, title) in zip(panels, shown.items(), strict=True):
        values = [row[name]["value"] for row in rows]
        errors = [
            [row[name]["value"] - row[name]["low"] for row in rows],
            [row[name]["high"] - row[name]["value"] for row in rows],
        ]
        axes.axvline(measured["diversity"], color=style.FAINT, linewidth=0.8, linestyle="--")
        axes.errorbar(steps, values, yerr=errors, capsize=2.5, **style.look(0))
        axes.set_title(title)
        axes.set_xlabel("diversity")
        axes.set_xlim(-0.05, 1.05)
        axes.set_ylim(bottom=0)
    return drawn
