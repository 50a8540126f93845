"""What `tidemark run` ends with: the live model beside the baselines, and a sample of what it recommends."""

from typing import Any

from pymongo.database import Database
from rich.table import Table

from tidemark.evaluation import evidence
from tidemark.local.terminal import console
from tidemark.registry import champion, figures
from tidemark.registry.names import NAMES
from tidemark.retraining import report
from tidemark.storage import mongo

Document = dict[str, Any]

RANKING = {"NDCG@10": "ndcg_at_10", "recall@10": "recall_at_10", "coverage": "coverage"}
BASELINES = ("popularity", "popularity_recent", "item_knn")
RATINGS = ("als", "bias", "global_mean")
"""Models of ratings are others than those that rank: RMSE is theirs alone."""

SHOWN_USERS, SHOWN_ITEMS = 3, 3


def show(db: Database[Document]) -> None:
    """Print the table of figures, the users served and a sample of recommendations."""
    model = champion.live(db)
    if model is None:
        console.print("No model is live yet: run retrain_recommender in the Airflow UI, or make run")
        return
    console.print(table_of(model))
    newest = db.models.find_one(sort=[("_id", -1)])
    if newest and newest["_id"] != model["_id"]:
        reasons = "; ".join((newest.get("decision") or {}).get("reasons", []))
        console.print(f"  the newest model, {newest['_id']}, did not go live: {reasons}")
    served = db[mongo.recommendations(model["_id"])]
    console.print(f"  {served.estimated_document_count():,} users served from {served.name}")
    console.print(sample(db, model["_id"]))


def table_of(model: Document) -> Table:
    """The model's held-out figures, ± half their 95 % intervals, beside those of the baselines, and what they rest on.

    Where nothing can be concluded from them, they are left out and the caption says why.
    """
    ranking, stars_rest_on = evidence.of(model), evidence.of_stars(model)
    table = Table(
        title=f"Live: {model['_id']}",
        title_justify="left",
        title_style="bold",
        caption=ranking.doubt() or ranking.text() or None,
        caption_justify="left",
    )
    table.add_column("model")
    table.add_column("engine")
    for heading in (*RANKING, "RMSE"):
        table.add_column(heading, justify="right")
    own = figures.of_contender(model) if ranking.conclusive else {}
    table.add_row("live model", str(model.get("engine", "")), *_ranking(own), "-", style="bold")
    for name in BASELINES if ranking.conclusive else ():
        if measured := figures.of(model, name):
            table.add_row(NAMES[name], "", *_ranking(measured), "-")
    stars = figures.of_stars(model) if stars_rest_on.conclusive else {}
    for name in RATINGS:
        if name in stars:
            table.add_row(f"stars by {NAMES[name]}", "", *["-"] * len(RANKING), _cell(stars[name].get("rmse")))
    return table


def _ranking(measured: Document) -> list[str]:
    return [_cell(measured.get(name)) for name in RANKING.values()]


def _cell(figure: Document | None) -> str:
    return f"{figure['value']:.4f} ±{(figure['high'] - figure['low']) / 2:.4f}" if figure else "-"


def sample(db: Database[Document], model_id: str) -> Table:
    """The first recommendations of a few users, by title."""
    table = Table(title="For example", title_justify="left", title_style="bold", show_lines=True)
    table.add_column("user")
    table.add_column("is recommended", overflow="ellipsis", no_wrap=True)
    for row in report.sample(db, model_id, SHOWN_USERS, SHOWN_ITEMS):
        table.add_row(row["user_id"], "\n".join(row["items"]))
    return table
