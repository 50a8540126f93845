"""
### Load reviews

Brings Amazon review files, and perhaps their product metadata, into MongoDB: `reviews`, `products`, `rejects`, and the
`interactions` that models learn from.

**When it runs.** By hand, or triggered with other parameters by whoever has new files; or by day, as `load_interactions`: with
`TIDEMARK_LOAD_SCHEDULE` it loads `TIDEMARK_LOAD_REVIEWS_SOURCE` by itself, and `{ds}` in it, and in the products' source, is the day.
When its reviews are stored it updates the asset `reviews`, which starts `explore_reviews`; when it ends, the asset
`interactions`, which starts `retrain_recommender`.

**What it does.**

1. `land` finds the files, reads them through, and tells their release. Nothing is loaded yet.
2. `validate` reads every row with the type of its contract, cleans it, and judges it. A row that does not satisfy the
   contract is kept whole with its reasons. The set as a whole must pass the gate `landed_reviews`.
3. `load` upserts what passed. Keys come from the data, so that loading twice, or again after a kill, changes nothing.
4. `report` shows what was read, stored, dropped, and why: read = stored + duplicates + rejected.
5. `tell` updates the asset, whatever became of the rest: a training that waited for this load must not wait for ever.

One review is stored per user, item and second: the one that says most (longest text, then most helpful votes).

**When a task is red.** Its log ends with one line that says what is wrong. What is wrong with the input fails at once;
mend the input and trigger a new run. What is unreachable is tried again with growing pauses.

| task | usual cause | what to do |
|---|---|---|
| `land` | no such file, damaged gzip, not one JSON object a line | the message names the file and what mends it |
| `land` | a category by name: its publisher does not answer | clear the task later: what has come stays, it goes on there |
| `validate` | the gate: too many rejects, one user, one item | read the reasons in the log, or the Data Docs that it names |
| `load` | MongoDB does not answer | `make status`; clear the task when it is back: it continues the same load |
"""

from datetime import timedelta

from airflow.sdk import DAG, Param, task
from tidemark_operators import (
    DAYS,
    DEFAULT_ARGS,
    INTERACTIONS,
    REVIEWS,
    TidemarkSparkSubmit,
    absent_days_as_set,
    by_day,
)

from tidemark.dag_ids import LOAD_REVIEWS
from tidemark.settings import settings

PARAMS = {
    "source": Param(
        settings().load_reviews_source or "builtin",
        type="string",
        minLength=1,
        title="Reviews",
        description="A path, folder, glob or URL (s3://, gs://, https://) of JSON lines, with .gz or not; "
        "a relative path starts at the project's root. `amazon-2023:All_Beauty`, or another category, fetches its reviews and products "
        f"from their publisher. `builtin` generates data. {DAYS}",
    ),
    "products": Param(
        None,
        type=["null", "string"],
        title="Products",
        description="The same for product metadata; may be empty. The built-in data brings its own.",
    ),
    "release": Param(
        "auto",
        enum=["auto", "2014", "2018", "2023"],
        title="Release",
        description="Which release of the Amazon data this is. `auto` tells it by the fields.",
    ),
    "builtin_reviews": Param(
        100_000, type="integer", minimum=1_000, title="Built-in reviews", description="How many to generate."
    ),
    "builtin_users": Param(5_000, type="integer", minimum=20, title="Built-in users", description="How many write."),
    "builtin_items": Param(2_000, type="integer", minimum=20, title="Built-in items", description="How many are sold."),
    "seed": Param(
        42, type="integer", minimum=0, title="Seed", description="The same seed gives the same built-in data."
    ),
}

with DAG(
    LOAD_REVIEWS,
    description="Amazon review files into MongoDB, every row accounted for",
    doc_md=__doc__,
    **by_day(settings().load_reviews_source),
    max_active_runs=1,
    params=PARAMS,
    default_args=DEFAULT_ARGS,
    tags=["tidemark", "reviews"],
) as dag:

    @task(execution_timeout=timedelta(hours=2))
    def land(params: dict, dag_run) -> str:  # type: ignore[no-untyped-def] # Airflow gives both
        """Find the files, check that they can be read, tell their release; returns the run folder."""
        from tidemark.reviews import load as loads

        days = dag_run.data_interval_start, dag_run.data_interval_end
        with absent_days_as_set(dag_run):
            return loads.land(params, dag_run.dag_id, dag_run.run_id, *days)

    @task
    def report(run: str, dag_run) -> dict:  # type: ignore[no-untyped-def] # Airflow gives the second
        """Log what was read, stored, dropped and why, and write the run's manifest; returns the counts."""
        from tidemark.reviews import load as loads

        counts = loads.log_report(run)
        loads.write_manifest(run, dag_run.dag_id, dag_run.run_id)
        return counts

    @task(trigger_rule="all_done", inlets=[REVIEWS], outlets=[INTERACTIONS])
    def tell() -> None:
        """Update the asset: if this was the last load, a training starts; where nothing is new, it skips itself."""

    folder = land()
    validate = TidemarkSparkSubmit(
        task_id="validate", job="validate_reviews.py", run=folder, short=True, execution_timeout=timedelta(hours=2)
    )
    load = TidemarkSparkSubmit(
        task_id="load",
        job="load_reviews.py",
        run=folder,
        short=True,
        execution_timeout=timedelta(hours=4),
        outlets=[REVIEWS],
    )
    # Both end the run: what failed before makes the report red, and the run with it.
    validate >> load >> [report(folder), tell()]
