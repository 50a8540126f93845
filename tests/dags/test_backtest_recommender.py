"""The DAG `backtest_recommender`: its order, its mapped task, and its form."""

from typing import Any

import pytest

from tidemark.settings import settings


def test_one_task_measures_each_origin_in_the_pool_of_spark(bag: dict[str, Any]) -> None:
    tasks = bag["backtest_recommender"].task_dict
    assert tasks["measure"].is_mapped
    assert tasks["measure"].pool == "spark"
    before = {name: task.get_flat_relative_ids(upstream=True) for name, task in tasks.items()}
    assert before == {
        "plan": set(),
        "measure": {"plan"},
        "conclude": {"plan", "measure"},
        "draw": {"plan", "measure", "conclude"},
    }


def test_it_starts_by_hand_alone_and_its_form_is_as_the_settings_say(bag: dict[str, Any]) -> None:
    dag = bag["backtest_recommender"]
    assert type(dag.timetable).__name__ == "NullTimetable"
    assert {name: dag.params[name] for name in dag.params} == {
        "window": settings().window,
        "mark": settings().retrain_mark,
        "origins": 3,
    }


@pytest.mark.parametrize(("name", "value"), [("window", 0), ("mark", 0), ("origins", 0), ("origins", 21)])
def test_what_cannot_be_measured_is_refused_by_the_form(bag: dict[str, Any], name: str, value: Any) -> None:
    from airflow.sdk.exceptions import ParamValidationError

    with pytest.raises(ParamValidationError):
        bag["backtest_recommender"].params.get_param(name).resolve(value)
