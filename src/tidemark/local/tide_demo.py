"""`tidemark tide`: the tide shown on a running platform, from the mark that is crossed to the new model that is live."""

import time
from itertools import islice
from typing import Any

from rich.live import Live
from rich.table import Table
from rich.text import Text

from tidemark.dag_ids import RETRAIN_RECOMMENDER as RETRAIN
from tidemark.dag_ids import WATCH_INTERACTIONS as WATCH
from tidemark.errors import TideError
from tidemark.local.airflow_client import FINISHED, AirflowApi
from tidemark.local.follow import why_failed
from tidemark.local.terminal import console
from tidemark.registry import champion
from tidemark.settings import Settings, settings
from tidemark.storage import mongo
from tidemark.stream.bookmark import Bookmark
from tidemark.stream.sending import Pace, Sender
from tidemark.stream.simulation import Shoppers, catalogue

MARGIN = 25
"""Interactions beyond the mark."""


def show(*, seed: int, rate: float, patience: float) -> dict[str, float]:
    """Send, follow, and tell; gives seconds from the mark to `run`, `training` and `live`.

    Raises:
        TideError: the watch is paused, the retrain failed, the gate kept the champion, or it took too long.
        UnreachableError: a server does not answer: is the platform running?
    """
    config = settings()
    db, bookmark = mongo.connect(config), Bookmark(config)
    with AirflowApi(config) as api:
        if not api.has_dag(WATCH):
            raise TideError(f"Airflow does not know {WATCH}: make run")
        before, known = champion.model_id(db), {run["dag_run_id"] for run in api.runs(RETRAIN)}
        console.print(f"champion [bold]{before or 'none'}[/bold], mark {config.retrain_mark:,}")
        crossed = send_past_the_mark(config, db, bookmark, seed, rate)
        times = _follow(api, db, bookmark, before, known, crossed, patience)
    console.print(
        f"[bold]mark crossed -> DAG run: {times['run']:.1f} s; -> new champion live: {times['live']:.1f} s[/bold]"
    )
    return times


def send_past_the_mark(config: Settings, db: Any, bookmark: Bookmark, seed: int, rate: float) -> float:
    """Send what is missing and a little more; gives the time (`time.time()`) at which the mark was crossed."""
    missing = max(0, config.retrain_mark - bookmark.lag().total)
    sender, pace, crossed = Sender(config), Pace(rate), time.time()
    shoppers = Shoppers(catalogue(db), config, seed=seed + int(crossed))
    with Live(console=console, refresh_per_second=8) as live:
        for number, (key, value) in enumerate(islice(shoppers.messages(), missing + MARGIN), 1):
            sender.send(key, value)
            pace.step()
            if number == missing:
                sender.flush()
                crossed = time.time()
            if number % 20 == 0:
                live.update(Text(f"sending {number:,} of {missing + MARGIN:,} interactions"))
        sender.flush()
        live.update(Text(f"{sender.acknowledged:,} interactions sent, the lag is {bookmark.lag().total:,}"))
    if sender.failed:
        raise TideError(f"Kafka did not take {sender.failed:,} interactions ({sender.problem}). `make status` tells")
    return crossed


def _follow(
    api: AirflowApi, db: Any, bookmark: Bookmark, before: str | None, known: set[str], crossed: float, patience: float
) -> dict[str, float]:
    """Watch lag, run, tasks and pointer until the pointer has moved."""
    times: dict[str, float] = {}
    run: dict[str, Any] | None = None
    tasks: list[dict[str, Any]] = []
    with Live(console=console, refresh_per_second=4) as live:
        while True:
            since = time.time() - crossed
            fresh = [r for r in api.runs(RETRAIN, 5) if r["dag_run_id"] not in known]
            if fresh:
                run = fresh[-1]
                times.setdefault("run", since)
                tasks = api.tasks(RETRAIN, run["dag_run_id"])
                if any(t["task_id"] == "train" and t["state"] in ("running", "success") for t in tasks):
                    times.setdefault("training", since)
            now = champion.model_id(db)
            if now != before:
                times.setdefault("live", since)
            live.update(_picture(since, bookmark.lag().total, run, tasks, now))
            if "live" in times and "run" in times:
                return times
            if run is not None and run["state"] in FINISHED:
                raise TideError(_why(api, run, tasks, _reasons(db)))
            if since > patience:
                raise TideError(
                    f"no new champion {patience:.0f} s after the mark was crossed: look at {WATCH} in Airflow"
                )
            time.sleep(0.5)


def _reasons(db: Any) -> list[str]:
    """What was decided of the newest model, and from which figures."""
    newest = db.models.find_one({}, {"decision.reasons": 1}, sort=[("_id", -1)])
    return list(newest["decision"]["reasons"]) if newest else []


def _why(api: AirflowApi, run: dict[str, Any], tasks: list[dict[str, Any]], reasons: list[str]) -> str:
    if run["state"] == "failed":
        return why_failed(api, RETRAIN, run["dag_run_id"], tasks)
    return f"{RETRAIN} ran and the champion stayed (run {run['dag_run_id']}): {'; '.join(reasons) or 'see its log'}"


def _picture(
    since: float, lag: int, run: dict[str, Any] | None, tasks: list[dict[str, Any]], model_id: str | None
) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_row(f"{since:6.1f} s", f"lag {lag:,}", f"champion {model_id or 'none'}")
    table.add_row("", RETRAIN, str(run["state"]) if run else "not started")
    for task in sorted(tasks, key=lambda t: t["start_date"] or "~"):
        if task["state"]:
            took = f"{task['duration']:.1f} s" if task.get("duration") else ""
            table.add_row("", f"  {task['task_id']}", f"{task['state']} {took}")
    return table
