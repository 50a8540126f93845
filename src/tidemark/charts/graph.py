"""Charts of the interaction graph: degrees, top products, and a neighbourhood of the recommendations as a drawing."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import networkx as nx
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tidemark.charts import style

Document = dict[str, Any]

SEED = 42


def degrees(found: Mapping[str, Any], source: str, at: datetime | None = None) -> Figure:
    """How many users and items have each number of edges taken, both axes logarithmic.

    Args:
        found: `degrees` (`users`, `items`: `[degrees, counts]`), `components` and `counts` of `graph.json`.
        source: the line at the foot.
        at: the time at the foot.
    """
    size, _ = found["components"]["taken"][0]
    whole = found["counts"]["users"] + found["counts"]["items"]
    pieces = sum(count for _, count in found["components"]["taken"])
    drawn, axes = style.figure(
        "Many take little, few take much",
        f"vertices of each degree (items bought or rated); the largest of {pieces:,} components holds {size / whole:.1%}",
        source=source,
        at=at,
    )
    for number, (kind, marker) in enumerate((("users", "o"), ("items", "s"))):
        x, y = found["degrees"][kind]
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


def top_products(found: Mapping[str, Sequence[Document]], source: str, at: datetime | None = None) -> Figure:
    """The ten products that most users took, beside the ten that are recommended to most users.

    Args:
        found: `taken` and `recommended`, each a list of vertices, greatest first.
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
        _bars(axes, found[by], key, 0 if axes is left else 1)
        axes.set_title(title)
    return drawn


def neighbourhood(edges: Sequence[Document], source: str, at: datetime | None = None) -> Figure:
    """A few users and what is recommended to them, as a drawing: users round, items square.

    Args:
        edges: `{user, item, rank}`, vertices of the contract `graph_vertex`; rank 0 is an edge taken.
        source: the line at the foot.
        at: the time at the foot.
    """
    drawn, axes = style.figure(
        "A neighbourhood of the recommendations",
        "round: users; square: items, larger where recommended to more of them; solid: recommended, dashed: taken",
        source=source,
        size=(11, 8.2),
        at=at,
    )
    axes.set_axis_off()
    if not edges:
        style.no_data(axes, "nothing is recommended to anybody")
        return drawn
    drawing = nx.Graph()
    for edge in edges:
        for end in ("user", "item"):
            drawing.add_node(edge[end]["id"], label=edge[end]["label"], kind=end)
        drawing.add_edge(edge["user"]["id"], edge["item"]["id"], rank=edge["rank"])
    recommended = drawing.edge_subgraph([(a, b) for a, b, rank in drawing.edges(data="rank") if rank > 0])
    start = nx.kamada_kawai_layout(recommended)
    places = nx.spring_layout(recommended, k=1.6 / len(recommended) ** 0.5, pos=start, iterations=40, seed=SEED)
    for a, b, rank in drawing.edges(data="rank"):
        (x0, y0), (x1, y1) = places[a], places[b]
        looks = {"color": style.COLORS[0], "linewidth": 1.8 - 0.25 * min(rank, 5), "alpha": 0.75}
        if rank == 0:
            looks = {"color": style.COLORS[3], "linewidth": 1.0, "linestyle": (0, (4, 3)), "alpha": 0.9}
        axes.plot([x0, x1], [y0, y1], zorder=1, **looks)
    for vertex, data in drawing.nodes(data=True):
        x, y = places[vertex]
        item = data["kind"] == "item"
        times = recommended.degree(vertex)
        axes.scatter(
            x,
            y,
            s=70 + 45 * times if item else 190,
            marker="s" if item else "o",
            color=style.COLORS[1] if item else style.COLORS[0],
            edgecolor=style.INK,
            linewidth=0.8,
            zorder=2,
        )
        axes.annotate(
            style.label(data["label"], 24 if item else 14),
            (x, y),
            xytext=(0, -8 - 1.2 * min(times, 6) if item else 9),
            textcoords="offset points",
            ha="center",
            va="top" if item else "bottom",
            fontsize=7.5,
            fontweight="normal" if item else "bold",
            bbox={"boxstyle": "square,pad=0.1", "facecolor": style.CARD, "edgecolor": "none", "alpha": 0.75},
            zorder=3,
        )
    axes.margins(0.09, 0.07)
    return drawn
