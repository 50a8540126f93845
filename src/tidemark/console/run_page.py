"""The page of one DAG run: what it left behind, read from its folder; what is not there is said, not guessed."""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tidemark import dag_ids
from tidemark.console import page_rows, run_files
from tidemark.console.airflow_runs import AirflowRun
from tidemark.console.page_rows import ModelRow
from tidemark.errors import NotServedError, UnreachableError
from tidemark.operations.sources import Sources
from tidemark.storage import artifacts, manifests, run_folder

GRAPH_CHART = "charts/neighbourhood"
FIRST_CHARTS = ("metrics", "sample", "history")
"""What a run is about comes first; the others follow by name."""

PREVIEW_ROWS, PREVIEW_BYTES, PREVIEW_COLUMNS = 8, 32_768, 12

Document = dict[str, Any]


@dataclass(frozen=True)
class Chart:
    """A chart: the paths of its forms within the run folder, and what it shows."""

    name: str
    title: str
    shown: str
    forms: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Table:
    """A CSV file with its first rows; `more` says that it has others."""

    path: str
    title: str
    size: int
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    more: bool


@dataclass(frozen=True)
class Download:
    """A file of the manifest."""

    path: str
    title: str
    kind: str
    size: int
    sha256: str


@dataclass(frozen=True)
class RunPage:
    """Everything that the page of a run shows. `run` is None where Airflow was not asked or does not know it."""

    dag_id: str
    run_key: str
    run: AirflowRun | None
    known_dag: bool
    title: str = ""
    created_at: datetime | None = None
    model: ModelRow | None = None
    model_id: str | None = None
    verdicts: tuple[tuple[str, str], ...] = ()
    counts: tuple[tuple[str, int], ...] = ()
    charts: tuple[Chart, ...] = ()
    graph: Chart | None = None
    tables: tuple[Table, ...] = ()
    downloads: tuple[Download, ...] = ()
    docs: tuple[str, ...] = ()
    made_by: tuple[tuple[str, str], ...] = ()
    troubles: tuple[str, ...] = field(default=())
    said: tuple[tuple[str, str], ...] = ()

    @property
    def whole(self) -> bool:
        """Whether the run has written its manifest: the last thing it does."""
        return self.created_at is not None

    @property
    def empty(self) -> bool:
        """Whether there is nothing to show."""
        return not (self.whole or self.docs or self.said)


def page(sources: Sources, dag_id: str, key: str, run: AirflowRun | None) -> RunPage:
    """The page of the run with the folder key `key`.

    Raises:
        NotServedError: DAG or key can be no folder's name.
    """
    known = dag_id in dag_ids.WITH_ARTIFACTS
    if not known:
        return RunPage(dag_id, key, run, known_dag=False)
    folder = run_files.folder(sources.config.artifacts_root, dag_id, key)
    troubles: list[str] = []
    try:
        manifest = manifests.read(folder)
    except FileNotFoundError:
        manifest = None
    except Exception as error:  # any file system, any error of it: the page says so and shows the rest
        manifest = None
        troubles.append(f"The run's manifest cannot be read from the artifacts' location ({type(error).__name__})")
    docs, said = run_files.documents(folder), _said(folder)
    if manifest is None:
        return RunPage(dag_id, key, run, known, docs=docs, troubles=tuple(troubles), said=said)
    model, model_id = None, manifest.get("model_id")
    if model_id:
        try:
            model = sources.ask(lambda db: page_rows.find(db, str(model_id)))
        except UnreachableError as error:
            troubles.append(f"{error}: the model's figures are missing here")
    listed = [entry for entry in manifest.get("files", []) if _is_plain(str(entry.get("path", "")))]
    charts = _charts(listed)
    return RunPage(
        dag_id,
        key,
        run,
        known,
        title=str(manifest.get("title", "")),
        created_at=_when(manifest.get("created_at")),
        model=model,
        model_id=model_id,
        verdicts=tuple((str(n), str(v)) for n, v in (manifest.get("verdicts") or {}).items()),
        counts=tuple((str(n), v) for n, v in (manifest.get("counts") or {}).items()),
        charts=tuple(chart for chart in charts if f"charts/{chart.name}" != GRAPH_CHART),
        graph=next((chart for chart in charts if f"charts/{chart.name}" == GRAPH_CHART), None),
        tables=tuple(_table(sources, dag_id, key, entry) for entry in listed if entry.get("kind") == "table"),
        downloads=tuple(_download(entry) for entry in listed if entry.get("kind") in ("table", "graph", "data")),
        docs=docs,
        made_by=_made_by(manifest),
        troubles=tuple(troubles),
        said=said,
    )


