"""Report: what a retraining did, as a small dictionary and as a table that a person reads in the task's log."""

import io
from collections.abc import Sequence
from typing import Any

from pymongo.database import Database
from rich.console import Console
from rich.table import Table

from tidemark.evaluation import evidence
from tidemark.models.recipes import from_document
from tidemark.registry import entries, figures
from tidemark.registry.names import NAMES
from tidemark.storage import artifacts, mongo, run_folder

Document = dict[str, Any]

COLUMNS = {
    "ndcg_at_10": "NDCG@10",
    "recall_at_10": "recall@10",
    "recall_at_20": "recall@20",
    "coverage": "coverage",
    "novelty": "novelty, bits",
    "diversity": "diversity",
}


def small(model: Document) -> Document:
    """The figures of a model document that fit an XCom."""
    metrics = model["metrics"]
    return {
        "model": model["_id"],
        "status": model["status"],
        "engine": model["engine"],
        "published": model["published_at"] is not None,
        "users_served": model["users_served"],
        "measured_users": model["data"]["measured_users"],
        "concluded": evidence.of(model).conclusive,
        "ndcg_at_10": {name: metrics[name]["ndcg_at_10"]["value"] for name in NAMES if name in metrics},
        "rmse": {name: v["rmse"]["value"] for name, v in metrics.get("ratings", {}).items()},
        "reasons": model["decision"]["reasons"],
    }


def _cell(figure: dict[str, float] | None) -> str:
    return f"{figure['value']:.4f} ({figure['low']:.4f}-{figure['high']:.4f})" if figure else ""


def text(model: Document, sample: list[Document], took: list[Document], curve: Sequence[Document] = ()) -> str:
    """The model document, some recommendations (`{user_id, items: [title or id]}`), the jobs' `phases` and the `curve` of
    `diversity`, for reading.

    Figures from which nothing can be concluded are not shown: a sentence says so in their place.
    """
    params, data = model["params"], model["data"]
    ranking, stars = evidence.of(model), evidence.of_stars(model)
    out = Console(file=io.StringIO(), width=160)
    out.print(f"model {model['_id']}: {model['status']}, engine {model['engine']} ({model['why']['engine']})")
    out.print(
        f"settings: {from_document(params).text()}: {model['why']['settings']}"
        if model["decision"]["contender"] == "candidate"
        else f"{NAMES[model['decision']['contender']]} is the model: nothing that was tried "
        f"{'is a better choice' if ranking.conclusive else 'could be shown to beat it'}"
    )
    out.print(
        f"learned from {data['pairs']:,} pairs, {data['users']:,} users, {data['items']:,} items; {data['split']}"
    )
    if left_out := model["why"].get("left_out"):
        out.print(f"left out at this size: {left_out}")
    out.print(f"{data['cold_users']:,} held-out users without a history are counted apart")
    out.print(ranking.doubt() or _ranking(model, f"{ranking.text()}; 95 % bootstrap intervals"))
    if found := model.get("new_items"):
        out.print(new_items(found))
    if figures.of_stars(model):
        out.print(stars.doubt() or _stars(model, stars.text()))
    for reason in model["decision"]["reasons"]:
        out.print(f"- {reason}")
    if model["published_at"]:
        out.print(f"fitted again on all pairs and live for {model['users_served']:,} users")
    else:
        out.print("not published: the champion, if there is one, stays")
    for row in sample:
        out.print(f"{row['user_id']}: {'; '.join(row['items'])}", soft_wrap=True)
    if curve and ranking.conclusive:
        out.print(_diversity(curve))
    if took:
        out.print(_phases(took))
    assert isinstance(out.file, io.StringIO)  # noqa: S101 -- made above
    return out.file.getvalue()


def new_items(found: Document) -> str:
    """What `cold_items.measure` found, in sentences."""
    said = f"new items get {found['share']:.0%} of the places of a list: {found['why']}"
    if reach := found.get("reach"):
        said += (
            f". Of what {reach['users']:,} users took next that nobody had taken before, content reaches {_cell(reach)} with 20 of "
            f"{found['new_items']:,} new items (recall@20; by chance {reach['by_chance']:.4f}, without it 0)"
        )
        whole = found["whole"]
        said += (
            f"; of all they took, lists reach {_cell(whole['with'])} with new items, {_cell(whole['without'])} without"
        )
    return said


