"""One load, from landed files to documents: validate (parse, clean, judge, stage), then load (upsert), then its report.

Between the two stands Parquet below the landing folder: what a person reads in the counts is what is upserted.
"""

import logging
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from tidemark.contracts import schemas
from tidemark.landing import counts as counting
from tidemark.landing import dated
from tidemark.phases import phase
from tidemark.reviews import builtin, by_name, releases
from tidemark.reviews.releases import Source
from tidemark.settings import settings
from tidemark.storage import artifacts, manifests, run_folder

if TYPE_CHECKING:
    from pymongo.database import Database
    from pyspark.sql import DataFrame, SparkSession

log = logging.getLogger(__name__)

BUILTIN = "builtin"
"""The source that is generated (`tidemark.reviews.builtin`)."""

SESSION = {
    "spark.sql.execution.arrow.maxBytesPerBatch": "64m",  # 10,000 texts of 1 MB would not fit
    "spark.sql.parquet.compression.codec": "zstd",
}
"""Settings of the sessions that validate and load."""


@dataclass(frozen=True)
class Plan:
    """What one run loads: landed reviews, perhaps products, where they are staged, and `until` when its day is (as
    `sources.planning.Plan` has it)."""

    reviews: Source
    products: Source | None
    staged: str
    until: str = ""

    @property
    def load_id(self) -> str:
        """Names the load by its contents: the same files, wherever they are and however often, are the same load."""
        parts = [self.reviews.release, self.reviews.fingerprint]
        parts += [self.products.release, self.products.fingerprint] if self.products else []
        return sha256(":".join(parts).encode()).hexdigest()[:32]

    def write(self, run: str) -> None:
        """Keep it as `<run>/land.json`."""
        products = self.products.document() if self.products else None
        value = {"load": self.load_id, "reviews": self.reviews.document(), "products": products}
        value |= {"staged": self.staged, "until": self.until}
        artifacts.write_json(f"{run}/{run_folder.LAND}", value)

    @classmethod
    def read(cls, run: str) -> "Plan":
        """From `<run>/land.json`."""
        value = artifacts.read_json(f"{run}/{run_folder.LAND}")
        products = Source.from_document(value["products"]) if value["products"] else None
        return cls(Source.from_document(value["reviews"]), products, value["staged"], value.get("until", ""))


def land(
    params: Mapping[str, Any],
    dag_id: str,
    run_id: str,
    start: datetime | None = None,
    end: datetime | None = None,
) -> str:
    """Land what the parameters of `load_reviews` name.

    Args:
        params: `source`, `products`, `release`; for the source `builtin` also `builtin_reviews`, `builtin_users`,
            `builtin_items` and `seed`.
        dag_id: the DAG that runs.
        run_id: its run.
        start, end: the run's data interval, for placeholders in the sources (`dated`); None where it has none.

    Returns:
        The run folder, with `land.json` in it.

    Raises:
        BadInputError: nothing is there, or it cannot be loaded as it is.
        UnreachableError: the object store did not answer.
    """
    config = settings()
    run = run_folder.of(config.artifacts_root, dag_id, run_id)
    staged = run_folder.of(config.landing_root, dag_id, run_id)
    named = params["source"].strip(), (params["products"] or "").strip()
    source, listed = (dated.fill(name, start, end) for name in named)
    if source == BUILTIN:
        size = builtin.Size(params["builtin_reviews"], params["builtin_users"], params["builtin_items"])
        source, own = builtin.write(size, params["seed"], f"{config.landing_root}/builtin")
        listed = listed or own
    release = params["release"]
    if by_name.is_name(source):
        kept = by_name.fetch(source, config, products=not listed)
        source, listed, release = kept.reviews, listed or kept.products, by_name.RELEASE
    products = releases.land(listed, "products", "auto", f"{staged}/landed", config) if listed else None
    reviews = releases.land(source, "reviews", release, f"{staged}/landed", config)
    plan = Plan(reviews, products, staged, dated.end_of(params["source"], end))
    plan.write(run)
    for kind, landed in (("reviews", plan.reviews), ("products", plan.products)):
        if landed:
            size_mb = sum(file.bytes for file in landed.files) / 1e6
            lines = sum(file.lines for file in landed.files)
            log.info(
                "%s: %s, release %s: %d file(s), %.1f MB, %s lines",
                kind, landed.source, landed.release, len(landed.files), size_mb, f"{lines:,}",
            )  # fmt: skip
    return run


