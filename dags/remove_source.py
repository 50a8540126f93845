"""
### Remove source

Removes everything of one source from MongoDB: its interactions with what is kept beside them, its products, its rejects and the
records of its loads. What models have learned of it goes with the next model, which this starts.

**When it runs.** By hand. `dry_run` (the default) counts and removes nothing: read the log of `count`, then trigger it again
without.

**What it does.** `count` says how many documents of each collection would go. `remove` removes them, in steps; killed anywhere and
cleared, it goes on. `tell` updates the asset `interactions`, which starts `retrain_recommender`.

**Names.** That of a source, as `load_interactions` and `load_products` say it in their first line; `reviews` is all that
`load_reviews` loaded. See that no load of it is at work: what it stores afterwards stays.

**When a task is red.** `count`: there is no source of that name; the message lists them. Else MongoDB does not answer:
`make status`; clear the task when it is back.
"""

from airflow.sdk import DAG, Param, task
from airflow.sdk.exceptions import AirflowSkipException
from tidemark_operators import DEFAULT_ARGS, INTERACTIONS

from tidemark.dag_ids import REMOVE_SOURCE

with DAG(
    REMOVE_SOURCE,
    description="Everything of one source, removed, or only counted",
    doc_md=__doc__,
    schedule=None,
    max_active_runs=1,
    params={
        "name": Param("", type="string", minLength=1, title="Source", description="Its name; `reviews` for Amazon's."),
        "dry_run": Param(
            True, type="boolean", title="Only count", description="Count what would go, and remove nothing."
        ),
    },
    default_args=DEFAULT_ARGS,
    tags=["tidemark", "sources"],
) as dag:

    @task
    def count(params: dict) -> dict:  # Airflow gives it
        """Count what would go; returns the counts."""
        from tidemark.sources import removing
        from tidemark.storage import mongo

        return removing.count(mongo.connect(), params["name"].strip())

    @task
    def remove(params: dict) -> dict:  # Airflow gives it
        """Remove it, unless it is only to be counted; returns what went."""
        from tidemark.sources import removing
        from tidemark.storage import mongo

        if params["dry_run"]:
            raise AirflowSkipException(
                "a dry run: nothing was removed. Trigger it again without, to remove what was counted"
            )
        return removing.remove(mongo.connect(), params["name"].strip())

    @task(outlets=[INTERACTIONS])
    def tell() -> None:
        """Update the asset: a training without the source starts."""

    count() >> remove() >> tell()