def _ranking(model: Document, title: str) -> Table:
    table = Table(title=title)
    table.add_column("model")
    for heading in COLUMNS.values():
        table.add_column(heading, justify="right")
    for name, shown in figures.names(model).items():
        if measured := figures.of(model, name):
            table.add_row(shown, *(_cell(measured.get(key)) for key in COLUMNS))
    return table


def _stars(model: Document, measured: str) -> Table:
    table = Table(title=f"stars (another model than the one that ranks){'; ' if measured else ''}{measured}")
    for heading in ("model", "RMSE", "MAE"):
        table.add_column(heading)
    for name, of_name in figures.of_stars(model).items():
        table.add_row(NAMES[name], _cell(of_name["rmse"]), _cell(of_name["mae"]))
    return table


def _diversity(curve: Sequence[Document]) -> Table:
    table = Table(title=f"what more diverse lists cost and gain (TIDEMARK_DIVERSITY); {curve[0]['users']:,} users")
    for heading in ("diversity", "NDCG@10", "it costs", "coverage", "novelty, bits", "unlikeness"):
        table.add_column(heading, justify="right")
    for row in curve:
        shown = (_cell(row.get(key)) for key in ("ndcg_at_10", "cost", "coverage", "novelty", "diversity"))
        table.add_row(f"{row['at']:.1f}", *shown)
    return table


JOBS = {
    "train": run_folder.TRAIN,
    "evaluate": run_folder.EVALUATE,
    "publish": run_folder.PUBLISH,
    "measure_stars": run_folder.STARS,
    "export_graph": run_folder.GRAPH,
}
"""The submitted tasks of a retraining, in order, and where each left its phases."""


def phases(run: str) -> list[Document]:
    """Where the seconds of the run's jobs went: `{job, phase, seconds, cpu_seconds}` in order; see `tidemark.phases`."""
    left = {job: f"{run}/{name}" for job, name in JOBS.items() if artifacts.exists(f"{run}/{name}")}
    return [{"job": job} | row for job, path in left.items() for row in artifacts.read_json(path).get("phases", ())]


def _phases(rows: list[Document]) -> Table:
    table = Table(title="seconds of each job, and of both cores' CPU")
    for heading in ("job", "phase", "seconds", "CPU"):
        table.add_column(heading, justify="right" if heading in ("seconds", "CPU") else "left")
    for row in rows:
        table.add_row(row["job"], row["phase"], f"{row['seconds']:.1f}", f"{row['cpu_seconds']:.1f}")
    return table


def sample(db: Database[Document], model_id: str, users: int = 3, items: int = 5) -> list[Document]:
    """The first few users' best items of a model, by title where the product has one."""
    rows = list(db[mongo.recommendations(model_id)].find().sort("_id", 1).limit(users))
    wanted = [item["item_id"] for row in rows for item in row["items"][:items]]
    titles = {p["_id"]: p.get("title") for p in db["products"].find({"_id": {"$in": wanted}}, {"title": 1})}
    return [
        {"user_id": r["_id"], "items": [titles.get(i["item_id"]) or i["item_id"] for i in r["items"][:items]]}
        for r in rows
    ]


def of_run(db: Database[Document], run: str) -> tuple[Document, str]:
    """The report of a run, small and as text; kept whole in `<run>/report.json`."""
    model = entries.get(db, artifacts.read_json(f"{run}/{run_folder.SNAPSHOT}")["model_id"])
    shown = sample(db, model["_id"]) if model["published_at"] else []
    took = phases(run)
    path = f"{run}/{run_folder.DIVERSITY}"
    curve = artifacts.read_json(path)["curve"] if artifacts.exists(path) else []
    told = {"model": model, "sample": shown, "phases": took, "diversity": curve}
    artifacts.write_json(f"{run}/{run_folder.REPORT}", told)
    return small(model), text(model, shown, took, curve)
