"""The DAGs of the models load, are whole, and hold their promises before anything runs."""

import os

import pytest

from tidemark.settings import ROOT


def test_the_tasks_come_in_order(bag):
    order = ["snapshot", "train", "evaluate", "decide", "publish", "move_bookmark", "export_graph", "draw", "report"]
    dag = bag["retrain_recommender"]
    assert [t.task_id for t in dag.topological_sort()] == order
    assert all(order[i + 1] in dag.task_dict[task].downstream_task_ids for i, task in enumerate(order[:-1]))
    # Nothing new before the pointer and the bookmark move: the graph and the charts come after.
    assert dag.task_dict["publish"].upstream_task_ids == {"snapshot", "decide"}
    assert dag.task_dict["move_bookmark"].upstream_task_ids == {"snapshot", "publish"}


def test_what_is_drawn_undoes_nothing_and_its_failure_is_seen(bag):
    tasks = bag["retrain_recommender"].task_dict
    # Drawn whatever became of the graph; the report, the only leaf, is not reached where graph or charts failed.
    assert tasks["draw"].trigger_rule == "all_done"
    assert tasks["report"].trigger_rule == "none_failed_min_one_success"
    assert tasks["report"].upstream_task_ids == {"snapshot", "export_graph", "draw"}
    assert [t.task_id for t in bag["retrain_recommender"].leaves] == ["report"]
    assert "export_graph" not in tasks["move_bookmark"].upstream_task_ids
    for name in ("export_graph", "draw"):
        assert tasks[name].retries == 1  # the watch waits for the whole run


def test_publishing_updates_the_asset_model_and_so_does_rolling_back(bag):
    assert [o.name for o in bag["retrain_recommender"].task_dict["publish"].outlets] == ["model"]
    assert [i.name for i in bag["retrain_recommender"].task_dict["train"].inlets] == ["interactions"]
    assert [o.name for o in bag["roll_back_model"].task_dict["move_pointer"].outlets] == ["model"]


def test_every_param_of_every_dag_has_a_title_and_a_description(bag):
    for dag in bag.values():
        for name in dag.params:
            param = dag.params.get_param(name)
            assert param.schema.get("title"), f"{dag.dag_id}: {name}"
            assert param.description, f"{dag.dag_id}: {name}"


def test_it_starts_when_interactions_were_updated_and_by_hand_with_params(bag):
    dag = bag["retrain_recommender"]
    assert "interactions" in str(dag.timetable.asset_condition)
    assert set(dag.params) == {
        "engine", "feedback", "window", "factors", "regularization", "alpha", "iterations", "top_n", "promote", "force",
        "search",
    }  # fmt: skip
    assert dag.max_active_runs == 1


def test_spark_jobs_run_in_their_pool_with_the_run_folder_and_no_secret(bag):
    for name in ("train", "evaluate", "publish", "export_graph"):
        task = bag["retrain_recommender"].task_dict[name]
        assert task.pool == "spark"
        assert os.path.exists(task.application)  # noqa: PTH110 -- as Airflow holds it
        assert task.application_args[0] == "--run"
        assert not task.env_vars
        assert "password" not in str(task.conf).lower()


def test_every_task_ends_and_its_failure_reaches_a_person(bag):
    for dag in (bag["retrain_recommender"], bag["roll_back_model"]):
        assert dag.doc_md
        for task in dag.tasks:
            assert task.execution_timeout
            assert task.on_failure_callback


def test_publish_is_skipped_with_the_reasons_where_it_was_decided_against():
    import sys

    sys.path.insert(0, str(ROOT / "plugins"))
    import importlib.util

    from airflow.sdk.exceptions import AirflowSkipException

    spec = importlib.util.spec_from_file_location("retrain", ROOT / "dags" / "retrain_recommender.py")
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    class Instance:
        """What the hook asks of a task instance."""

        def __init__(self, publish):
            self.decided = {"publish": publish, "reasons": ["worse than the champion"]}

        def xcom_pull(self, task_ids):
            assert task_ids == "decide"
            return self.decided

    module._publish_decided({"ti": Instance(True)})
    with pytest.raises(AirflowSkipException, match="worse than the champion"):
        module._publish_decided({"ti": Instance(False)})
