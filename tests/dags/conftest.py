"""Every DAG of the project, loaded as Airflow loads them: in this process, and in one that shows what loading costs. And
Tidemark's pages on a real Airflow API server, started once."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from pymongo.database import Database

from tests.support import dag_probe, profiling, registry_data
from tests.support.console_server import ConsoleServer, console_server
from tests.support.own_settings import local_settings, with_airflow
from tidemark import dag_ids
from tidemark.local import airflow
from tidemark.local import mongo as local_mongo
from tidemark.local.throwaway import environment
from tidemark.settings import ROOT, Settings
from tidemark.storage import mongo
from tidemark.stream import topics

Document = dict[str, Any]

RUN = "/artifacts/some_dag/some_run"
"""The run folder that rendered tasks are given."""


@pytest.fixture(scope="module")
def bag(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """DAG id -> DAG, of the whole folder: one for each file, none with an import error."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_HOME", str(tmp_path_factory.mktemp("airflow")))
        patch.setenv("AIRFLOW__CORE__LOAD_EXAMPLES", "False")
        patch.syspath_prepend(str(ROOT / "plugins"))
        from airflow.dag_processing.dagbag import DagBag

        loaded = DagBag(str(ROOT / "dags"))
        assert loaded.import_errors == {}
        assert set(loaded.dags) == {path.stem for path in (ROOT / "dags").glob("*.py")}
        yield dict(loaded.dags)


@pytest.fixture(scope="session")
def secretive(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings with a password of its own for everything."""
    return with_airflow(local_settings(tmp_path_factory.mktemp("secretive")))


@pytest.fixture(scope="session")
def secrets(secretive: Settings) -> dict[str, str]:
    """Every secret that is set, by the name of its setting."""
    values = {name: value.get_secret_value() for name, value in secretive if isinstance(value, SecretStr)}
    return {name: value for name, value in values.items() if value}


@pytest.fixture(scope="session")
def probed(secretive: Settings) -> dict[str, Any]:
    """What `tests/support/dag_probe.py` saw of dags/ and plugins/, in the environment of a component of the platform."""
    variables = os.environ | environment(secretive) | airflow.environment(secretive)
    done = subprocess.run(
        [sys.executable, dag_probe.__file__, str(ROOT / "dags"), RUN],
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith(dag_probe.MARK)]
    assert lines, done.stdout[-3_000:] + done.stderr[-3_000:]
    return dict(json.loads(lines[0].removeprefix(dag_probe.MARK)))


# One server for all files of this folder that ask for it (in each worker of pytest-xdist that runs one of them): of the
# package, not of the session, so that it ends with them and not with the tests of other folders.
@pytest.fixture(scope="package")
def server(
    mongo_server: Settings, kafka_server: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ConsoleServer]:
    """Tidemark's pages at work, with a database and topics of their own, and no run yet but `registry_data.RUN`."""
    own = local_settings(tmp_path_factory.mktemp("ui"))
    servers = {name: getattr(kafka_server, name) for name in Settings.model_fields if name.startswith("kafka_")}
    servers |= {name: getattr(mongo_server, name) for name in Settings.model_fields if name.startswith("mongo_")}
    names = {"kafka_prefix": "ui.", "mongo_database": "ui", "mongo_user": "ui"}
    config = with_airflow(own.model_copy(update=servers | names))
    local_mongo.ensure_user(config)
    topics.ensure(config)
    with profiling.as_root(mongo_server) as client, console_server(config, tmp_path_factory.mktemp("console")) as made:
        profiling.watch(client[config.mongo_database])
        body = {"logical_date": None, "dag_run_id": registry_data.RUN, "conf": {}}
        path = f"/api/v2/dags/{dag_ids.RETRAIN_RECOMMENDER}/dagRuns"
        made.client("admin").post(path, json=body).raise_for_status()
        registry_data.leave(
            config.artifacts_root,
            dag_ids.RETRAIN_RECOMMENDER,
            registry_data.RUN,
            title="Retrain, model published",
            model=registry_data.model_id(28),
        )
        yield made
        profiling.require_routable(client[config.mongo_database])


@pytest.fixture(scope="module")
def emptied(server: ConsoleServer) -> Database[Document]:
    """The database of the pages, whatever another file left in it gone."""
    db = mongo.connect(server.config)
    for name in profiling.collections(db):
        db.drop_collection(name)
    return db


@pytest.fixture(scope="module")
def db(server: ConsoleServer, emptied: Database[Document]) -> Database[Document]:
    """The database of the pages: 30 models, and 7 dead letters that wait."""
    registry_data.fill(emptied, 30, server.config.artifacts_root)
    registry_data.letters(emptied, 7, reason=f"not JSON: {registry_data.EVIL}")
    return emptied


@pytest.fixture(scope="module")
def admin(server: ConsoleServer, db: Database[Document]) -> httpx.Client:
    """A client that may do everything, where there is something to see."""
    return server.client("admin")
