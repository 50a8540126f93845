"""Every DAG of the project, loaded as Airflow loads them."""

from collections.abc import Iterator
from typing import Any

import pytest

from tidemark.settings import ROOT


@pytest.fixture(scope="module")
def bag(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """DAG id -> DAG, of the whole folder: one for each file, none with an import error."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_HOME", str(tmp_path_factory.mktemp("airflow")))
        patch.setenv("AIRFLOW__CORE__LOAD_EXAMPLES", "False")
        patch.syspath_prepend(str(ROOT / "plugins"))
        from airflow.dag_processing.dagbag import DagBag

        found = DagBag(str(ROOT / "dags"))
        assert found.import_errors == {}
        assert set(found.dags) == {path.stem for path in (ROOT / "dags").glob("*.py")}
        yield dict(found.dags)
