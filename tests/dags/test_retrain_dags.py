"""The DAGs of the models load, are whole, and hold their promises before anything runs."""

import pytest

from tests.support.retraining import ASKED
from tidemark.settings import ROOT, settings


def before(dag):
    """Task -> every task that must have ended first."""
    return {name: task.get_flat_relative_ids(upstream=True) for name, task in dag.task_dict.items()}


def test_nothing_goes_live_that_was_not_trained_measured_and_decided_about(bag):
    upstream = before(bag["retrain_recommender"])
    assert upstream["snapshot"] == set()
    assert "snapshot" in upstream["train"]
    assert "train" in upstream["evaluate"]
    assert "evaluate" in upstream["decide"]
    assert "decide" in upstream["publish"]


def test_nothing_stands_between_a_decision_and_the_pointer_and_the_bookmark(bag):
    dag = bag["retrain_recommender"]
    upstream = before(dag)
    # The graph, the charts and all that may come later wait for the new model to be live, never the other way.
    assert upstream["publish"] == upstream["decide"] | {"decide", "approve"}
    assert upstream["move_bookmark"] == upstream["publish"] | {"publish"}
    others = set(dag.task_dict) - upstream["move_bookmark"] - {"move_bookmark"}
    assert {"measure_stars", "export_graph", "draw", "report"} <= others
    assert all("move_bookmark" in upstream[name] for name in others)


def test_what_is_drawn_undoes_nothing_and_its_failure_is_seen(bag):
    tasks = bag["retrain_recommender"].task_dict
    # Drawn whatever became of the graph; the report, the only leaf, is not reached where graph or charts failed.
    assert tasks["draw"].trigger_rule == "all_done"
    assert tasks["report"].trigger_rule == "none_failed_min_one_success"
    assert {"measure_stars", "export_graph", "draw"} <= tasks["report"].upstream_task_ids
    # Stars are of the model that was decided about, live or not, and whatever becomes of its graph; and the other way.
    upstream = before(bag["retrain_recommender"])
    assert "export_graph" not in upstream["measure_stars"]
    assert "measure_stars" not in upstream["export_graph"]
    assert [t.task_id for t in bag["retrain_recommender"].leaves] == ["report"]
    for name in ("measure_stars", "measure_diversity", "export_graph", "draw"):
        assert tasks[name].retries == 1  # the watch waits for the whole run


def test_publishing_updates_the_asset_model_and_so_does_rolling_back(bag):
    assert [o.name for o in bag["retrain_recommender"].task_dict["publish"].outlets] == ["model"]
    assert [i.name for i in bag["retrain_recommender"].task_dict["train"].inlets] == ["interactions"]
    assert [o.name for o in bag["roll_back_model"].task_dict["move_pointer"].outlets] == ["model"]


def test_it_starts_when_interactions_were_updated_and_by_hand_with_params(bag):
    dag = bag["retrain_recommender"]
    assert "interactions" in str(dag.timetable.asset_condition)
    # The form asks for all that the tasks read, and for nothing else; left as it is, it changes nothing.
    assert set(dag.params) == set(ASKED)
    unchanged = settings()
    assert {name: dag.params[name] for name in ("engine", "window", "top_n", "diversity", "new_item_share")} == {
        name: getattr(unchanged, name) for name in ("engine", "window", "top_n", "diversity", "new_item_share")
    }


def test_nothing_is_started_to_ask_where_nobody_is_to_be_asked(bag):
    approve, publish = (bag["retrain_recommender"].task_dict[name] for name in ("approve", "publish"))
    assert approve.upstream_task_ids == {"decide"}  # which skips it, without a process of its own
    # It goes on where the question was left out; not where the run was skipped before it.
    assert publish.trigger_rule == "none_failed_min_one_success"


@pytest.mark.parametrize("approved", [True, False])
def test_publish_waits_for_a_person_s_word_and_keeps_it(monkeypatch, approved):
    from airflow.sdk.exceptions import AirflowSkipException

    from tidemark.registry import approvals
    from tidemark.storage import mongo

    kept = []

    class Instance:
        def xcom_pull(self, task_ids):
            if task_ids == "decide":
                return {"publish": True, "reasons": [], "model": "m", "questions": [{"subject": "?"}]}
            assert task_ids == "approve"
            return "the answer"

    def record(db, model_id, answer):
        kept.append((model_id, answer))
        return {"approved": approved, "by": "ann", "reason": "too risky"}

    monkeypatch.setattr(mongo, "connect", lambda: None)
    monkeypatch.setattr(approvals, "record", record)
    hook = module_of_retrain()._publish_decided
    if approved:
        hook({"ti": Instance()})
    else:
        with pytest.raises(AirflowSkipException, match="rejected by ann: too risky"):
            hook({"ti": Instance()})
    assert kept == [("m", "the answer")]


def module_of_retrain():
    import importlib.util
    import sys

    sys.path.insert(0, str(ROOT / "plugins"))
    spec = importlib.util.spec_from_file_location("retrain", ROOT / "dags" / "retrain_recommender.py")
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_publish_is_skipped_with_the_reasons_where_it_was_decided_against():
    from airflow.sdk.exceptions import AirflowSkipException

    module = module_of_retrain()

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
