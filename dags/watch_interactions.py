"""
### Watch the tide

Starts `retrain_recommender` whenever the interactions that no model has learned from reach the mark.

**When it runs.** Always: one run waits, starts one retrain, waits for its end, and the next run begins.

**What it does.**

1. `lag_over_mark` measures the lag of the topic `interactions` behind the bookmark, every few seconds, in the triggerer:
   it holds no worker while it waits. Its log says how far the tide has come.
2. `retrain` starts one run of `retrain_recommender` and waits for it. The bookmark then stands at that run's snapshot;
   what came meanwhile counts for the next.

**What can be changed** without code, in `.env`, and it acts within one poll: `TIDEMARK_RETRAIN_MARK`,
`TIDEMARK_RETRAIN_POLL_SECONDS`. With the next run: `TIDEMARK_RETRAIN_MIN_MINUTES`, `TIDEMARK_RETRAIN_BACKOFF_SECONDS`,
`TIDEMARK_RETRAIN_BACKOFF_MAX_SECONDS`. To stop it, pause this DAG.

**When a run is red.** Its retrain failed: open that run, its red task says why. Nothing needs to be done here: the next
run is waiting already, 1 minute after the first failure, twice as long after each further one, never more than 30, and
goes on by itself when the cause is gone. Who does not want to wait triggers `retrain_recommender` by hand.

| task | usual cause | what to do |
|---|---|---|
| `lag_over_mark` | its log says that Kafka does not answer | `make status`; it goes on by itself |
| `retrain` | the retrain failed | read the red task of that run |
| `retrain` | `retrain_recommender` is paused | unpause it |
"""

from datetime import datetime

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import DAG
from kafka_lag import KafkaLagSensor
from tidemark_operators import DEFAULT_ARGS

from tidemark.dag_ids import RETRAIN_RECOMMENDER, WATCH_INTERACTIONS

with DAG(
    WATCH_INTERACTIONS,
    description="Retrain when what no model has learned from reaches the mark",
    doc_md=__doc__,
    schedule="@continuous",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,
    # Waiting has no end of its own: it may take seconds or weeks.
    default_args=DEFAULT_ARGS | {"execution_timeout": None},
    tags=["tidemark", "stream"],
) as dag:
    lag_over_mark = KafkaLagSensor(task_id="lag_over_mark")
    retrain = TriggerDagRunOperator(
        task_id="retrain",
        trigger_dag_id=RETRAIN_RECOMMENDER,
        conf={"reason": "lag", "tide": lag_over_mark.output},
        wait_for_completion=True,
        deferrable=True,
        poke_interval=5,  # not sooner: see SETTLE of plugins/kafka_lag.py
        fail_when_dag_is_paused=True,
        retries=0,  # the next run of this DAG is the retry, after its back-off
    )
