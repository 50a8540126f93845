"""Everything a retraining shows: its charts and tables in the run folder, and the manifest over all of it."""

from typing import TYPE_CHECKING, Any

import pandas as pd

from tidemark.charts import diversity_curve, graph, history, members, model, style
from tidemark.evaluation import evidence
from tidemark.registry import champion, entries, figures
from tidemark.retraining import search_memory
from tidemark.storage import artifacts, manifests, run_folder

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pymongo.database import Database

Document = dict[str, Any]

TABLES = {
    "tables/metrics.csv": "Every metric of every model, with intervals",
    "tables/history.csv": "All models and what was decided",
    "tables/by_activity.csv": "NDCG@10 by the length of users' histories",
    "tables/spread.csv": "Popularity curve and Gini of each model",
    "tables/search.csv": "Every trial of the search",
    "tables/diversity.csv": "What more diverse lists cost and gain",
    "tables/degrees.csv": "Degree distribution of users and items",
    "tables/components.csv": "Sizes of the connected components",
    "tables/top_products.csv": "Products most taken, and most recommended",
    "graph/users.csv": "Users of the graph",
    "graph/products.csv": "Items of the graph",
    "graph/edges.csv": "Edges of the graph: bought, rated, recommended",
    "graph/graph.graphml": "The graph for Gephi, Cytoscape, networkx",
    "docs/training_interactions/index.html": "Gate training_interactions",
    "docs/recommendations/index.html": "Gate recommendations",
}
"""Titles of the files that are no charts."""


def _metrics(entry: Document) -> pd.DataFrame:
    """One row a figure; `measured` is on how many users, or ratings, it rests."""
    stars = figures.of_stars(entry)
    ranking = {name: metrics for name, metrics in entry["metrics"].items() if name != "ratings"}
    rows = [
        (name, metric, *(figure[k] for k in ("value", "low", "high")), measured)
        for models, measured in ((ranking, evidence.of(entry).count), (stars, evidence.of_stars(entry).count))
        for name, metrics in models.items()
        for metric, figure in metrics.items()
    ]
    return pd.DataFrame(rows, columns=["model", "metric", "value", "low", "high", "measured"]).astype(
        {"measured": "Int64"}
    )


def _history(models: list[Document], live: str | None) -> pd.DataFrame:
    rows = [
        {
            "model_id": m["_id"],
            "engine": m["engine"],
            "status": m["status"],
            "live": m["_id"] == live,
            "measured_users": evidence.of(m).count,
            "ndcg_at_10": (figures.of_contender(m).get("ndcg_at_10") or {}).get("value"),
            "popularity_ndcg_at_10": (figures.of(m, "popularity").get("ndcg_at_10") or {}).get("value"),
            "created_at": m["created_at"].isoformat(),
            "published_at": m["published_at"].isoformat() if m["published_at"] else None,
            "reasons": "; ".join(m["decision"]["reasons"]),
        }
        for m in models
    ]
    return pd.DataFrame(rows)


def _tables(run: str, evaluated: Document, entry: Document, models: list[Document], live: str | None) -> None:
    tables = {"metrics": _metrics(entry), "history": _history(models, live)}
    if "by_activity" in evaluated:
        tables["by_activity"] = pd.DataFrame(
            [
                (row["least"], row["most"], row["users"], name, *(figure[k] for k in ("value", "low", "high")))
                for row in evaluated["by_activity"]
                for name, figure in row["ndcg_at_10"].items()
            ],
            columns=["history_least", "history_most", "users", "model", "ndcg_at_10", "low", "high"],
        ).astype({"history_most": "Int64"})
        spread = evaluated["spread"]
        tables["spread"] = pd.DataFrame(
            [
                (name, one["gini"], share, value)
                for name, one in spread["models"].items()
                for share, value in zip(spread["shares"], one["curve"], strict=True)
            ],
            columns=["model", "gini", "most_popular_share", "recommended_share"],
        )
    if entry.get("search"):
        tables["search"] = pd.DataFrame(entry["search"]["trials"])
    for name, table in tables.items():
        artifacts.write_table(f"{run}/tables/{name}.csv", table)


