"""The DAG `explore_reviews`: its shape, its form, and the assets it hangs on."""

from pathlib import Path
from typing import Any

import pytest

from tidemark.settings import ROOT, settings


def test_the_tasks_come_in_order(bag: dict[str, Any]) -> None:
    dag = bag["explore_reviews"]
    assert [t.task_id for t in dag.topological_sort()] == ["plan", "explore", "draw"]
    assert dag.task_dict["explore"].upstream_task_ids == {"plan"}
    assert dag.task_dict["draw"].upstream_task_ids == {"plan", "explore"}


def test_reviews_start_it_and_lead_to_interactions(bag: dict[str, Any]) -> None:
    assert "reviews" in str(bag["explore_reviews"].timetable.asset_condition)
    load = bag["load_reviews"].task_dict
    assert [asset.name for asset in load["load"].outlets] == ["reviews"]
    assert [asset.name for asset in load["report"].inlets] == ["reviews"]
    assert [asset.name for asset in load["report"].outlets] == ["interactions"]


def test_its_form_and_its_page_are_documented(bag: dict[str, Any]) -> None:
    dag = bag["explore_reviews"]
    assert set(dag.params) == {"rows", "fraction", "seed"}
    for name in dag.params:
        param = dag.params.get_param(name)
        assert param.schema["title"], name
        assert param.description, name
    assert dag.params["rows"] == settings().sample_rows
    assert "Red?" in dag.doc_md
    assert "price x reviews (USD): a proxy for revenue" in dag.doc_md
    assert dag.max_active_runs == 1


@pytest.mark.parametrize(("name", "value"), [("rows", 29), ("fraction", 0), ("fraction", 1.1), ("seed", -1)])
def test_a_sample_that_cannot_be_drawn_is_refused_by_the_form(bag: dict[str, Any], name: str, value: Any) -> None:
    from airflow.sdk.exceptions import ParamValidationError

    with pytest.raises(ParamValidationError):
        bag["explore_reviews"].params.get_param(name).resolve(value)


def test_the_job_runs_in_its_pool_quietly_and_with_the_memory_of_its_setting(bag: dict[str, Any]) -> None:
    task = bag["explore_reviews"].task_dict["explore"]
    assert task.pool == "spark"
    assert Path(task.application) == ROOT / "spark_jobs" / "explore_reviews.py"
    assert task.application_args[0] == "--run"
    assert task._driver_memory == settings().explore_memory
    options = task.conf["spark.driver.extraJavaOptions"]
    assert "log4j2.properties" in options  # a short job's options go beside those that keep the log quiet
    assert "TieredStopAtLevel" in options
