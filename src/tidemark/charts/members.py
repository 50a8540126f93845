"""Chart of a blend: which member carries how much, and how good each is by itself."""

from datetime import datetime
from typing import Any

from matplotlib.figure import Figure

from tidemark.charts import style
from tidemark.registry.names import MEMBER, NAMES

Document = dict[str, Any]


def weights(model: Document, searched: Document, at: datetime | None = None) -> Figure:
    """What each member of the portfolio carries; one that validation could not prove to add anything carries nothing.

    Args:
        model: the model that is charted.
        searched: the model whose search found the weights, itself or an earlier one: its `search` has a `portfolio`.
        at: the time at the foot.
    """
    found = searched["search"]["portfolio"]
    alone: dict[str, float] = {}
    for trial in found["trials"]:
        alone[trial["name"]] = max(trial["ndcg_at_10"], alone.get(trial["name"], 0.0))
    names = [member["name"] for member in found["members"]]
    which = "" if searched["_id"] == model["_id"] else f", weights from the search of {searched['_id']}"
    drawn, axes = style.figure(
        "Which recommender carries how much of the blend",
        f"weights that {found['users']:,} validation users prove: lead over ALS alone {found['lead']:+.4f} NDCG@10, "
        f"lower bound {found['bound']:+.4f}",
        source=f"model {model['_id']}{which}",
        size=(8.0, 1.8 + 0.5 * len(names)),
        at=at,
    )
    rows = range(len(names))
    axes.barh(rows, found["weights"], color=style.COLORS[0], height=0.55)
    for row, (name, weight) in enumerate(zip(names, found["weights"], strict=True)):
        told = f"{weight:.1f}" + (f", alone {alone[name]:.4f}" if name in alone else "")
        axes.annotate(told, (weight, row), xytext=(7, 0), textcoords="offset points", va="center", fontsize=8.5)
    shown = [NAMES.get(f"{MEMBER}{name}", name).removeprefix("its member ") for name in names]
    axes.set_yticks(rows, shown)
    axes.set_xlim(0, 1.25)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlabel("weight")
    axes.grid(visible=False, axis="y")
    return drawn
