"""Make a kept model the live one again: no retraining, within seconds.

**When.** By hand, when the live model turns out bad. Param `model`: a model_id of the registry; empty: the newest kept
model that is older than the live one. Run again, it goes one further back.

**What.** `move_pointer` makes that model the champion by one write; readers see it whole at once. `verify` counts its
recommendations. The next retraining compares its candidate with this champion.

**Red?** `move_pointer` lists the models that are kept, where the one that was asked for is not. `verify` found
recommendations missing: roll back to another kept model.
"""

from datetime import datetime
from typing import Any

from airflow.sdk import DAG, Param, get_current_context, task
from tidemark_operators import DEFAULT_ARGS, MODEL

from tidemark.dag_ids import ROLL_BACK_MODEL

with DAG(
    ROLL_BACK_MODEL,
    description="Make a kept model the live one again",
    doc_md=__doc__,
    schedule=None,
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,
    params={
        "model": Param(
            None,
            type=["null", "string"],
            title="Model",
            description="Its model_id. Empty: the newest kept one that is older than the live model.",
        )
    },
    default_args=DEFAULT_ARGS,
    tags=["tidemark", "models"],
) as dag:

    @task(outlets=[MODEL])
    def move_pointer() -> dict[str, str]:
        """Move the pointer; returns the model before and after."""
        import logging

        from tidemark.registry import champion
        from tidemark.storage import mongo

        context = get_current_context()
        before, after = champion.roll_back(mongo.connect(), context["params"]["model"] or None, context["run_id"])
        logging.getLogger("tidemark").info("rolled back from model %s to %s", before, after)
        return {"before": before, "after": after}

    @task
    def verify(moved: dict[str, str]) -> dict[str, Any]:
        """Hold the live model against the registry, and write the run's manifest."""
        import logging

        from tidemark.registry import champion
        from tidemark.settings import settings
        from tidemark.storage import manifests, mongo, run_folder

        run_id = get_current_context()["run_id"]
        live = champion.verify(mongo.connect())
        manifests.write(
            run_folder.of(settings().artifacts_root, ROLL_BACK_MODEL, run_id),
            dag=ROLL_BACK_MODEL,
            run_id=run_id,
            title=f"Rolled back from model {moved['before']} to {moved['after']}",
            model_id=live["model_id"],
            counts={"users served": live["users_served"]},
        )
        logging.getLogger("tidemark").info(
            "model %s is live for %s users", live["model_id"], f"{live['users_served']:,}"
        )
        return live | {"before": moved["before"]}

    verify(move_pointer())
