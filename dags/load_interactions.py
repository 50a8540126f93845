"""
### Load interactions

Brings any team's interactions into MongoDB: views, clicks, purchases, ratings, in CSV, TSV, JSON lines or Parquet, whatever the
columns are called. Models learn from what it stores in `interactions`; rows that cannot be taken are kept in `rejects`.

**When it runs.** By hand, or triggered with other parameters by whoever has new files; or **by day**: with
`TIDEMARK_LOAD_SCHEDULE` (`@daily`, a cron expression, UTC) it runs by itself and loads `TIDEMARK_LOAD_SOURCE`, where `{ds}`,
`{ds_nodash}`, `{year}`, `{month}`, `{day}`, `{hour}`, `{data_interval_start}` and `{data_interval_end}` stand for the interval of the run:
`s3://bucket/dt={ds}/*.parquet`. Days of before are loaded by a **backfill**, from the form that Trigger opens or by
`airflow backfill create --dag-id load_interactions --from-date ... --to-date ... --max-active-runs 2`, in any order; a day that is
loaded twice changes nothing. A day whose source is not there fails, or is skipped (`TIDEMARK_LOAD_ABSENT=skip`).

When it ends it updates the asset `interactions`, which starts `retrain_recommender`; while further loads are at work or wait, that run
skips itself, so that one training follows a whole backfill.

**What it does.**

1. `land` finds the files, reads them through, and tells what they are: format, columns, unit of the times, scale of the
   ratings. It **says** each in its log and on the run's page, and stops where it cannot tell. Nothing is loaded yet.
2. `validate` reads every row as it was said, and judges it. A row that cannot be taken is kept whole with its reasons. The
   set as a whole must pass the gate `landed_interactions`.
3. `load` upserts what passed. A key is made of the source's name, user, item, time and event: loading twice, or again after
   a kill, changes nothing, and two sources never meet.
4. `report` shows what was read, stored, dropped, and why: read = stored + duplicates + rejected.
5. `tell` updates the asset, whatever became of the rest: a training that waited for this load must not wait for ever.

**Columns.** By their usual names (`user_id`, `sku`, `ts`, ...), by a preset (`movielens`, `amazon_ratings`, `retailrocket`,
`sales`), or as you say: a column's name, or its number where the file has no header. **Ratings** on another scale become stars by
a straight line (0.5 to 5: `1 + 4 * (r - 0.5) / 4.5`); what came is kept in `interaction_details`. **Without times** the order in
the files is the time.

**When a task is red.** Its log ends with one line that says what is wrong. What is wrong with the input fails at once;
mend the input, or give the parameter that it asks for, and trigger a new run. What is unreachable is tried again.

| task | usual cause | what to do |
|---|---|---|
| `land` | two columns may be the item; times of two units; no header | the message names the parameter that settles it |
| `land` | damaged, too large, no text, a link out of its folder | the message names the file and what mends it |
| `validate` | the gate: too many rejects, one user, one item | read the reasons in the log, or the Data Docs that it names |
| `load` | MongoDB does not answer | `make status`; clear the task when it is back: it continues the same load |
"""

from datetime import timedelta

from airflow.sdk import DAG, Param, task
from tidemark_operators import (
    DEFAULT_ARGS,
    INTERACTIONS,
    TidemarkSparkSubmit,
    absent_days_as_set,
    by_day,
    source_params,
)

from tidemark.dag_ids import LOAD_INTERACTIONS
from tidemark.settings import settings

PARAMS = source_params(
    "interactions",
    settings().load_source,
    "Begins the keys of its interactions",
    {
        "user": "the user's id; empty: by its usual names.",
        "item": "the item's id; empty: by its usual names.",
        "time": "the time; empty: by its usual names, else the order in the files.",
        "rating": "the rating; empty: by its usual names, else none.",
        "event": "the event's type (view, cart, purchase, ...); empty: by its usual names, else none.",
        "quantity": "the pieces; empty: by its usual names, else one each.",
        "weight": "what an event counts; empty: by its usual names, else by the event's type.",
    },
) | {
    "time_unit": Param(
        "auto",
        type="string",
        title="Unit of the times",
        description="`auto` tells it; else s, ms, us, ns, iso, none, or a pattern such as `%d/%m/%Y %H:%M` (UTC).",
    ),
    "scale": Param(
        "auto",
        type="string",
        pattern=r"^(auto|-?[0-9.]+-[0-9.]+)$",
        title="Scale of the ratings",
        description="`auto` tells it; else the worst and the best that can be given: 0.5-5, 1-10, 0-1.",
    ),
}

with DAG(
    LOAD_INTERACTIONS,
    description="Any team's interactions into MongoDB, every row accounted for",
    doc_md=__doc__,
    **by_day(settings().load_source),
    max_active_runs=1,
    params=PARAMS,
    default_args=DEFAULT_ARGS,
    tags=["tidemark", "sources"],
) as dag:

    @task(execution_timeout=timedelta(hours=2))
    def land(params: dict, dag_run) -> str:  # type: ignore[no-untyped-def] # Airflow gives both
        """Find the files, tell and say how they are read; returns the run folder."""
        from tidemark.sources import planning

        days = dag_run.data_interval_start, dag_run.data_interval_end
        with absent_days_as_set(dag_run):
            return planning.plan(planning.INTERACTIONS, params, dag_run.dag_id, dag_run.run_id, *days)

    @task
    def report(run: str, dag_run) -> dict:  # type: ignore[no-untyped-def] # Airflow gives the second
        """Log what was read, stored, dropped and why, and write the run's manifest; returns the counts."""
        from tidemark.sources import storing

        counts = storing.log_report(run)
        storing.write_manifest(run, dag_run.dag_id, dag_run.run_id)
        return counts

    @task(trigger_rule="all_done", outlets=[INTERACTIONS])
    def tell() -> None:
        """Update the asset: if this was the last load, a training starts; where nothing is new, it skips itself."""

    folder = land()
    validate = TidemarkSparkSubmit(
        task_id="validate", job="validate_source.py", run=folder, short=True, execution_timeout=timedelta(hours=2)
    )
    load = TidemarkSparkSubmit(
        task_id="load", job="load_source.py", run=folder, short=True, execution_timeout=timedelta(hours=4)
    )
    # Both end the run: what failed before makes the report red, and the run with it.
    validate >> load >> [report(folder), tell()]
