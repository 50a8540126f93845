"""The DAG `tidy_up`: daily, and it knows every DAG that leaves files."""

from tidemark import dag_ids


def test_it_runs_daily_and_makes_up_for_no_day(bag):
    dag = bag["tidy_up"]
    assert dag.schedule == "@daily"
    assert not dag.catchup


def test_every_dag_is_tidied(bag):
    assert set(bag) <= set(dag_ids.ALL)
