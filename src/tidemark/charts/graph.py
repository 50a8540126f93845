"""Charts of the interaction graph: degrees, top products, and a neighbourhood of the recommendations as a drawing."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import networkx as nx
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tidemark.charts import style

Array = np.ndarray[Any, Any]
Document = dict[str, Any]

SEED = 42


def degrees(shape: Mapping[str, Any], source: str, at: datetime | None = None) -> Figure:
    """How many users and items have each number of edges taken, both axes logarithmic.

    Args:
        shape: `degrees` (`users`, `items`: `[degrees, counts]`), `components` and `counts` of `graph.json`.
        source: the line at the foot.
        at: the time at the foot.
    """
    size, _ = shape["components"]["taken"][0]
    share = size / (shape["counts"]["users"] + shape["counts"]["items"])
    hangs = "all of it hangs together" if share == 1 else f"its largest connected component holds {share:.1%} of it"
    drawn, axes = style.figure(
        "Many take little, few take much",
        f"users and items of each degree (pairs bought or rated); {hangs}",
        source=source,
        at=at,
    )
    for number, (kind, marker) in enumerate((("users", "o"), ("items", "s"))):
        x, y = shape["degrees"][kind]
        color = style.COLORS[number]
        axes.plot(
            x, y, marker, color=color, markerfacecolor=color if number == 0 else style.CARD, markersize=4.5, label=kind
        )
    style.log_axis(axes.xaxis)
    style.log_axis(axes.yaxis)
    axes.set_xlabel("degree")
    axes.set_ylabel("vertices")
    axes.legend()
    return drawn


def _bars(axes: Axes, products: Sequence[Document], key: str, number: int) -> None:
    values = [product[key] for product in products]
    axes.barh(range(len(products)), values, 0.72, **style.fill(number))
    axes.set_yticks(range(len(products)), [style.label(product["label"], 34) for product in products], fontsize=9)
    for place, value in enumerate(values):
        axes.annotate(
            f"{value:,}", (value, place), xytext=(4, 0), textcoords="offset points", va="center", fontsize=8.5
        )
    axes.set_ylim(len(products) - 0.4, -0.6)
    axes.set_xlim(right=max(values, default=1) * 1.17)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.locator_params(axis="x", nbins=4)
    style.thousands(axes.xaxis)


def top_products(products: Mapping[str, Sequence[Document]], source: str, at: datetime | None = None) -> Figure:
    """The ten products that most users took, beside the ten that are recommended to most users.

    Args:
        products: `taken` and `recommended`, each a list of vertices, greatest first.
        source: the line at the foot.
        at: the time at the foot.
    """
    drawn, (left, right) = style.panels(
        "The ten products most taken, and most recommended",
        "users who bought or rated it; users to whom it is recommended",
        2,
        source=source,
        size=(12, 4.8),
        at=at,
    )
    for axes, by, key, title in (
        (left, "taken", "degree", "taken"),
        (right, "recommended", "recommended", "recommended"),
    ):
        _bars(axes, products[by], key, 0 if axes is left else 1)
        axes.set_title(title)
    return drawn


def _apart(places: Array, width: float, height: float, rounds: int = 200) -> Array:
    """`places` `(n, 2)` pushed apart until no two boxes `(width, height)` around them overlap, or `rounds` are over."""
    moved = places.copy()
    for _ in range(rounds):
        away = moved[:, np.newaxis] - moved
        overlap = np.array([width, height]) - abs(away)
        meets = (overlap > 1e-9).all(axis=2) & ~np.eye(len(moved), dtype=bool)
        if not meets.any():
            break
        # Along the axis on which less is needed; of two in one place, the later goes up.
        axis = (overlap[..., 0] / width < overlap[..., 1] / height).astype(int)
        sign = np.where(
            away == 0,
            np.sign(np.subtract.outer(np.arange(len(moved)), np.arange(len(moved))))[..., None],
            np.sign(away),
        )
        for dimension in (0, 1):
            chosen = meets & (axis == 1 - dimension)
            moved[:, dimension] += 0.5 * (np.where(chosen, overlap[..., dimension] * sign[..., dimension], 0)).sum(
                axis=1
            )
    return moved


def neighbourhood(edges: Sequence[Document], source: str, at: datetime | None = None) -> Figure:
    """A few users and what is recommended to them, as a drawing: users round, items square.

    Args:
        edges: `{user, item, rank}`, vertices of the contract `graph_vertex`; edges of rank 0 (taken) are not drawn.
        source: the line at the foot.
        at: the time at the foot.
    """
    drawn, axes = style.figure(
        "A neighbourhood of the recommendations",
        "round: users; square: items, larger where recommended to more of them; thick lines: high in the user's list",
        source=source,
        size=(11, 8.2),
        at=at,
    )
    axes.set_axis_off()
    drawing = nx.Graph()
    for edge in edges:
        if edge["rank"] > 0:
            for end in ("user", "item"):
                drawing.add_node(edge[end]["id"], label=edge[end]["label"], kind=end)
            drawing.add_edge(edge["user"]["id"], edge["item"]["id"], rank=edge["rank"])
    if not len(drawing):
        style.no_data(axes, "nothing is recommended to anybody")
        return drawn
    start = nx.kamada_kawai_layout(drawing, pos=nx.spring_layout(drawing, seed=SEED))
    names = list(drawing)
    places = dict(zip(names, _apart(np.array([start[name] for name in names]), 0.36, 0.17), strict=True))
    for a, b, rank in drawing.edges(data="rank"):
        (x0, y0), (x1, y1) = places[a], places[b]
        axes.plot([x0, x1], [y0, y1], zorder=1, color=style.FAINT, linewidth=3.2 - 0.65 * min(rank, 4), alpha=0.8)
    for vertex, data in drawing.nodes(data=True):
        item, times = data["kind"] == "item", drawing.degree(vertex)
        x, y = places[vertex]
        axes.scatter(
            x,
            y,
            s=90 + 55 * times if item else 210,
            marker="s" if item else "o",
            color=style.COLORS[1] if item else style.COLORS[0],
            edgecolor=style.INK,
            linewidth=0.8,
            zorder=2,
        )
        axes.annotate(
            style.label(data["label"], 24 if item else 14),
            (x, y),
            xytext=(0, -8 - 1.2 * min(times, 6) if item else -9),
            textcoords="offset points",
            ha="center",
            va="top",
            fontsize=8,
            fontweight="normal" if item else "bold",
            bbox={"boxstyle": "square,pad=0.1", "facecolor": style.CARD, "edgecolor": "none", "alpha": 0.8},
            zorder=3,
        )
    axes.margins(0.09, 0.07)
    return drawn
