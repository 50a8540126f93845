"""What every DAG and plugin promises before anything runs: it loads quickly, ends, is documented, and tells no secret."""

import json
import re
from datetime import timedelta
from typing import Any

from tidemark import dag_ids
from tidemark.settings import ROOT

HEAVY = {
    "fastapi", "flask", "great_expectations", "implicit", "matplotlib", "networkx", "numpy", "pandas", "pyarrow", "pyspark",
    "scipy", "sklearn", "starlette", "vaderSentiment",
}  # fmt: skip
"""Seconds of imports, or hundreds of MB: for the task that needs them, inside its function."""


def tasks(bag: dict[str, Any]) -> list[Any]:
    return [task for dag in bag.values() for task in dag.tasks]


def test_all_of_them_load_without_errors_and_without_heavy_imports(probed: dict[str, Any]) -> None:
    assert probed["errors"] == {}
    assert probed["dags"] == sorted(path.stem for path in (ROOT / "dags").glob("*.py"))
    loaded = {module.split(".")[0] for module in probed["modules"]}
    assert {path.stem for path in (ROOT / "plugins").glob("*.py")} <= loaded
    assert loaded & HEAVY == set()
    # Nor what the API server and the jobs alone need of the library.
    library = {module.split(".")[1] for module in probed["modules"] if module.startswith("tidemark.")}
    assert library & {"charts", "console", "evaluation", "local", "models", "retraining"} == set()


def test_no_secret_is_in_a_spark_submit(probed: dict[str, Any], secrets: dict[str, str]) -> None:
    assert len(secrets) >= 7
    commands = json.dumps(probed["submits"])
    assert [name for name, secret in secrets.items() if secret in commands] == []


def test_every_task_ends_and_its_failure_reaches_a_person(bag: dict[str, Any]) -> None:
    for task in tasks(bag):
        assert task.on_failure_callback, task
        if task.dag_id != dag_ids.WATCH_INTERACTIONS:  # it waits for as long as it takes
            assert timedelta(0) < task.execution_timeout <= timedelta(hours=4), task


def test_what_is_unreachable_is_tried_again_with_growing_pauses(bag: dict[str, Any]) -> None:
    for task in tasks(bag):
        assert type(task.retry_policy).__name__ == "ExceptionRetryPolicy", task
        assert task.retry_exponential_backoff >= 2, task
    # The watch's next run is its retry; and it waits for what follows the pointer, so that is tried once more only.
    fewer = {f"{task.dag_id}.{task.task_id}" for task in tasks(bag) if task.retries < 3}
    of_retrain = bag[dag_ids.RETRAIN_RECOMMENDER].task_dict
    after = of_retrain["publish"].get_flat_relative_ids(upstream=False)
    retrain = f"{dag_ids.RETRAIN_RECOMMENDER}."
    assert {name.removeprefix(retrain) for name in fewer if name.startswith(retrain)} <= after
    assert {name for name in fewer if not name.startswith(retrain)} == {f"{dag_ids.WATCH_INTERACTIONS}.retrain"}


def test_every_spark_job_waits_for_its_turn_and_is_told_its_run_folder(bag: dict[str, Any]) -> None:
    jobs = [task for task in tasks(bag) if hasattr(task, "application_args")]
    assert len(jobs) >= 7
    for task in jobs:
        assert task.pool == "spark"
        assert (ROOT / "spark_jobs").joinpath(task.application).is_file()
        assert task.application_args[0] == "--run"
        assert not task.env_vars


def test_every_param_has_a_title_and_a_description(bag: dict[str, Any]) -> None:
    for dag in bag.values():
        for name in dag.params:
            param = dag.params.get_param(name)
            assert param.schema.get("title"), f"{dag.dag_id}: {name}"
            assert param.description, f"{dag.dag_id}: {name}"


def test_each_page_is_a_runbook(bag: dict[str, Any]) -> None:
    for dag in bag.values():
        assert dag.description, dag.dag_id
        assert re.search(r"When.*What.*(red|Red|usual cause)", dag.doc_md, re.DOTALL), dag.dag_id


def test_no_two_runs_of_a_dag_are_at_work_at_once(bag: dict[str, Any]) -> None:
    assert {dag.dag_id: dag.max_active_runs for dag in bag.values()} == dict.fromkeys(bag, 1)