def _figures(db: "Database[Document]", entry: Document, evaluated: Document, shape: Document | None,
             models: list[Document], live: str | None, measured: Document | None) -> "dict[str, Figure]":  # fmt: skip
    searched = search_memory.searched(db, entry)
    drawn = {
        "metrics": model.metrics(entry),
        "history": history.history(models, live),
        "search": model.search(entry, searched),
        "stars": model.stars(entry),
    }
    if searched and (searched.get("search") or {}).get("portfolio"):
        drawn["blend"] = members.weights(entry, searched)
    if measured:
        drawn["diversity"] = diversity_curve.curve(entry, measured)
    if "by_activity" in evaluated:
        drawn["activity"] = model.activity(entry, evaluated["by_activity"])
        drawn["spread"] = model.spread(entry, evaluated["spread"])
    if shape:
        counts = shape["counts"]
        source = (
            f"model {entry['_id']}: {counts['users']:,} users, {counts['items']:,} items, {counts['edges']:,} edges"
        )
        drawn["degrees"] = graph.degrees(shape, source)
        drawn["top_products"] = graph.top_products(shape["top_products"], source)
        drawn["neighbourhood"] = graph.neighbourhood(shape["neighbourhood"], source)
    return drawn


def _diversity(curve: list[Document]) -> pd.DataFrame:
    """One row a figure of each diversity."""
    rows = [
        (row["at"], row["users"], metric, *(figure[k] for k in ("value", "low", "high")))
        for row in curve
        for metric, figure in row.items()
        if isinstance(figure, dict)
    ]
    return pd.DataFrame(rows, columns=["at", "users", "metric", "value", "low", "high"])


def _told(path: str) -> Document | None:
    """What a step of the run left; None where it did not come so far."""
    return artifacts.read_json(path) if artifacts.exists(path) else None


def draw(db: "Database[Document]", run: str, *, dag: str, run_id: str) -> Document:
    """Draw every chart of the run, write its tables, then its manifest; done again, they are replaced.

    Returns:
        the counts of the manifest, and `charts` and `files`: how many there are.
    """
    snapshot, evaluated = (artifacts.read_json(f"{run}/{name}") for name in (run_folder.SNAPSHOT, run_folder.EVALUATE))
    entry = entries.get(db, snapshot["model_id"])
    shape, diverse = (_told(f"{run}/{name}") for name in (run_folder.GRAPH, run_folder.DIVERSITY))
    models = entries.history(db)
    at = champion.pointer(db)
    live = at["model_id"] if at else None
    _tables(run, evaluated, entry, models, live)
    if diverse and diverse["curve"]:
        artifacts.write_table(f"{run}/tables/diversity.csv", _diversity(diverse["curve"]))
    titles = dict(TABLES)
    for name, figure in _figures(db, entry, evaluated, shape, models, live, diverse).items():
        titles |= style.save(figure, run, name)
    counts = {
        "interactions stored": snapshot["stored"],
        **{key: entry["data"][key] for key in ("pairs", "users", "items", "train_pairs", "held_out_pairs")},
        "measured users": entry["data"]["measured_users"],
        "users served": entry["users_served"] or 0,
    }
    if shape:
        counts["graph edges"] = shape["counts"]["edges"]
    decision, rests_on = entry["decision"], evidence.of(entry)
    manifest = manifests.write(
        run,
        dag=dag,
        run_id=run_id,
        title=f"Model {entry['_id']}: {entry['status']}",
        model_id=entry["_id"],
        counts=counts,
        verdicts={
            "gate": ("passes" if decision["publish"] else "fails")
            if rests_on.conclusive
            else "nothing can be concluded",
            "measured": rests_on.doubt() or rests_on.text(),
            "decision": "; ".join(decision["reasons"]),
            "published": "yes" if entry["published_at"] else "no",
            **({"new items": entry["new_items"]["why"]} if entry.get("new_items") else {}),
        },
        titles=titles,
    )
    charts = sum(file["kind"] == "chart" for file in manifest["files"])
    return counts | {"charts": charts, "files": len(manifest["files"])}
