"""The page "Tidemark": the champion, the tide, every model, what waits, and the newest runs."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pymongo import DESCENDING
from pymongo.database import Database

from tidemark.console import history_drawing as history
from tidemark.console import page_rows as models
from tidemark.console import run_files
from tidemark.console.airflow_runs import AirflowRun
from tidemark.console.history_drawing import History
from tidemark.console.page_rows import Champion, ModelPage
from tidemark.errors import UnreachableError
from tidemark.operations.sources import Sources, Tide, tide
from tidemark.storage import manifests, run_folder
from tidemark.stream import dead_letters, engagement_figures
from tidemark.stream.engagement_figures import Rate

Document = dict[str, Any]

MOST_LETTERS = 10_000
"""Waiting dead letters are counted up to here: beyond it the exact number helps nobody."""

SHOWN_LETTERS = 5
KEPT_SUMMARIES, BELIEVED = 500, 60.0
"""Summaries of runs that are remembered, and for how many seconds."""


@dataclass(frozen=True)
class Letter:
    """A dead letter that waits."""

    letter_id: str
    time: datetime | None
    reason: str


@dataclass(frozen=True)
class Letters:
    """How many wait to be mended and sent again, up to `MOST_LETTERS`, and the newest of them."""

    waiting: int
    newest: tuple[Letter, ...]

    @property
    def text(self) -> str:
        """The number, for a person."""
        return f"{MOST_LETTERS:,} or more" if self.waiting >= MOST_LETTERS else f"{self.waiting:,}"


@dataclass(frozen=True)
class Advice:
    """What the newest backtest recommends: `mark` and `window` in interactions, None where nothing could be concluded."""

    made_at: datetime
    mark: int | None
    window: int | None
    why: tuple[str, ...]
    run_key: str


@dataclass(frozen=True)
class Registry:
    """What MongoDB tells; `clicks` has the models of which anything was shown in the storefront."""

    champion: Champion | None
    choices: tuple[str, ...]
    models: ModelPage
    history: History | None
    letters: Letters
    clicks: Mapping[str, Rate] = field(default_factory=dict)
    advice: Advice | None = None


@dataclass(frozen=True)
class RecentRun:
    """A run of a DAG that leaves artifacts, and what it left."""

    dag_id: str
    run: AirflowRun
    run_key: str
    title: str
    verdicts: tuple[tuple[str, str], ...]
    docs: tuple[str, ...]
    whole: bool


@dataclass(frozen=True)
class Overview:
    """The page; `registry` is None where MongoDB is away, `trouble` says so. `shop` is the storefront's address."""

    tide: Tide
    registry: Registry | None
    runs: tuple[RecentRun, ...]
    trouble: str
    shop: str = ""


def page(sources: Sources, number: int, runs: Sequence[tuple[str, AirflowRun]]) -> Overview:
    """The page with the models of page `number`, and of `runs` (DAG, run) what they left."""
    trouble, models_and_letters = "", None
    try:
        models_and_letters = sources.ask(lambda db: registry(db, number))
    except UnreachableError as error:
        trouble = str(error)
    root = sources.config.artifacts_root
    left = tuple(summary(root, dag_id, run) for dag_id, run in runs)
    return Overview(tide(sources), models_and_letters, left, trouble, sources.config.shop_address)


def registry(db: Database[Document], number: int) -> Registry:
    """Everything of the page that is read from MongoDB."""
    live, rows = models.live(db), models.page(db, number)
    drawn = history.draw(models.newest(db, history.SHOWN), rows.total, live.row.model_id if live else None)
    return Registry(live, tuple(models.choices(db)) if live else (), rows, drawn, letters(db), clicks(db), advice(db))


def clicks(db: Database[Document]) -> Mapping[str, Rate]:
    """How often what each model recommended was clicked; model_id -> `Rate`, shares of 0 to 1."""
    return {model_id: rate for model_id, rate in engagement_figures.by_model(db).items() if rate.shown}


def advice(db: Database[Document]) -> Advice | None:
    """What the newest backtest recommends; None before the first."""
    shown = {"made_at": 1, "recommended": 1}
    found = db["backtests"].find_one({}, shown, sort=[("made_at", DESCENDING)])
    if found is None:
        return None
    told = found["recommended"]
    return Advice(found["made_at"], told["mark"], told["window"], tuple(told["why"]), str(found["_id"]))


def letters(db: Database[Document]) -> Letters:
    """The dead letters that wait."""
    collection = db[dead_letters.COLLECTION]
    newest = (
        collection.find(dead_letters.WAITING, {"time": 1, "reason": 1}).sort("time", DESCENDING).limit(SHOWN_LETTERS)
    )
    return Letters(
        collection.count_documents(dead_letters.WAITING, limit=MOST_LETTERS),
        tuple(Letter(str(letter["_id"]), letter.get("time"), str(letter.get("reason", ""))) for letter in newest),
    )


@dataclass(frozen=True)
class _Left:
    """What a run folder has, and until when (`time.monotonic`) that is believed."""

    until: float
    title: str = ""
    verdicts: tuple[tuple[str, str], ...] = ()
    docs: tuple[str, ...] = ()
    whole: bool = False


_left: dict[str, _Left] = {}


def summary(root: str, dag_id: str, run: AirflowRun) -> RecentRun:
    """What a run left; a whole one is not read again for a while, which on an object store takes longest."""
    key, folder = run_folder.key(run.run_id), run_folder.of(root, dag_id, run.run_id)
    left = _left.get(folder)
    if left is None or time.monotonic() > left.until:
        left = _read(folder)
        if len(_left) >= KEPT_SUMMARIES:
            _left.clear()
        if left.whole:
            _left[folder] = left
    return RecentRun(dag_id, run, key, left.title, left.verdicts, left.docs, left.whole)


def _read(folder: str) -> _Left:
    until, docs = time.monotonic() + BELIEVED, run_files.documents(folder)
    try:
        manifest: Mapping[str, Any] = manifests.read(folder)
    except Exception:  # not whole yet, or its location is away: the run's own page says which
        return _Left(until, docs=docs)
    verdicts = tuple((str(n), str(v)) for n, v in (manifest.get("verdicts") or {}).items())
    return _Left(until, str(manifest.get("title", "")), verdicts, docs, whole=True)
