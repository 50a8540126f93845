"""Train a model, measure it beside the live one, and put it live if it is better.

**When.** A load updated the asset `interactions` or `products`; `watch_interactions` saw the lag reach the mark; or by hand,
with the params below.

**What.** `snapshot` fixes what may be learned from. `train` reads the newest interactions up to it, holds them against
the gate `training_interactions`, holds out the newest tenth (more where fewer than 200 users could be measured: a
fifth, a third, the last interaction of each user), chooses settings on a validation slice of the rest (every few
models; remembered in between) and fits a candidate. `evaluate` ranks all items for the held-out users, beside
popularity, item-kNN and the champion. `decide` compares and stores the model with its figures and reasons; below 30
measured users it concludes nothing: the champion stays, and a platform without one gets popularity. Where a person is to be
asked (`require_approval`), `approve` then waits, holding no worker, for an answer under **Required Actions**; nobody's answer
within `TIDEMARK_APPROVAL_HOURS` is a no, and who decided and why is kept with the model. `publish`
fits the same settings on everything, writes the best N unseen items of every user, holds them against the gate
`recommendations`, moves the pointer, and drops what is no longer kept. `move_bookmark` notes how far the stream has
been learned from, whatever was decided. What decides nothing follows: `measure_stars` learns stars from the same split
(RMSE and MAE), `measure_diversity` tells what more diverse lists would cost and gain, `export_graph` writes who took
what and what is recommended to whom as CSV and GraphML; `draw` draws the charts and writes the run's manifest. `report`
tells it all in a table, with where the seconds of each job went. With `engine=spark` (asked for, or a window of more than 20,000,000) the
driver has the items and a sample of the users alone: figures, stars, diversity and graph are of that sample, and the report
says what is left out.

**Skipped?** Nothing is new since the champion learned: `snapshot` says so, and `force` overrides it. `publish` and
`export_graph` alone skipped: the gate kept the champion, or promote is `never`: `decide` has the reasons; or a person said no.
`approve` skipped: nobody was to be asked.

**Red?** Read the last line of the task's log: it says what is wrong and what to do.
- `snapshot`, no interactions: run `load_reviews` first.
- `train`, too few: load more. A failed gate names what is unmet; the Data Docs are in the run folder below `docs/`.
- `publish`, a failed gate: nothing was published, the champion is as it was.
- `measure_stars`, `measure_diversity`, `export_graph`, `draw`: the new model is live all the same. Clear the task to have their files too.
- Anything unreachable is tried again by itself. Each task may be cleared and run again at any time: it continues the
  same model, and readers see the old model whole until they see the new one whole.
"""

from datetime import datetime
from typing import Any

from airflow.sdk import DAG, AssetAny, Param, get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException, DownstreamTasksSkipped
from tidemark_approval import ModelApproval
from tidemark_operators import DEFAULT_ARGS, INTERACTIONS, MODEL, PRODUCTS, TidemarkSparkSubmit

from tidemark.dag_ids import LOADS, RETRAIN_RECOMMENDER
from tidemark.settings import settings


def _choice(title: str, default: str, choices: list[str], description: str) -> Param:
    return Param(default, enum=choices, title=title, description=description)


def _number(title: str, kind: str, least: float, most: float, description: str) -> Param:
    return Param(
        None,
        type=["null", kind],
        minimum=least,
        maximum=most,
        title=title,
        description=f"{description} Empty: searched, or remembered from an earlier search.",
        section="Settings of ALS",
    )


UNFINISHED = ["null", "scheduled", "queued", "running", "deferred", "restarting", "up_for_retry", "up_for_reschedule"]
"""States of tasks that have not ended."""

