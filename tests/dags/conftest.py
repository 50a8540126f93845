"""Every DAG of the project, loaded as Airflow loads them: in this process, and in one that shows what loading costs."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from tests.support import dag_probe
from tests.support.own_settings import local_settings, with_airflow
from tidemark.local import airflow
from tidemark.local.throwaway import environment
from tidemark.settings import ROOT, Settings

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
