"""The DAGs `load_interactions` and `load_products`: nothing is stored that was not judged, and one training follows many loads."""

from typing import Any

import pytest

from tidemark.settings import ROOT, settings
from tidemark.sources import mapping, presets


@pytest.mark.parametrize("dag", ["load_interactions", "load_products"])
def test_what_is_stored_was_landed_and_validated_before(bag: dict[str, Any], dag: str) -> None:
    tasks = bag[dag].task_dict
    before = {name: task.get_flat_relative_ids(upstream=True) for name, task in tasks.items()}
    assert before["land"] == set()
    assert {"land", "validate"} <= before["load"]
    assert before["report"] == {"land", "validate", "load"}


def test_each_says_when_it_is_done_and_the_training_listens_to_both(bag: dict[str, Any]) -> None:
    for dag, updated in (("load_interactions", "interactions"), ("load_products", "products")):
        tasks = bag[dag].task_dict
        assert [asset.name for asset in tasks["tell"].outlets] == [updated]
        leaves = {name for name, task in tasks.items() if not task.downstream_task_ids}
        assert leaves == {"report", "tell"}  # what failed before makes the report red, and the run with it
        assert (
            tasks["tell"].trigger_rule == "all_done"
        )  # a training that waited for a load that failed must not wait for ever
        assert not any(task.outlets for name, task in tasks.items() if name != "tell")
    assert {asset.name for asset in bag["retrain_recommender"].schedule.objects} == {"interactions", "products"}


OF = {
    "load_interactions": "TIDEMARK_LOAD_SOURCE",
    "load_products": "TIDEMARK_LOAD_PRODUCTS_SOURCE",
    "load_reviews": "TIDEMARK_LOAD_REVIEWS_SOURCE",
}
"""Each load, and the setting of its source by day."""


@pytest.mark.parametrize("dag_id", OF)
def test_it_is_by_hand_until_a_schedule_is_set_and_then_has_intervals(
    bag: dict[str, Any], monkeypatch: pytest.MonkeyPatch, dag_id: str
) -> None:
    from airflow.dag_processing.dagbag import DagBag

    assert bag[dag_id].schedule is None
    monkeypatch.setenv("TIDEMARK_LOAD_SCHEDULE", "@daily")
    monkeypatch.setenv(OF[dag_id], "/x/{ds}.csv")
    settings.cache_clear()
    loaded = {one: DagBag(str(ROOT / "dags" / f"{one}.py")) for one in OF}
    settings.cache_clear()
    assert [bag.import_errors for bag in loaded.values()] == [{}] * 3
    dags = {one: bag.dags[one] for one, bag in loaded.items()}
    dag = dags.pop(dag_id)
    assert (type(dag.schedule).__name__, dag.params["source"], dag.catchup) == (
        "CronDataIntervalTimetable", "/x/{ds}.csv", False,
    )  # fmt: skip
    assert all(other.schedule is None for other in dags.values()), "each has a source of its own"


def test_removing_only_counts_unless_told_otherwise(bag: dict[str, Any]) -> None:
    dag = bag["remove_source"]
    assert dag.params["dry_run"] is True
    assert dag.task_dict["remove"].upstream_task_ids == {"count"}
    assert dag.task_dict["tell"].upstream_task_ids == {"remove"}  # skipped where nothing was removed
    assert [asset.name for asset in dag.task_dict["tell"].outlets] == ["interactions"]


@pytest.mark.parametrize(("dag", "kind"), [("load_interactions", "interactions"), ("load_products", "products")])
def test_the_form_asks_for_every_column_that_can_be_mapped(bag: dict[str, Any], dag: str, kind: str) -> None:
    params = bag[dag].params
    assert set(mapping.USUAL[kind]) <= set(params)
    assert params.get_param("preset").schema["enum"][2:] == presets.names(kind)
