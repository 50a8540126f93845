"""What `tidemark run` does once the platform is up: load the reviews, train, and see a model live."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import fsspec
from pymongo.database import Database

from tidemark.dag_ids import LOAD_REVIEWS as LOAD
from tidemark.dag_ids import RETRAIN_RECOMMENDER as RETRAIN
from tidemark.local import follow
from tidemark.local.airflow_client import AirflowApi
from tidemark.local.terminal import console
from tidemark.registry import champion
from tidemark.reviews import by_name
from tidemark.settings import Settings
from tidemark.storage import mongo

BUILTIN = "builtin"
LONG_AGO = datetime.fromtimestamp(0, UTC)
ASSET_PATIENCE = 30
"""Seconds in which Airflow starts the retraining that a load has caused."""


@dataclass(frozen=True)
class Source:
    """What to load: the params of a run of `load_reviews`, those left out that have its defaults."""

    conf: Mapping[str, Any]

    @staticmethod
    def of(source: str, products: str, release: str, more: Mapping[str, Any]) -> "Source":
        """Local paths are made absolute: the tasks work in another folder."""
        given = {"source": _absolute(source), "products": _absolute(products), "release": release}
        return Source({name: value for name, value in given.items() if value} | dict(more))

    def changed_at(self) -> datetime:
        """When the newest of its files or objects was written (UTC); long ago where nobody can tell."""
        named = {self.conf.get("source", ""), self.conf.get("products", "")} - {"", BUILTIN}
        return max(map(_written, named), default=LONG_AGO)


def _written(name: str) -> datetime:
    try:
        filesystem, path = fsspec.core.url_to_fs(name)
        paths = [path for path in filesystem.expand_path(path, recursive=True) if filesystem.isfile(path)]
        return max((filesystem.modified(path).astimezone(UTC) for path in paths), default=LONG_AGO)
    except (ImportError, ValueError, NotImplementedError, OSError):
        # No such kind of address, a store that keeps no times, or one that is away: `load_reviews` will tell.
        return LONG_AGO


def _absolute(path: str) -> str:
    is_local = path and "://" not in path and path != BUILTIN and not by_name.is_name(path)
    return str(Path(path).expanduser().absolute()) if is_local else path


def is_loaded(api: AirflowApi, wanted: Source) -> bool:
    """Whether just this was loaded, and none of its files has been written since."""
    started = [run["start_date"] for run in api.runs(LOAD, state="success") if run["conf"] == wanted.conf]
    return bool(started) and wanted.changed_at() < datetime.fromisoformat(max(started))


def is_trained(api: AirflowApi, db: Database[dict[str, Any]]) -> bool:
    """Whether a model is live and the last training, whatever it decided, has ended well."""
    last = next(iter(api.runs(RETRAIN, limit=1)), {"state": None})
    return last["state"] == "success" and champion.model_id(db) is not None


LIVE = "move_bookmark"
"""The task of the retraining that ends once the pointer has been decided about: what follows is figures and files."""


def run(config: Settings, wanted: Source, *, whole: bool = False) -> None:
    """Load and train, unless that was done before; join a run that is at work already.

    Args:
        config: the settings.
        wanted: what to load.
        whole: wait for the graph, the charts and the report of the retraining too, which follow once the model is live.

    Raises:
        PlatformError: a task failed.
    """
    db = mongo.connect(config)
    with AirflowApi(config) as api:
        for dag_id in (LOAD, RETRAIN):
            follow.await_dag(api, dag_id)
        loaded = is_loaded(api, wanted)
        if loaded and is_trained(api, db):
            console.print("  [dim]loaded and trained before: nothing to do[/dim]")
            return
        known = follow.run_ids(api, RETRAIN)
        if not loaded:
            follow.follow(api, LOAD, follow.active_run(api, LOAD, wanted.conf) or api.trigger(LOAD, dict(wanted.conf)))
        training = follow.active_run(api, RETRAIN)
        if training is None and not loaded and api.starts_on_assets(RETRAIN):
            training = follow.next_run(api, RETRAIN, known, ASSET_PATIENCE)
        follow.follow(api, RETRAIN, training or api.trigger(RETRAIN, {}), until=None if whole else LIVE)
        if not whole:
            console.print("  [dim]its stars, graph, charts and report follow by themselves: see Airflow[/dim]")