def log_report(run: str) -> dict[str, Any]:
    """Log the report of a finished load; returns its counts (small: no data).

    Args:
        run: the run folder.
    """
    plan, outcome = Plan.read(run), artifacts.read_json(f"{run}/{run_folder.LOAD}")
    for line in text(plan, outcome).splitlines():
        log.info(line)
    counts: dict[str, Any] = {"load": outcome["load"], "release": plan.reviews.release}
    for kind in ("reviews", "products"):
        of_kind = outcome[kind] or {}
        told = (*counting.NAMES, "junk_prices")
        counts[kind] = {name: of_kind[name] for name in told if name in of_kind}
    return counts | {"interactions": outcome["interactions"]}


def write_manifest(run: str, dag_id: str, run_id: str) -> None:
    """Write the manifest of a finished load: its counts, its gate, its Data Docs."""
    plan, outcome = Plan.read(run), artifacts.read_json(f"{run}/{run_folder.LOAD}")
    counts = {
        f"{kind} {name}": outcome[kind][name]
        for kind in ("reviews", "products")
        if outcome[kind]
        for name in counting.NAMES
    }
    manifests.write(
        run,
        dag=dag_id,
        run_id=run_id,
        title=f"Reviews from {plan.reviews.source}, release {plan.reviews.release}",
        counts=counts | {"interactions": outcome["interactions"]},
        verdicts={"landed_reviews": "passes"},  # the gate: what fails it never comes here
        titles={"docs/landed_reviews/index.html": "Gate landed_reviews"},
    )


def _stage(spark: "SparkSession", source: Source, kind: str, folder: str) -> "tuple[DataFrame, DataFrame]":
    """Read, judge and clean the files of `source` into `folder`; gives the staged rows and the duplicates' numbers."""
    from tidemark.landing import rows
    from tidemark.reviews import products, reviews

    module = reviews if kind == "review" else products
    lines = rows.lines(spark, source.paths, spark.sparkContext.defaultParallelism)
    module.stage(lines, source.release).write.mode("overwrite").parquet(f"{folder}/{kind}s")
    staged = spark.read.parquet(f"{folder}/{kind}s")
    module.duplicates(staged).coalesce(1).write.mode("overwrite").parquet(f"{folder}/{kind}_duplicates")
    return staged, spark.read.parquet(f"{folder}/{kind}_duplicates")


def validate(spark: "SparkSession", plan: Plan, docs_folder: str) -> dict[str, Any]:
    """Parse, clean and judge every row, stage the result, and hold the whole against the gate `landed_reviews`.

    Returns:
        `reviews` (counts and profile), `products` (counts; None where none were given) and `gate`.

    Raises:
        GateError: the data set is not fit to load.
    """
    import pandas as pd

    from tidemark.contracts import gates

    gates.preload()
    with phase("rows"), ThreadPoolExecutor() as side:  # small jobs leave a core idle while they are planned
        of_products = side.submit(_validate_products, spark, plan) if plan.products else None
        counts = _validate_reviews(spark, plan)
        product_counts = of_products.result() if of_products else None
    for line in text(plan, {"reviews": counts, "products": product_counts}).splitlines():
        log.info(line)
    profiled = pd.DataFrame([{k: v for k, v in counts.items() if k != "rejected_by_reason"}])
    with phase("gate"):
        gate = gates.check(profiled, "landed_reviews", docs_folder)
    return {"reviews": counts, "products": product_counts, "gate": gate}


def _validate_reviews(spark: "SparkSession", plan: Plan) -> dict[str, Any]:
    from tidemark.landing import rows
    from tidemark.reviews import reviews

    staged, duplicates = _stage(spark, plan.reviews, "review", plan.staged)
    profile = reviews.profile(rows.stored(staged, duplicates, "review"))
    counted = counting.of_staged(staged, duplicates, profile["stored"])
    return counted | profile | counting.shares(counted)


def _validate_products(spark: "SparkSession", plan: Plan) -> dict[str, Any]:
    from tidemark.landing import rows

    assert plan.products is not None  # noqa: S101 -- asked by the caller
    staged, duplicates = _stage(spark, plan.products, "product", plan.staged)
    stored = rows.stored(staged, duplicates, "product").count()
    return counting.of_staged(staged, duplicates, stored) | {"junk_prices": staged.where("junk_price").count()}


