"""
### Featurize products

Gives every product a feature vector: category, brand, price and text, by a pipeline of Spark ML. Models that Spark trains place
with them the items that nobody has taken yet; whoever wants them reads `item_features_<version>`.

**When it runs.** When products were loaded and the model that followed is live, so that nobody waits for it; or by hand. It waits
for trainings: they come first.

**What it does.** `ask` fixes what is asked for. `featurize` reads what is known of every product (what the topic `items` and the
API say lies over the files), takes the pipeline that is kept, or fits one, and stores the vectors; the pointer `features` in
`pointers` moves when all are written. `report` says what came of it.

**The same features for whatever comes later.** The fitted pipeline is kept below `features/` of the artifacts, with its version, and
used again. It is fitted anew where there is none, where its stages are of another version of Tidemark, where there are half as
many products again, and where `refit` asks for it.

| task | usual cause | what to do |
|---|---|---|
| `featurize` | MongoDB does not answer | `make status`; clear the task when it is back |
| `featurize` | the pipeline's folder is gone | trigger a run with `refit` set to `always` |
"""

from datetime import datetime, timedelta

from airflow.sdk import DAG, AssetAll, Param, get_current_context, task
from tidemark_operators import DEFAULT_ARGS, MODEL, PRODUCTS, TidemarkSparkSubmit

from tidemark.dag_ids import FEATURIZE_PRODUCTS
from tidemark.settings import settings

PARAMS = {
    "refit": Param(
        "auto",
        enum=["auto", "always", "never"],
        title="Fit the pipeline",
        description="Where it is needed (auto), now, or only where there is none.",
    ),
}

with DAG(
    FEATURIZE_PRODUCTS,
    description="A feature vector for every product, by a pipeline that is kept",
    doc_md=__doc__,
    schedule=AssetAll(PRODUCTS, MODEL),
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,
    params=PARAMS,
    default_args=DEFAULT_ARGS,
    tags=["tidemark", "sources"],
) as dag:

    @task
    def ask() -> str:
        """Fix what is asked for; returns the run folder."""
        from tidemark.retraining import snapshot
        from tidemark.storage import artifacts, run_folder

        context = get_current_context()
        run = run_folder.of(settings().artifacts_root, FEATURIZE_PRODUCTS, context["run_id"])
        version = snapshot.model_id(context["run_id"], context["dag_run"].run_after)
        artifacts.write_json(f"{run}/{run_folder.ASKED}", {"refit": context["params"]["refit"], "version": version})
        return run

    @task
    def report(run: str) -> dict:  # of counts
        """Say what came of it."""
        import logging

        from tidemark.storage import artifacts, run_folder

        outcome = artifacts.read_json(f"{run}/{run_folder.FEATURES}")
        logging.getLogger("tidemark").info("%s", outcome)
        return {name: outcome[name] for name in ("version", "products", "fitted", "why") if name in outcome}

    folder = ask()
    # Trainings share its pool, and come first.
    featurize = TidemarkSparkSubmit(
        task_id="featurize",
        job="featurize_products.py",
        run=folder,
        priority_weight=-1,
        weight_rule="absolute",
        execution_timeout=timedelta(hours=2),
    )
    featurize >> report(folder)
