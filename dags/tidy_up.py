"""
### Tidy up

Removes what nobody needs any more, and says what that was and what it freed.

**When it runs.** Every day, or by hand. With `dry_run` it only says what would go.

**What it does.** `tidy` drops the recommendations of models that are not kept (`TIDEMARK_KEPT_MODELS` and the live one
and the one before it stay), the run folders beyond the newest `TIDEMARK_KEPT_RUNS` of each DAG (never one that a kept
model came from: rolling back and the next comparison need it), what ended loads landed and staged, and files that were
begun more than a day ago and never finished. Models keep their figures in the registry. Nothing younger than a day goes,
so nothing that is running is disturbed. Killed and run again, it goes on.

**When it is red.** Its log says which server did not answer; it is tried again by itself. What could not be removed is
named in the log and tried again the next day.
"""

from datetime import datetime

from airflow.sdk import DAG, Param, task
from tidemark_operators import DEFAULT_ARGS

from tidemark.dag_ids import TIDY_UP

PARAMS = {
    "dry_run": Param(
        False, type="boolean", title="Only tell", description="Say what would be removed, and remove nothing."
    ),
}

with DAG(
    TIDY_UP,
    description="Remove what nobody needs any more: old models' recommendations, run folders, staging",
    doc_md=__doc__,
    schedule="@daily",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,
    params=PARAMS,
    default_args=DEFAULT_ARGS,
    tags=["tidemark"],
) as dag:

    @task
    def tidy(params: dict, dag_run) -> dict:  # type: ignore[no-untyped-def] # Airflow gives both
        """Remove, log what went, keep the list in the run folder; returns the counts."""
        import logging

        from tidemark.operations import tidying
        from tidemark.settings import settings
        from tidemark.storage import artifacts, manifests, mongo, run_folder

        config = settings()
        done = tidying.tidy(
            mongo.connect(),
            artifacts_root=config.artifacts_root,
            landing_root=config.landing_root,
            kept_models=config.kept_models,
            kept_runs=config.kept_runs,
            dry=params["dry_run"],
        )
        for line in done.text().splitlines():
            logging.getLogger("tidemark").info("%s", line)
        run = run_folder.of(config.artifacts_root, dag_run.dag_id, dag_run.run_id)
        artifacts.write_json(f"{run}/{run_folder.TIDIED}", done.document())
        counts = {kind: len(names) for kind, names in done.gone.items()} | {"freed bytes": done.freed}
        title = f"{'Would free' if done.dry else 'Freed'} {done.freed / 1e6:,.1f} MB"
        manifests.write(run, dag=dag_run.dag_id, run_id=dag_run.run_id, title=title, counts=counts)
        return counts

    tidy()
