"""
### Load products

Brings any team's catalogue into MongoDB: titles, categories, prices, pictures, in CSV, TSV, JSON lines or Parquet, whatever the
columns are called. Models learn from them what nobody has taken yet, and the storefront shows them.

**When it runs.** By hand, or triggered with other parameters by whoever has a new catalogue; or by day, as `load_interactions`:
with `TIDEMARK_LOAD_SCHEDULE` it loads `TIDEMARK_LOAD_PRODUCTS_SOURCE` by itself. When it ends and there are
interactions to learn from, it updates the asset `products`, which starts `retrain_recommender`: the model that then goes live
shows what was loaded.

**What it does.** As `load_interactions`: `land` finds the files and says how they will be read, `validate` judges every row,
`load` upserts, `report` shows the counts. One product is stored for each item: the newest load's, and of loads by day that of
the newest day, in whatever order they run; of several lines of one item in one load, the longest. Columns that are nothing of
the kind are kept under `extra`.

**When a task is red.** Its log ends with one line that says what is wrong.

| task | usual cause | what to do |
|---|---|---|
| `land` | two columns may be the item; no header; no text | the message names the parameter or the file that settles it |
| `validate` | the gate: nothing or too little could be taken | read the reasons in the log, or the Data Docs that it names |
| `load` | MongoDB does not answer | `make status`; clear the task when it is back: it continues the same load |
| `tell` (skipped) | no interactions are stored yet | load some: a model follows by itself |
"""

from datetime import timedelta

from airflow.sdk import DAG, task
from airflow.sdk.exceptions import AirflowSkipException
from tidemark_operators import DEFAULT_ARGS, PRODUCTS, TidemarkSparkSubmit, absent_days_as_set, by_day, source_params

from tidemark.dag_ids import LOAD_PRODUCTS
from tidemark.settings import settings

PARAMS = source_params(
    "products",
    settings().load_products_source,
    "Kept with each product",
    {
        "item": "the item's id; empty: by its usual names.",
        "title": "the title; empty: by its usual names.",
        "category": "the categories, `|` or `>` between them; empty: by its usual names.",
        "price": "the price; empty: by its usual names.",
        "brand": "the brand; empty: by its usual names.",
        "description": "the description; empty: by its usual names.",
        "image": "a picture's URL; empty: by its usual names.",
        "available": "whether it can be had; empty: by its usual names, else it can.",
    },
)

with DAG(
    LOAD_PRODUCTS,
    description="Any team's catalogue into MongoDB, every row accounted for",
    doc_md=__doc__,
    **by_day(settings().load_products_source),
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
            return planning.plan(planning.PRODUCTS, params, dag_run.dag_id, dag_run.run_id, *days)

    @task
    def report(run: str, dag_run) -> dict:  # type: ignore[no-untyped-def] # Airflow gives the second
        """Log what was read, stored, dropped and why, and write the run's manifest; returns the counts."""
        from tidemark.sources import storing

        counts = storing.log_report(run)
        storing.write_manifest(run, dag_run.dag_id, dag_run.run_id)
        return counts

    @task(trigger_rule="all_done", outlets=[PRODUCTS])
    def tell() -> None:
        """Ask for a model that shows what was loaded, where there is something to learn from."""
        from tidemark.sources import storing

        if not storing.are_there_interactions():
            raise AirflowSkipException("no interactions are stored yet: a model follows when some are loaded")

    folder = land()
    validate = TidemarkSparkSubmit(
        task_id="validate", job="validate_source.py", run=folder, short=True, execution_timeout=timedelta(hours=2)
    )
    load = TidemarkSparkSubmit(
        task_id="load", job="load_source.py", run=folder, short=True, execution_timeout=timedelta(hours=4)
    )
    # Both end the run: what failed before makes the report red, and the run with it.
    validate >> load >> [report(folder), tell()]
