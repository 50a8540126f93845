"""Export the interaction graph of a model that is live: its data and its recommendations, as CSV and GraphML.

spark-submit spark_jobs/export_graph.py --run <run folder of a model that was published>
"""

import logging
import time
from typing import Any
from uuid import uuid4

import pandas as pd
from pyspark import StorageLevel

from tidemark.graph import edges as graph
from tidemark.graph import files
from tidemark.graph.shape import Shape, degree_distribution, top
from tidemark.registry import entries
from tidemark.retraining import snapshot as snapshots
from tidemark.settings import settings
from tidemark.spark import job
from tidemark.spark.session import session
from tidemark.storage import artifacts, mongo

log = logging.getLogger("export_graph")


def described(shape: Shape, users: Any, items: Any) -> dict[str, Any]:
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


def write_tables(run: str, found: dict[str, Any]) -> None:
    """The same as tables for people: `tables/degrees.csv`, `components.csv`, `top_products.csv`."""
    degrees = [(kind, d, n) for kind, both in found["degrees"].items() for d, n in zip(*both, strict=True)]
    sizes = [(edges, size, n) for edges, rows in found["components"].items() for size, n in rows]
    products = [
        (by, place, p["id"].removeprefix("i:"), p["label"], p["degree"], p["recommended"])
        for by, rows in found["top_products"].items()
        for place, p in enumerate(rows, 1)
    ]
    for name, rows, columns in (
        ("degrees", degrees, ["vertices", "degree", "count"]),
        ("components", sizes, ["edges", "size", "count"]),
        ("top_products", products, ["by", "place", "item_id", "title", "taken", "recommended"]),
    ):
        artifacts.write_table(f"{run}/tables/{name}.csv", pd.DataFrame(rows, columns=columns))


def main(run: str) -> None:
    """See the module."""
    started = time.monotonic()
    snapshot = artifacts.read_json(f"{run}/snapshot.json")
    model = entries.get(mongo.connect(), snapshot["model_id"])
    spark = session("tidemark-export-graph")

    interactions = snapshots.window(spark, snapshot)
    log.info("interactions: %.1f s", time.monotonic() - started)
    lists = graph.lists(spark, model["_id"])
    edges = graph.edges(interactions, lists, settings().graph_recommended).persist(StorageLevel.DISK_ONLY)
    log.info("%s edges: %.1f s", f"{edges.count():,}", time.monotonic() - started)
    users = graph.vertices(edges, "source").persist(StorageLevel.DISK_ONLY)
    items = graph.vertices(edges, "target", graph.titles(spark)).persist(StorageLevel.DISK_ONLY)
    shape = Shape(**graph.numbers(edges, users, items), n_users=users.count(), n_items=items.count())
    found = described(shape, users, items)
    write_tables(run, found)
    log.info("shape: %.1f s", time.monotonic() - started)

    files.write(users, items, edges, run, f"{settings().landing_root}/graph/{model['_id']}-{uuid4().hex[:8]}")
    kinds = {row["kind"]: row["count"] for row in edges.groupBy("kind").count().collect()}
    counts = {"users": shape.n_users, "items": shape.n_items, "edges": len(shape.rank), **kinds}
    learned = model["data"]["pairs"]
    if len(shape.rank) - kinds.get(graph.RECOMMENDED, 0) != learned:
        log.warning("the model learned from %s pairs: interactions of its time came after its snapshot", f"{learned:,}")
    seconds = round(time.monotonic() - started, 1)
    artifacts.write_json(f"{run}/graph.json", found | {"counts": counts, "pairs_learned": learned, "seconds": seconds})
    log.info("graph: %s: %.1f s", counts, seconds)


if __name__ == "__main__":
    job.main("export_graph", __doc__, main)