def run_id_of(sources: Sources, dag_id: str, key: str) -> str | None:
    """The run's id as its manifest has it; None where it has none, or can be no run's."""
    try:
        run_id = manifests.read(run_files.folder(sources.config.artifacts_root, dag_id, key)).get("run_id")
    except (OSError, ValueError, NotServedError):
        return None
    return run_id if isinstance(run_id, str) and run_folder.key(run_id) == key else None


def _said(folder: str) -> tuple[tuple[str, str], ...]:
    """How a load reads its source, as its first task has found out: told before anything is stored; nothing of other runs."""
    try:
        lines = artifacts.read_json(f"{folder}/{run_folder.LAND}").get("said") or ()
    except (OSError, ValueError, AttributeError):
        return ()
    return tuple(
        (name if told else "", told or name) for name, _, told in (str(line).partition(": ") for line in lines)
    )


def _is_plain(path: str) -> bool:
    try:
        return bool(run_files.parts(path))
    except NotServedError:
        return False


def _when(stored: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(str(stored))
    except ValueError:
        return None


def _charts(listed: list[Document]) -> list[Chart]:
    """Each drawing once, its SVG shown, every form of it offered."""
    forms: dict[str, dict[str, str]] = {}
    titles: dict[str, str] = {}
    for entry in listed:
        if entry.get("kind") != "chart":
            continue
        path = str(entry["path"])
        stem, _, kind = path.removeprefix("charts/").rpartition(".")
        forms.setdefault(stem, {})[kind] = path
        title = str(entry.get("title") or "")
        if title and title != path:
            titles.setdefault(stem, title)
    shown = {stem: paths.get("svg") or paths.get("png") for stem, paths in forms.items()}
    ranked = sorted(shown.items(), key=lambda item: (*(item[0] != first for first in FIRST_CHARTS), item[0]))
    return [
        Chart(stem, titles.get(stem) or stem.replace("_", " ").capitalize(), path, tuple(sorted(forms[stem].items())))
        for stem, path in ranked
        if path
    ]


def _table(sources: Sources, dag_id: str, key: str, entry: Mapping[str, Any]) -> Table:
    path, size = str(entry["path"]), int(entry.get("bytes", 0))
    title = str(entry.get("title") or "")
    if not title or title == path:
        title = path.rpartition("/")[2].removesuffix(".csv").replace("_", " ").capitalize()
    try:
        head = run_files.find(sources.config.artifacts_root, dag_id, key, path).head(PREVIEW_BYTES)
    except (NotServedError, OSError):
        return Table(path, title, size, (), (), more=False)
    lines = list(csv.reader(io.StringIO(head.decode("utf-8", "replace"))))
    if len(head) < size:
        lines = lines[:-1]  # cut off
    cut = [tuple(line[:PREVIEW_COLUMNS]) for line in lines]
    return Table(
        path,
        title,
        size,
        cut[0] if cut else (),
        tuple(cut[1 : PREVIEW_ROWS + 1]),
        more=len(cut) > PREVIEW_ROWS + 1 or len(head) < size,
    )


def _download(entry: Mapping[str, Any]) -> Download:
    path, title = str(entry["path"]), str(entry.get("title") or "")
    return Download(
        path,
        title if title != path else "",
        str(entry.get("kind", "")),
        int(entry.get("bytes", 0)),
        str(entry.get("sha256", "")),
    )


def _made_by(manifest: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    revision = manifest.get("git_revision")
    versions = manifest.get("versions") or {}
    return (*((("revision", str(revision)),) if revision else ()), *((str(n), str(v)) for n, v in versions.items()))