PARAMS = {
    "engine": _choice(
        "Engine",
        settings().engine,
        ["auto", "implicit", "spark"],
        "ALS by the library implicit (one machine) or by Spark MLlib (a cluster); auto picks by size.",
    ),
    "feedback": _choice(
        "Feedback",
        "implicit",
        ["implicit", "explicit"],
        "Rank by what people took (implicit), or by the stars they would give (explicit; Spark only).",
    ),
    "window": Param(
        settings().window,
        type="integer",
        minimum=1,
        title="Window",
        description="How many of the newest interactions training sees.",
    ),
    "top_n": Param(
        settings().top_n,
        type="integer",
        minimum=1,
        maximum=1000,
        title="Recommendations",
        description="How many are stored for each user.",
    ),
    "diversity": Param(
        settings().diversity,
        type="number",
        minimum=0,
        maximum=1,
        title="Diversity",
        description="How unlike the items of a list are to be: 0 by score alone, 1 by unlikeness alone. Each run's chart "
        "shows what it costs and gains.",
    ),
    "new_item_share": Param(
        settings().new_item_share,
        type="number",
        minimum=0,
        maximum=0.5,
        title="Share of new items",
        description="Share of the places of each list that products which nobody has taken yet get, by their texts; none where "
        "lists with them lose on held-out interactions, or no product is described.",
    ),
    "promote": _choice(
        "Promote",
        "gate",
        ["gate", "always", "never"],
        "Put the model live if it passes the gate, whatever its figures, or not at all.",
    ),
    "require_approval": Param(
        settings().require_approval,
        type="boolean",
        title="Ask a person first",
        description="Where the gate lets a model pass, wait until a person approves it (Required Actions).",
    ),
    "force": Param(
        False, type="boolean", title="Force", description="Train even where nothing is new since the champion."
    ),
    "search": _choice(
        "Search",
        "auto",
        ["auto", "always", "never"],
        "Search for settings every few models and when the data has changed its size (auto), now, or not.",
    ),
    "factors": _number("Factors", "integer", 1, 1024, "Length of a user's and an item's vector."),
    "regularization": _number("Regularization", "number", 0, 1e6, "Keeps factors small: more of it for less data."),
    "alpha": _number("Alpha", "number", 0, 1e6, "The confidence in an interaction is 1 + alpha * weight."),
    "iterations": Param(
        None,
        type=["null", "integer"],
        minimum=1,
        maximum=500,
        title="Iterations",
        description="Rounds of alternating least squares. Empty: 15 of implicit, 10 of Spark.",
        section="Settings of ALS",
    ),
}


def _publish_decided(context: Any) -> None:
    """Skip `publish`, and what follows from it, where `decide`, or a person who was asked, decided against it."""
    decided = context["ti"].xcom_pull(task_ids="decide")
    if not decided["publish"]:
        raise AirflowSkipException(f"not published: {'; '.join(decided['reasons'])}")
    if decided.get("questions"):
        from tidemark.registry import approvals
        from tidemark.storage import mongo

        answer = context["ti"].xcom_pull(task_ids="approve")
        kept = approvals.record(mongo.connect(), decided["model"], answer)
        if not kept["approved"]:
            raise AirflowSkipException(f"not published: {approvals.text(kept)}")


