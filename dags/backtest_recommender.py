"""Measure in the past how often to retrain, and on how much; recommend a mark and a window, and apply neither.

**When.** By hand, when the data has grown or changed; or before you change `TIDEMARK_RETRAIN_MARK` or `TIDEMARK_WINDOW`.

**What.** `plan` fixes the newest interactions, the champion's recipe and some moments of the past (origins). `measure` runs
once for each: it trains as of then, and measures by what users did next, right then and 1, 2, 5 and 10 marks later: the lists
of then, the same with newer interactions folded in (as the shop serves them), and those of a model trained anew; it trains on a
quarter and a half of what there was; and it asks the gate about several candidates, and the future who was right. `conclude`
takes all origins together: figures with intervals, the mark after which a loss is first shown, the shortest window whose loss
is not shown. `draw` makes charts, tables and the manifest.

**Where to look.** The charts "Quality against interactions unlearned", "How much to learn from" and "How often the gate was
right" on the run's tab; the recommendation in the log of `conclude`, on the Tidemark page, and in the collection `backtests`.

**Red?** Read the last line of the task's log.
- `plan`, too few interactions, or without times: there is nothing to go by; load more, or a source with times.
- `measure`: out of memory: run it with a smaller window. Clear the task; what was measured stays.
- Anything unreachable is tried again by itself.
"""

from datetime import datetime, timedelta
from typing import Any

from airflow.sdk import DAG, Param, get_current_context, task
from tidemark_operators import DEFAULT_ARGS, INTERACTIONS

from tidemark.dag_ids import BACKTEST_RECOMMENDER
from tidemark.settings import settings

PARAMS = {
    "window": Param(
        settings().window,
        type="integer",
        minimum=1,
        title="Window",
        description="How many of the newest interactions it goes by.",
    ),
    "mark": Param(
        settings().retrain_mark,
        type="integer",
        minimum=1,
        title="Mark",
        description="Interactions of one mark; lags of 1, 2, 5 and 10 marks are measured.",
    ),
    "origins": Param(
        3,
        type="integer",
        minimum=1,
        maximum=20,
        title="Origins",
        description="How many moments of the past are measured: more take longer and prove more.",
    ),
}

with DAG(
    BACKTEST_RECOMMENDER,
    description="How often to retrain, and on how much: measured in the past",
    doc_md=__doc__,
    schedule=None,
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,
    params=PARAMS,
    default_args=DEFAULT_ARGS,
    tags=["tidemark", "models"],
) as dag:

    def _run() -> str:
        from tidemark.storage import run_folder

        return run_folder.of(settings().artifacts_root, BACKTEST_RECOMMENDER, get_current_context()["run_id"])

    @task(inlets=[INTERACTIONS])
    def plan() -> list[int]:
        """Fix the interactions, the recipe and the origins; returns the origins' numbers."""
        from tidemark.backtest import runs
        from tidemark.storage import mongo

        return runs.begin(mongo.connect(), _run(), dict(get_current_context()["params"]))

    @task(pool="spark", execution_timeout=timedelta(hours=2))  # it takes what a Spark job would
    def measure(origin: int) -> None:
        """Train and measure as of one moment of the past."""
        from tidemark.backtest import runs

        runs.measure(_run(), origin)

    @task
    def conclude() -> dict[str, Any]:
        """Take all origins together; returns what is recommended."""
        from tidemark.backtest import runs
        from tidemark.storage import mongo

        recommended: dict[str, Any] = runs.conclude(mongo.connect(), _run(), get_current_context()["run_id"])[
            "recommended"
        ]
        return recommended

    @task
    def draw() -> dict[str, Any]:
        """Draw the charts, write the tables and the manifest; returns what they count."""
        from tidemark.charts import backtesting

        return backtesting.draw(_run(), dag=BACKTEST_RECOMMENDER, run_id=get_current_context()["run_id"])

    measure.expand(origin=plan()) >> conclude() >> draw()
