"""Charts of a backtest: what is lost by not training, by training on less, and how often the gate was right."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tidemark.charts import style
from tidemark.evaluation import evidence
from tidemark.evaluation.evidence import Evidence

Document = dict[str, Any]

SERIES = {"fresh": "trained anew", "folded": "of then, newer folded in", "stale": "of then, as it was"}
LOSSES = {"loss": "newer folded in", "loss_without_fold_in": "without fold-in"}


def _source(found: Document) -> str:
    return (
        f"{found['pairs']:,} interactions up to {found['cut'][:10]}, {found['origins']} origins, recipe {found['of']}"
    )


def _errors(rows: list[Document], name: str) -> list[list[float]]:
    return [
        [row[name]["value"] - row[name]["low"] for row in rows],
        [row[name]["high"] - row[name]["value"] for row in rows],
    ]


def _too_few(found: Document, title: str, at: datetime | None) -> Figure | None:
    users = min(row["users"] for row in found["lags"])
    if Evidence(users).conclusive:
        return None
    drawn, axes = style.figure(title, "", source=_source(found), size=(8.0, 3.0), at=at)
    style.no_data(axes, f"{users} users were measured: nothing can be concluded ({evidence.LEAST} are needed)")
    return drawn


def unlearned(found: Document, at: datetime | None = None) -> Figure:
    """Quality against interactions unlearned, and what not training loses.

    Args:
        found: as `backtest.runs.conclude` gives it.
        at: the time at the foot.
    """
    title = "Quality against interactions unlearned"
    if few := _too_few(found, title, at):
        return few
    rows = found["lags"]
    drawn, (left, right) = style.panels(
        title,
        f"NDCG@10 on what users did next, {_counted([row['users'] for row in rows])}, 95 % bootstrap intervals",
        2,
        source=_source(found),
        size=(11.0, 4.6),
        at=at,
    )
    interactions = [row["interactions"] for row in rows]
    for number, (name, label) in enumerate(SERIES.items()):
        left.errorbar(
            interactions,
            [row[name]["value"] for row in rows],
            yerr=_errors(rows, name),
            capsize=2.5,
            label=label,
            **style.look(number),
        )
    left.set_title("by what came since the model was trained")
    left.set_ylabel("NDCG@10")
    left.set_ylim(bottom=0)
    for number, (name, label) in enumerate(LOSSES.items(), 1):
        right.errorbar(
            interactions,
            [row[name]["value"] for row in rows],
            yerr=_errors(rows, name),
            capsize=2.5,
            label=label,
            **style.look(number),
        )
    right.axhline(0, color=style.FAINT, linewidth=0.8)
    if found["recommended"]["mark"]:
        right.axvline(
            found["recommended"]["mark"], color=style.FAINT, linewidth=0.8, linestyle="--", label="recommended mark"
        )
    right.set_title("what is lost by not training anew")
    for axes in (left, right):
        axes.set_xlabel("interactions unlearned")
        axes.legend(loc="best")
    return drawn


def windows(found: Document, at: datetime | None = None) -> Figure:
    """Quality by how much was learned from."""
    title = "How much to learn from"
    if few := _too_few(found, title, at):
        return few
    rows = found["windows"]
    drawn, axes = style.figure(
        title,
        f"NDCG@10 of models of the newest part of what there was, {rows[0]['users']:,} users, 95 % bootstrap intervals",
        source=_source(found),
        size=(7.5, 4.2),
        at=at,
    )
    axes.errorbar(
        [row["pairs"] for row in rows],
        [row["ndcg_at_10"]["value"] for row in rows],
        yerr=_errors(rows, "ndcg_at_10"),
        capsize=2.5,
        **style.look(0),
    )
    for row in rows:
        axes.annotate(
            f"{row['cpu_seconds']:.1f} CPU-s",
            (row["pairs"], row["ndcg_at_10"]["value"]),
            xytext=(6, -12),
            textcoords="offset points",
            fontsize=8,
        )
    axes.set_xlabel("interactions learned from")
    axes.set_ylabel("NDCG@10")
    axes.set_ylim(bottom=0)
    return drawn


def gate(found: Document, at: datetime | None = None) -> Figure:
    """How often the future proved the gate right."""
    told = found["gate"]
    drawn, axes = style.figure(
        "How often the gate was right",
        f"{told['decisions']} decisions of the past, against what users did next (one-sided 95 %)",
        source=_source(found),
        size=(8.0, 3.2),
        at=at,
    )
    if not told["decisions"]:
        style.no_data(axes, "nobody could be measured")
        return drawn
    counts = {
        "right": told["right"],
        "open: the future does not tell": told["open"],
        "wrong: kept the worse model": told["kept_worse"],
        "wrong: published the worse": told["published_worse"],
    }
    _bars(axes, counts)
    return drawn


def _bars(axes: Axes, counts: dict[str, int]) -> None:
    rows = range(len(counts))
    axes.barh(rows, list(counts.values()), color=style.COLORS[0], height=0.55)
    for row, count in enumerate(counts.values()):
        axes.annotate(f"{count}", (count, row), xytext=(6, 0), textcoords="offset points", va="center", fontsize=9)
    axes.set_yticks(rows, list(counts))
    axes.set_ylim(len(counts) - 0.5, -0.5)
    axes.set_xlim(0, 1.15 * max(max(counts.values()), 1))
    axes.set_xlabel("decisions")
    axes.grid(visible=False, axis="y")


def _counted(users: Sequence[int]) -> str:
    """`6,000 users`, or `5,800 to 6,000 users`."""
    least, most = min(users), max(users)
    return f"{most:,} users" if least == most else f"{least:,} to {most:,} users"