with DAG(
    RETRAIN_RECOMMENDER,
    description="Train a model and put it live if it is better than the one that is",
    doc_md=__doc__,
    schedule=AssetAny(INTERACTIONS, PRODUCTS),
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,
    params=PARAMS,
    default_args=DEFAULT_ARGS,
    tags=["tidemark", "models"],
) as dag:

    @task
    def snapshot() -> str:
        """Fix what may be learned from; returns the run folder."""
        import logging

        from tidemark.retraining import snapshot as snapshots
        from tidemark.storage import mongo, run_folder
        from tidemark.stream import progress
        from tidemark.stream.bookmark import Bookmark

        context = get_current_context()
        run_id = context["run_id"]
        updated = {asset.name for asset in context.get("triggering_asset_events") or ()}
        coming = sum(context["ti"].get_ti_count(dag, task_ids=["tell"], states=UNFINISHED) for dag in LOADS if updated)
        if coming:
            raise AirflowSkipException(f"{coming:,} more loads are at work or wait: the last of them starts a training")
        asked = dict(context["params"])
        asked["force"] = asked["force"] or PRODUCTS.name in updated  # with what was loaded, whoever it recommends
        run = run_folder.of(settings().artifacts_root, RETRAIN_RECOMMENDER, run_id)
        model_id = snapshots.model_id(run_id, context["dag_run"].run_after)
        db, bookmark = mongo.connect(), Bookmark()
        stream = progress.snapshot(db, bookmark, settings().ingest_wait_seconds)
        logging.getLogger("tidemark").info("%s", stream.text())
        reason = snapshots.begin(db, run, model_id, asked, stream.document(), run_id)
        if reason:
            bookmark.commit(stream.next_offsets, topic_id=stream.topic_id)  # nothing of it is left to learn
            raise AirflowSkipException(reason)
        return run

    @task
    def decide(run: str) -> dict[str, Any]:
        """Decide from the figures, and store the model with them; where a person is to be asked, what."""
        from tidemark.retraining import approval
        from tidemark.retraining import decide as deciding
        from tidemark.storage import mongo

        context, db = get_current_context(), mongo.connect()
        decided = deciding.register(db, run)
        decided |= {"questions": approval.questions(db, decided, context["params"]["require_approval"])}
        if not decided["questions"]:  # no process is started to find out that nobody is to be asked
            context["ti"].xcom_push("return_value", decided)
            raise DownstreamTasksSkipped(tasks=["approve"])
        return decided

    @task(trigger_rule="none_failed_min_one_success")
    def move_bookmark(run: str) -> dict[str, int]:
        """Move the bookmark to exactly the snapshot: what came after it counts towards the next mark."""
        from tidemark.storage import artifacts, run_folder
        from tidemark.stream import progress
        from tidemark.stream.bookmark import Bookmark

        stream = progress.Snapshot.from_document(artifacts.read_json(f"{run}/{run_folder.SNAPSHOT}")["stream"])
        moved = Bookmark().commit(stream.next_offsets, topic_id=stream.topic_id)
        return {str(partition): offset for partition, offset in moved.items()}

    @task(retries=1)
    def measure_diversity(run: str) -> None:
        """Measure what more diverse lists would cost and gain."""
        from tidemark.retraining import diversity

        diversity.of_run(run)

    @task(trigger_rule="all_done", retries=1)  # whatever became of stars and graph, or of publishing
    def draw() -> dict[str, Any]:
        """Draw the charts, write the tables, then the manifest; returns what they count."""
        from tidemark.charts import retraining
        from tidemark.storage import artifacts, mongo, run_folder

        run_id = get_current_context()["run_id"]
        run = run_folder.of(settings().artifacts_root, RETRAIN_RECOMMENDER, run_id)
        if not artifacts.exists(f"{run}/{run_folder.EVALUATE}"):
            raise AirflowSkipException("no model was measured in this run: there is nothing to draw")
        return retraining.draw(mongo.connect(), run, dag=RETRAIN_RECOMMENDER, run_id=run_id)

    @task(trigger_rule="none_failed_min_one_success")
    def report(run: str) -> dict[str, Any]:
        """Tell what this run did."""
        import logging

        from tidemark.retraining import report
        from tidemark.storage import mongo

        figures, text = report.of_run(mongo.connect(), run)
        logging.getLogger("tidemark").info("%s", text)
        return figures

    folder = snapshot()
    train = TidemarkSparkSubmit(task_id="train", job="train.py", run=folder, inlets=[INTERACTIONS])
    evaluate = TidemarkSparkSubmit(task_id="evaluate", job="evaluate.py", run=folder)
    decided = decide(folder)
    approve = ModelApproval(task_id="approve", asked_by="decide")
    publish = TidemarkSparkSubmit(
        task_id="publish",
        job="publish.py",
        run=folder,
        pre_execute=_publish_decided,
        outlets=[MODEL],
        trigger_rule="none_failed_min_one_success",
    )
    # Short: 8 factors are little arithmetic; up to a window of a million, compiling costs more than it gives.
    measure_stars = TidemarkSparkSubmit(
        task_id="measure_stars", job="measure_stars.py", run=folder, short=True, retries=1
    )
    export_graph = TidemarkSparkSubmit(
        task_id="export_graph", job="export_graph.py", run=folder, pre_execute=_publish_decided, short=True, retries=1
    )
    followers, told = [measure_stars, measure_diversity(folder), export_graph], report(folder)
    train >> evaluate >> decided >> [approve, publish]
    approve >> publish >> move_bookmark(folder) >> followers >> draw() >> told
    followers >> told  # red, where one of them is not whole; the model is live all the same
