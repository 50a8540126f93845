"""The DAG `explore_reviews`: its order, its form, and the asset it hangs on."""

from typing import Any

import pytest

from tidemark.settings import settings


def test_the_sample_is_fixed_before_it_is_drawn_and_drawn_before_the_charts(bag: dict[str, Any]) -> None:
    tasks = bag["explore_reviews"].task_dict
    before = {name: task.get_flat_relative_ids(upstream=True) for name, task in tasks.items()}
    assert before["plan"] == set()
    assert "plan" in before["explore"]
    assert {"plan", "explore"} <= before["draw"]


def test_reviews_start_it(bag: dict[str, Any]) -> None:
    assert "reviews" in str(bag["explore_reviews"].timetable.asset_condition)


def test_its_form_asks_for_the_sample_that_the_settings_say(bag: dict[str, Any]) -> None:
    assert bag["explore_reviews"].params["rows"] == settings().sample_rows


@pytest.mark.parametrize(("name", "value"), [("rows", 29), ("fraction", 0), ("fraction", 1.1), ("seed", -1)])
def test_a_sample_that_cannot_be_drawn_is_refused_by_the_form(bag: dict[str, Any], name: str, value: Any) -> None:
    from airflow.sdk.exceptions import ParamValidationError

    with pytest.raises(ParamValidationError):
        bag["explore_reviews"].params.get_param(name).resolve(value)


def test_the_job_is_quiet_and_has_the_memory_of_its_setting(bag: dict[str, Any]) -> None:
    task = bag["explore_reviews"].task_dict["explore"]
    assert task._driver_memory == settings().explore_memory
    options = task.conf["spark.driver.extraJavaOptions"]
    assert "log4j2.properties" in options  # a short job's options go beside those that keep the log quiet
    assert "TieredStopAtLevel" in options
