"""The DAGs of the stream load and hold their promises before anything runs."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest


def test_the_watch_waits_without_a_worker_and_without_an_end(bag):
    dag = bag["watch_interactions"]
    assert "Continuous" in type(dag.timetable).__name__
    assert dag.task_dict["retrain"].get_flat_relative_ids(upstream=True) == {"lag_over_mark"}
    assert all(task.execution_timeout is None for task in dag.tasks)
    assert dag.max_consecutive_failed_dag_runs == 0  # it would pause the watch for good after a short outage
    retrain = dag.task_dict["retrain"]
    assert (retrain.deferrable, retrain.wait_for_completion, retrain.retries) == (True, True, 0)
    assert retrain.trigger_dag_id == "retrain_recommender"


class Ti(SimpleNamespace):
    """As much of a task instance as the sensor asks."""

    def get_previous_dagrun(self) -> Any:
        return self.before

    def xcom_pull(self, *, key: str = "return_value", **_: Any) -> Any:
        return self.pulled.get(key)

    def xcom_push(self, *, key: str, value: Any) -> None:
        self.pushed[key] = value


def test_the_sensor_defers_with_what_the_last_run_left(bag, monkeypatch):
    from datetime import UTC, datetime

    import kafka_lag
    from airflow.sdk.exceptions import TaskDeferred

    monkeypatch.setattr(kafka_lag.KafkaLagSensor, "_bases", lambda *_: {})
    ended = datetime(2026, 3, 1, tzinfo=UTC)
    before = SimpleNamespace(state="failed", run_id="r", end_date=ended)
    ti = Ti(before=before, pulled={"failures": 2}, pushed={})
    with pytest.raises(TaskDeferred) as deferred:
        bag["watch_interactions"].task_dict["lag_over_mark"].execute({"ti": ti})
    path, arguments = deferred.value.trigger.serialize()
    assert (path, ti.pushed) == ("kafka_lag.KafkaLagTrigger", {"failures": 3})
    assert arguments["not_before"] == "2026-03-01T00:04:00+00:00"


def test_the_trigger_survives_a_broker_that_is_away(bag, monkeypatch):
    """Kafka away: it goes on measuring; it fires once Kafka tells of a lag over the mark, and only once."""
    import kafka_lag

    from tidemark.errors import UnreachableError
    from tidemark.stream.bookmark import Lag, PartitionLag

    answers: list[Any] = [UnreachableError("away"), 3, UnreachableError("away"), 999, 1_000, 5_000]

    def lag(_: Any) -> Lag:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return Lag("t", (PartitionLag(0, 0, answer, 0),))

    monkeypatch.setattr(kafka_lag, "Bookmark", lambda _config: SimpleNamespace(lag=lambda: lag(None)))
    monkeypatch.setenv("TIDEMARK_RETRAIN_POLL_SECONDS", "0.5")

    async def events() -> list[Any]:
        return [event.payload async for event in kafka_lag.KafkaLagTrigger().run()]

    (fired,) = asyncio.run(events())
    assert (fired["lag"], fired["mark"], answers) == (1_000, 1_000, [5_000])
