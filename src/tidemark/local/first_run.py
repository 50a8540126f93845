"""What `tidemark run` does once the platform is up: load the data, train, and see a model live."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import fsspec
from pymongo.database import Database

from tidemark.dag_ids import LOAD_INTERACTIONS, LOAD_PRODUCTS, LOAD_REVIEWS
from tidemark.dag_ids import RETRAIN_RECOMMENDER as RETRAIN
from tidemark.errors import BadInputError
from tidemark.local import follow
from tidemark.local.airflow_client import AirflowApi
from tidemark.local.terminal import console
from tidemark.registry import champion
from tidemark.reviews import by_name, releases
from tidemark.settings import Settings
from tidemark.storage import mongo

BUILTIN = "builtin"
LONG_AGO = datetime.fromtimestamp(0, UTC)
ASSET_PATIENCE = 30
"""Seconds in which Airflow starts the retraining that a load has caused."""

Load = tuple[str, dict[str, Any]]
"""A DAG that loads, and the params of its run."""


@dataclass(frozen=True)
class Source:
    """What to load.

    Args:
        conf: `source`, `products`, `release` and what else is said, those left out that have a DAG's defaults.
    """

    conf: Mapping[str, Any]

    @staticmethod
    def of(source: str, products: str, release: str, more: Mapping[str, Any]) -> "Source":
        """Local paths are made absolute: the tasks work in another folder."""
        given = {"source": absolute(source), "products": absolute(products), "release": release}
        return Source({name: value for name, value in given.items() if value} | dict(more))

    def loads(self, config: Settings) -> list[Load]:
        """The runs that bring it, in order: Amazon's reviews and products by `load_reviews`, as their fields tell; any other file by
        `load_interactions`, and before it `load_products`, so that the model that follows knows both."""
        conf = dict(self.conf)
        source, products = conf.get("source", BUILTIN), conf.get("products", "")
        apart: list[Load] = []
        if products and not releases.holds(products, "products", config):
            apart = [(LOAD_PRODUCTS, {"source": conf.pop("products")})]
        of_amazon = source == BUILTIN or by_name.is_name(source) or "release" in conf
        if of_amazon or releases.holds(source, "reviews", config):
            return [*apart, (LOAD_REVIEWS, conf)]
        if "products" in conf:
            raise BadInputError(
                f"{products}: these are Amazon's products, and {source} holds none of its reviews. Load the products with load_reviews "
                "of their own reviews, or leave them out"
            )
        return [*apart, (LOAD_INTERACTIONS, conf)]

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


def absolute(path: str) -> str:
    """A local path made absolute; whatever else names a source as it is."""
    is_local = path and "://" not in path and path != BUILTIN and not by_name.is_name(path)
    return os.path.normpath(Path(path).expanduser().absolute()) if is_local else path


def is_loaded(api: AirflowApi, load: Load, changed_at: datetime) -> bool:
    """Whether just this was loaded, and none of its files has been written since."""
    dag_id, conf = load
    started = [run["start_date"] for run in api.runs(dag_id, state="success") if run["conf"] == conf]
    return bool(started) and changed_at < datetime.fromisoformat(max(started))


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
    loads, changed_at = wanted.loads(config), wanted.changed_at()
    with AirflowApi(config) as api:
        for dag_id in (*(load[0] for load in loads), RETRAIN):
            follow.await_dag(api, dag_id)
        missing = [load for load in loads if not is_loaded(api, load, changed_at)]
        if not missing and is_trained(api, db):
            console.print("  [dim]loaded and trained before: nothing to do[/dim]")
            return
        known: set[str] = set()
        for dag_id, conf in missing:
            known = follow.run_ids(api, RETRAIN)
            follow.follow(api, dag_id, follow.active_run(api, dag_id, conf) or api.trigger(dag_id, conf))
        training = follow.active_run(api, RETRAIN)
        if training is None and missing and api.starts_on_assets(RETRAIN):
            training = follow.next_run(api, RETRAIN, known, ASSET_PATIENCE)
        follow.follow(api, RETRAIN, training or api.trigger(RETRAIN, {}), until=None if whole else LIVE)
        if not whole:
            console.print("  [dim]its stars, graph, charts and report follow by themselves: see Airflow[/dim]")