def load(
    spark: "SparkSession", db: "Database[dict[str, Any]]", plan: Plan, validated: dict[str, Any]
) -> dict[str, Any]:
    """Upsert what was staged: reviews, interactions, products and rejects, two collections at a time; then the record of
    the load itself, which is there only where all of them are whole.

    Returns:
        `validated`'s counts, `interactions`, `erased` (reviews that were left out, for their users were erased), `deleted`
        (those that were left out, for their users deleted them), and `load` (its id).
    """
    from tidemark.interactions import from_reviews
    from tidemark.landing import erased_users, load_records, newest_day, rows
    from tidemark.storage import mongo, tombstones

    for name in ("reviews", "rejects", "products", "interactions", "loads"):
        mongo.ensure(db, name)
    landed = {kind: _staged(spark, plan, kind) for kind in ("review", *(["product"] if plan.products else []))}
    reviews, gone = rows.stored(*landed["review"], "review"), tombstones.read(db)
    erased = gone.among(reviews)
    of_others, left_out = erased_users.without(reviews, erased)
    kept, deleted = erased_users.without_keys(of_others, erased_users.deleted_reviews(gone))
    n = validated["reviews"]["stored"] - left_out - deleted
    writes = [("reviews", kept, n), ("interactions", from_reviews.from_reviews(kept), n)]
    if plan.products:
        products = newest_day.of_products(spark, rows.stored(*landed["product"], "product"), plan.until)
        writes.append(("products", products, validated["products"]["stored"]))
    for kind, (staged, _) in landed.items():
        rejected = validated[f"{kind}s"]["rejected"]
        if rejected:
            rejects = rows.rejects(staged, kind, plan.load_id)
            writes.append(("rejects", rejects.select(*schemas.fields("reject")), rejected))

    def write(name: str, frame: "DataFrame", stored: int) -> None:
        mongo.write(frame, name)
        log.info("%s: %s rows stored", name, f"{stored:,}")

    # Two at a time: the server has an idle core while one collection's batch is sent.
    with ThreadPoolExecutor(2) as side:
        for done in [side.submit(write, *each) for each in writes]:
            done.result()
    now_gone = tombstones.read(db)
    theirs = erased if now_gone == gone else now_gone.among(reviews)
    erased_users.forget(db, plan.load_id, "review", theirs, now_gone)
    outcome = {
        "load": plan.load_id,
        "reviews": validated["reviews"],
        "products": validated["products"],
        "interactions": n,
        "erased": left_out,
        "deleted": deleted,
    }
    of_products = (
        {"source": plan.products.source, "counts": counting.flat(outcome["products"])} if plan.products else None
    )
    record = {
        "kind": "reviews",
        "name": load_records.REVIEWS,
        "source": plan.reviews.source,
        "release": plan.reviews.release,
        "until": plan.until,
        "counts": counting.flat(outcome["reviews"]),
        "products": of_products,
        "interactions": outcome["interactions"],
        "erased": left_out,
        "deleted": deleted,
    }
    load_records.keep(db, plan.load_id, plan.staged, record)
    return outcome


def _staged(spark: "SparkSession", plan: Plan, kind: str) -> "tuple[DataFrame, DataFrame]":
    return (
        spark.read.parquet(f"{plan.staged}/{kind}s"),
        spark.read.parquet(f"{plan.staged}/{kind}_duplicates"),
    )


def text(plan: Plan, outcome: dict[str, Any]) -> str:
    """What was read, kept, dropped and why, as lines for a person."""
    lines = []
    for kind, source in (("reviews", plan.reviews), ("products", plan.products)):
        counts = outcome[kind]
        if source is None or counts is None:
            continue
        lines.append(f"{kind} from {source.source}: {len(source.files)} file(s), release {source.release}")
        lines += counting.lines(counts)
        if "junk_prices" in counts:
            lines.append(f"  {'junk prices':<12}{counts['junk_prices']:>14,}  (stored without a price)")
        if "users" in counts:
            lines += [f"  {name:<12}{counts[name]:>14,}" for name in ("users", "items", "pairs")]
            lines.append(f"  from {counts['first']} to {counts['last']}, mean rating {counts['mean_rating']:.2f}")
    if "interactions" in outcome:
        lines.append(f"interactions: {outcome['interactions']:,}")
    if outcome.get("erased"):
        lines.append(f"left out: {outcome['erased']:,} reviews of users who were erased")
    if outcome.get("deleted"):
        lines.append(f"left out: {outcome['deleted']:,} reviews that their users deleted")
    return "\n".join(lines)
