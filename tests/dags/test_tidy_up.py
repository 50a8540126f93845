"""The DAG `tidy_up`: daily, and it knows every DAG that leaves files."""

from tidemark import dag_ids


def test_it_runs_daily_and_never_beside_itself(bag):
    dag = bag["tidy_up"]
    assert dag.schedule == "@daily"
    assert dag.max_active_runs == 1
    assert not dag.catchup
    (task,) = dag.tasks
    assert task.on_failure_callback


def test_every_dag_is_tidied(bag):
    assert set(bag) <= set(dag_ids.ALL)
