"""The DAG `load_reviews`: it parses, quickly, and its tasks are set as they should be."""

import json
import os
import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest

from tidemark.settings import ROOT

PROBE = """
import json, sys
from airflow.dag_processing.dagbag import DagBag
bag = DagBag(sys.argv[1])
heavy = [m for m in ("pandas", "numpy", "pyspark.sql", "great_expectations", "pyarrow", "implicit") if m in sys.modules]
dag = bag.dags.get("load_reviews")
tasks = {} if dag is None else {
    t.task_id: {
        "upstream": sorted(t.upstream_task_ids), "pool": t.pool, "retries": t.retries,
        "backoff": t.retry_exponential_backoff, "policy": type(t.retry_policy).__name__,
        "timeout": t.execution_timeout.total_seconds(), "callback": bool(t.on_failure_callback),
        "outlets": [o.name for o in t.outlets], "arguments": [str(a) for a in getattr(t, "application_args", None) or []],
        "conf": getattr(t, "conf", None), "application": getattr(t, "application", None),
    } for t in dag.tasks
}
params = {} if dag is None else {
    k: {"title": dag.params.get_param(k).schema.get("title"), "description": dag.params.get_param(k).description}
    for k in dag.params
}
print("PROBE" + json.dumps({"errors": bag.import_errors, "heavy": heavy, "tasks": tasks, "params": params,
                  "doc": dag.doc_md if dag else None, "ids": sorted(bag.dags)}))
"""


@pytest.fixture(scope="module")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a process of its own sees when it parses `dags/load_reviews.py`."""
    environment = os.environ | {
        "AIRFLOW_HOME": str(tmp_path_factory.mktemp("airflow")),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
        "PYTHONPATH": os.pathsep.join(str(ROOT / folder) for folder in ("src", "plugins", ".")),
        "TIDEMARK_MONGO_PASSWORD": "not-for-anyones-eyes",
    }
    done = subprocess.run(
        [sys.executable, "-c", PROBE, str(ROOT / "dags" / "load_reviews.py")],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("PROBE")]
    assert lines, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(lines[0].removeprefix("PROBE"))
    return found


def test_it_parses_without_errors_and_without_heavy_imports(parsed: dict[str, Any]) -> None:
    assert parsed["errors"] == {}
    assert parsed["ids"] == ["load_reviews"]
    assert parsed["heavy"] == []


def test_its_tasks_follow_one_another(parsed: dict[str, Any]) -> None:
    upstream = {name: t["upstream"] for name, t in parsed["tasks"].items()}
    assert upstream == {"land": [], "validate": ["land"], "load": ["land", "validate"], "report": ["land", "load"]}
    assert parsed["tasks"]["report"]["outlets"] == ["interactions"]
    assert parsed["tasks"]["load"]["outlets"] == ["reviews"]


def test_every_task_retries_what_is_unreachable_ends_and_alerts(parsed: dict[str, Any]) -> None:
    for name, task in parsed["tasks"].items():
        assert task["retries"] >= 3, name
        assert task["backoff"] >= 2, name
        assert task["policy"] == "ExceptionRetryPolicy", name
        assert 0 < task["timeout"] <= timedelta(hours=4).total_seconds(), name
        assert task["callback"], name


def test_spark_jobs_share_one_pool_and_carry_no_secret(parsed: dict[str, Any]) -> None:
    for name in ("validate", "load"):
        task = parsed["tasks"][name]
        assert task["pool"] == "spark"
        assert task["arguments"][0] == "--run"
        assert task["application"].startswith(str(ROOT / "spark_jobs"))
    assert "not-for-anyones-eyes" not in json.dumps(parsed)


def test_its_form_and_its_page_are_documented(parsed: dict[str, Any]) -> None:
    for name, param in parsed["params"].items():
        assert param["title"], name
        assert param["description"], name
    assert {"source", "products", "release"} <= set(parsed["params"])
    assert "When a task is red" in parsed["doc"]
