"""Export: the graph of a live model as files for other tools, its shape for the charts, and tables for people."""

import logging
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pandas as pd
from pyspark import StorageLevel

from tidemark.graph import edges as graph
from tidemark.graph import files
from tidemark.graph.shape import Shape, degree_distribution, top
from tidemark.settings import settings
from tidemark.storage import artifacts, run_folder

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

Document = dict[str, Any]

log = logging.getLogger(__name__)


def describe(shape: Shape, users: Any, items: Any) -> Document:
    """What the charts show: degrees, components, top products and a neighbourhood, with names."""
    near = shape.neighbourhood()
    best = {"taken": top(shape.item_degrees, 10), "recommended": top(shape.item_recommended, 10)}
    user_names = graph.named(users, shape.user[near])
    item_names = graph.named(items, [*shape.item[near], *best["taken"], *best["recommended"]])
    degrees = {"users": shape.user_degrees, "items": shape.item_degrees}
    return {
        "degrees": {kind: [a.tolist() for a in degree_distribution(values)] for kind, values in degrees.items()},
        "components": {"taken": shape.components(False), "all": shape.components(True)},
        "top_products": {by: [item_names[number] for number in numbers] for by, numbers in best.items()},
        "neighbourhood": [
            {"user": user_names[int(shape.user[e])], "item": item_names[int(shape.item[e])], "rank": int(shape.rank[e])}
            for e in near
        ],
    }


def write_tables(run: str, described: Document) -> None:
    """The same as tables for people: `tables/degrees.csv`, `components.csv`, `top_products.csv`."""
    degrees = [(kind, d, n) for kind, both in described["degrees"].items() for d, n in zip(*both, strict=True)]
    sizes = [(edges, size, n) for edges, rows in described["components"].items() for size, n in rows]
    products = [
        (by, place, p["id"].removeprefix("i:"), p["label"], p["degree"], p["recommended"])
        for by, rows in described["top_products"].items()
        for place, p in enumerate(rows, 1)
    ]
    for name, rows, columns in (
        ("degrees", degrees, ["vertices", "degree", "count"]),
        ("components", sizes, ["edges", "size", "count"]),
        ("top_products", products, ["by", "place", "item_id", "title", "taken", "recommended"]),
    ):
        artifacts.write_table(f"{run}/{run_folder.TABLES}/{name}.csv", pd.DataFrame(rows, columns=columns))


def export(run: str, model: Document, interactions: "DataFrame", lists: "DataFrame", titles: "DataFrame") -> Document:
    """Write the graph of `model` into its run folder; done again, it is replaced.

    Args:
        run: the run folder.
        model: its document.
        interactions: what it may have learned from, as `retraining.snapshot.window` gives it.
        lists: what it recommends, as `edges.lists` gives it.
        titles: `_id, title` of the products, as `edges.titles` gives them.

    Returns:
        what the charts show (`describe`), `counts` and `pairs_learned`.
    """
    edges = graph.edges(interactions, lists, settings().graph_recommended).persist(StorageLevel.DISK_ONLY)
    log.info("%s edges", f"{edges.count():,}")
    users = graph.vertices(edges, "source").persist(StorageLevel.DISK_ONLY)
    items = graph.vertices(edges, "target", titles).persist(StorageLevel.DISK_ONLY)
    shape = Shape(**graph.numbers(edges, users, items), n_users=users.count(), n_items=items.count())
    described = describe(shape, users, items)
    write_tables(run, described)
    files.write(users, items, edges, run, f"{settings().landing_root}/graph/{model['_id']}-{uuid4().hex[:8]}")
    kinds = {row["kind"]: row["count"] for row in edges.groupBy("kind").count().collect()}
    counts = {"users": shape.n_users, "items": shape.n_items, "edges": len(shape.rank), **kinds}
    learned = model["data"]["pairs"]
    if len(shape.rank) - kinds.get(graph.RECOMMENDED, 0) != learned:
        log.warning("the model learned from %s pairs: interactions of its time came after its snapshot", f"{learned:,}")
    log.info("graph: %s", counts)
    return described | {"counts": counts, "pairs_learned": learned}
