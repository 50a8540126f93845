"""Explore the stored reviews: a sample with proof, what all reviews are like, charts.

**When.** A load has updated the asset `reviews`; or by hand, with the params below.

**What.** `plan` fixes the sample that is asked for. `explore` draws it (the same seed draws the same reviews, however they
are stored), proves it by five tests against all reviews (chi-square of the ratings, mean and spread of the rating,
Kolmogorov-Smirnov of the activity of users and of items; Holm over the five, alpha 0.01), counts all reviews by rating, length, time,
verification, user, item and missing field, and scores the sentiment of the sample. Of the ten most and the ten least reviewed
products it shows how they sound and, where a price is known, price x reviews (USD): a proxy for revenue and no more, for reviews
are not sales. Most products have no price: how many is said beside it. `draw` makes the charts, the tables and the manifest.

**Without products** everything but titles and prices is there, and the charts say that no price is known: give `load_reviews` the
products' file and run this again.

**Where to look.** In the run folder: `charts/`, `tables/`, the sample's rows in `data/sample/` (Parquet), all figures in
`explore.json`. The sample is noted with its seed and its proof in the collection `samples`. The log of `explore` has the five tests.

**The sample fails its proof?** The run is green: that is a finding, shown on the first chart. An honest sample fails one time
in a hundred: run it again with another seed. If it fails again, `_id`s were not given as `load_reviews` gives them, or reviews
were changed while it ran; do not build on the sample.

**Red?** Read the last line of the task's log.
- `plan`, no reviews: run `load_reviews` first. A sample that cannot be drawn: mend the params.
- `explore`, too small a sample: ask for more rows or a larger fraction. Out of memory: raise `TIDEMARK_EXPLORE_MEMORY`.
- `draw` reads only `explore.json`: clear it when the cause is mended.
- Anything unreachable is tried again by itself. Each task may be cleared and run again: it draws the same sample.
"""

from datetime import datetime, timedelta
from typing import Any

from airflow.sdk import DAG, Param, get_current_context, task
from tidemark_operators import DEFAULT_ARGS, REVIEWS, TidemarkSparkSubmit

from tidemark.dag_ids import EXPLORE_REVIEWS
from tidemark.settings import settings

PARAMS = {
    "rows": Param(
        settings().sample_rows,
        type="integer",
        minimum=30,
        title="Rows of the sample",
        description="How many reviews are sampled, and have their sentiment scored (about 5,000 a second).",
    ),
    "fraction": Param(
        None,
        type=["null", "number"],
        exclusiveMinimum=0,
        maximum=1,
        title="Fraction, in place of rows",
        description="Sample this share of all reviews, more than 0 and at most 1; empty: as many as rows says.",
    ),
    "seed": Param(
        42,
        type="integer",
        minimum=0,
        maximum=2**53,
        title="Seed",
        description="The same seed draws the same reviews; another one draws others.",
    ),
}

with DAG(
    EXPLORE_REVIEWS,
    description="A sample of the reviews with proof, and what the reviews are like, in charts",
    doc_md=__doc__,
    schedule=[REVIEWS],
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,
    params=PARAMS,
    default_args=DEFAULT_ARGS,
    tags=["tidemark", "reviews"],
) as dag:

    @task
    def plan() -> str:
        """Fix what sample is asked for; returns the run folder."""
        from tidemark.exploration import sampling
        from tidemark.storage import mongo, run_folder

        context = get_current_context()
        run = run_folder.of(settings().artifacts_root, EXPLORE_REVIEWS, context["run_id"])
        return sampling.begin(mongo.connect(), dict(context["params"]), run)

    @task
    def draw(run: str) -> dict[str, Any]:
        """Draw the charts, write the tables and the manifest; returns the counts and the verdict."""
        from tidemark.charts import exploration

        return exploration.draw(run, EXPLORE_REVIEWS, get_current_context()["run_id"])

    folder = plan()
    explore = TidemarkSparkSubmit(
        task_id="explore",
        job="explore_reviews.py",
        run=folder,
        short=True,
        driver_memory=settings().explore_memory,
        execution_timeout=timedelta(hours=2),
        inlets=[REVIEWS],
    )
    explore >> draw(folder)
