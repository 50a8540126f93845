"""Storing: one load of a source, from landed files to documents: validate (read, judge, stage), then store, then its report.

Between the two stands Parquet below the landing folder: what a person reads in the counts is what is stored.
"""

import logging
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from tidemark.contracts import schemas
from tidemark.landing import counts as counting
from tidemark.phases import phase
from tidemark.settings import settings
from tidemark.sources import time_units
from tidemark.sources.planning import INTERACTIONS, NO_TIMES, PRODUCTS, Plan, rules_of_interactions, rules_of_products
from tidemark.storage import artifacts, manifests, run_folder

if TYPE_CHECKING:
    from pymongo.database import Database
    from pyspark.sql import DataFrame, SparkSession

log = logging.getLogger(__name__)

GATES = {"interactions": "landed_interactions", "products": "landed_products"}
RECORDS = {"interactions": "interaction", "products": "product"}
"""The contract of what each kind of source is stored as."""


def validate(spark: "SparkSession", plan: Plan, docs_folder: str) -> dict[str, Any]:
    """Read and judge every record, stage the result, and hold the whole against its gate.

    Args:
        spark: a session with `reading.OPTIONS`.
        plan: what is loaded.
        docs_folder: where the Data Docs of the gate go.

    Returns:
        counts, the profile that the gate judged, and `gate`.

    Raises:
        GateError: the data set is not fit to load.
    """
    import pandas as pd

    from tidemark.contracts import gates
    from tidemark.landing import rows

    gates.preload()
    with phase("rows"):
        staged, duplicates = _stage(spark, plan)
        stored = rows.good(staged, duplicates)
        profile = _profile_interactions(stored) if plan.kind == INTERACTIONS else _profile_products(stored)
        counts = counting.of_staged(staged, duplicates, profile["stored"]) | profile
        counts |= counting.shares(counts)
    for line in text(plan, counts).splitlines():
        log.info(line)
    profiled = pd.DataFrame([{k: v for k, v in counts.items() if k != "rejected_by_reason"}])
    with phase("gate"):
        gate = gates.check(profiled, GATES[plan.kind], docs_folder)
    return {"counts": counts, "gate": gate}


def _stage(spark: "SparkSession", plan: Plan) -> "tuple[DataFrame, DataFrame]":
    """Read and judge the records into the staged folder; gives the rows and the duplicates' numbers."""
    from pyspark.sql import functions as f
    from pyspark.sql import types as t

    from tidemark.landing import rows
    from tidemark.sources import interaction_rows, product_rows, reading, records

    decode = records.decoder(plan.landed.format)
    ordered = plan.unit == time_units.NONE
    if plan.kind == INTERACTIONS:
        make = interaction_rows.maker(rules_of_interactions(plan, settings()))
        extra = {"event_type": t.StringType(), "extra": t.StringType()}
    else:
        make, extra = product_rows.maker(rules_of_products(plan)), {}

    def judge(line: bytes, place: int) -> rows.Judged:
        record, differences = decode(line)
        return ({}, differences) if record is None else make(record, place)

    frame = reading.records(spark, plan.landed, spark.sparkContext.defaultParallelism, ordered=ordered)
    rows.stage(frame, judge, RECORDS[plan.kind], extra).write.mode("overwrite").parquet(f"{plan.staged}/rows")
    staged = spark.read.parquet(f"{plan.staged}/rows")
    order = [f.desc("line_length")] if plan.kind == PRODUCTS else []
    rows.duplicates(staged, order).coalesce(1).write.mode("overwrite").parquet(f"{plan.staged}/duplicates")
    return staged, spark.read.parquet(f"{plan.staged}/duplicates")


def _profile_interactions(stored: "DataFrame") -> dict[str, Any]:
    """What the interactions are like as a set."""
    from pyspark.sql import functions as f

    whole = stored.agg(
        f.count("*").alias("stored"),
        f.approx_count_distinct("user_id", 0.02).alias("users"),
        f.approx_count_distinct("item_id", 0.02).alias("items"),
        f.min("timestamp").alias("first"),
        f.max("timestamp").alias("last"),
        f.avg("rating").alias("mean_rating"),
        f.sum("weight").alias("weight"),
        f.count("extra").alias("details"),
    ).first()
    assert whole is not None  # noqa: S101 -- an aggregate of everything is one row
    n = whole["stored"]
    return {
        "stored": n,
        "users": whole["users"],
        "items": whole["items"],
        "days": (whole["last"].date() - whole["first"].date()).days + 1 if n else 0,
        "first": whole["first"].date().isoformat() if n else "",
        "last": whole["last"].date().isoformat() if n else "",
        "mean_rating": round(whole["mean_rating"], 4) if whole["mean_rating"] is not None else None,
        "weight": float(whole["weight"] or 0),
        "details": whole["details"],
    }


def _profile_products(stored: "DataFrame") -> dict[str, Any]:
    """What the products are like as a set."""
    from pyspark.sql import functions as f

    whole = stored.agg(
        f.count("*").alias("stored"),
        f.count_if(f.col("title") != "").alias("titled"),
        f.count_if(f.col("price").isNotNull()).alias("priced"),
        f.count_if(~f.col("available")).alias("unavailable"),
    ).first()
    assert whole is not None  # noqa: S101 -- an aggregate of everything is one row
    counts = {name: int(whole[name]) for name in ("stored", "titled", "priced", "unavailable")}
    return counts | {"untitled_share": 1 - counts["titled"] / max(counts["stored"], 1)}


def store(
    spark: "SparkSession", db: "Database[dict[str, Any]]", plan: Plan, validated: dict[str, Any]
) -> dict[str, Any]:
    """Upsert what was staged, and then the record of the load, which is there only where all of it is whole.

    Returns:
        the counts of `validated`, `load` (its id), and how many were left out: of interactions `erased` and `deleted`, for their
        users were erased, or deleted them; of products `older`, for a newer day's are stored.
    """
    from tidemark.landing import erased_users, load_records, newest_day, rows
    from tidemark.storage import mongo, tombstones

    counts = validated["counts"]
    for name in (plan.kind, "interaction_details", "rejects", "loads"):
        mongo.ensure(db, name)
    staged = spark.read.parquet(f"{plan.staged}/rows")
    good, gone = rows.good(staged, spark.read.parquet(f"{plan.staged}/duplicates")), tombstones.read(db)
    everything = good
    left_out = {"erased": 0, "deleted": 0, "older": 0}
    erased: list[str] = []
    writes: list[tuple[str, DataFrame]] = []
    if plan.kind == INTERACTIONS:
        erased = gone.among(good)
        good, left_out["erased"] = erased_users.without(good, erased)
        good, left_out["deleted"] = erased_users.without_keys(good, gone.interactions)
        if counts["details"]:
            detailed = good.where("extra IS NOT NULL")
            writes.append(("interaction_details", detailed.select(*schemas.fields("interaction_detail"))))
    else:
        good = newest_day.of_products(spark, good, plan.until)
        if plan.until:
            left_out["older"] = counts["stored"] - good.count()
    writes.append((plan.kind, good.select(*schemas.fields(RECORDS[plan.kind]))))
    if counts["rejected"]:
        rejects = rows.rejects(staged, RECORDS[plan.kind], plan.load_id)
        writes.append(("rejects", rejects.select(*schemas.fields("reject"))))
    with ThreadPoolExecutor(2) as side:
        for done in [side.submit(mongo.write, frame, name) for name, frame in writes]:
            done.result()
    now_gone = tombstones.read(db)
    if plan.kind == INTERACTIONS:
        theirs = erased if now_gone == gone else now_gone.among(everything)
        erased_users.forget(db, plan.load_id, RECORDS[plan.kind], theirs, now_gone)
    load_records.keep(db, plan.load_id, plan.staged, _record(plan, counts) | left_out)
    return {"load": plan.load_id, "counts": counts, **left_out}


def _record(plan: Plan, counts: dict[str, Any]) -> dict[str, Any]:
    """The load's own record."""
    return {
        "kind": plan.kind,
        "name": plan.name,
        "source": plan.landed.source,
        "preset": plan.preset,
        "columns": [{"role": role, "column": column, "why": plan.why[role]} for role, column in plan.columns.items()],
        "unit": plan.unit,
        "scale": plan.scale,
        "until": plan.until,
        "counts": counting.flat(counts),
    }


def text(plan: Plan, counts: dict[str, Any]) -> str:
    """What was read, kept, dropped and why, as lines for a person."""
    lines = [f"{plan.kind} of the source {plan.name}, from {plan.landed.source}", *counting.lines(counts)]
    if plan.kind == INTERACTIONS:
        lines += [f"  {name:<12}{counts[name]:>14,}" for name in ("users", "items")]
        lines.append(
            f"  {NO_TIMES}" if plan.unit == time_units.NONE else f"  from {counts['first']} to {counts['last']}"
        )
        if counts["mean_rating"] is not None:
            lines.append(f"  mean rating {counts['mean_rating']:.2f} stars")
    else:
        lines += [f"  {name:<12}{counts[name]:>14,}" for name in ("titled", "priced", "unavailable")]
    return "\n".join(lines)


def are_there_interactions() -> bool:
    """Whether anything is stored that a model could learn from."""
    from tidemark.storage import mongo

    db = mongo.connect()
    try:
        return db["interactions"].find_one({}, {"_id": 1}) is not None
    finally:
        db.client.close()


def log_report(run: str) -> dict[str, Any]:
    """Log the report of a finished load; returns its counts (small: no data)."""
    plan, outcome = Plan.read(run), artifacts.read_json(f"{run}/{run_folder.LOAD}")
    for line in [*plan.said, *text(plan, outcome["counts"]).splitlines()]:
        log.info(line)
    for why, words in (
        ("erased", "interactions of users who were erased"),
        ("deleted", "interactions that their users deleted"),
        ("older", "products of which a newer day tells"),
    ):
        if outcome[why]:
            log.info("left out: %s %s", f"{outcome[why]:,}", words)
    return {"load": outcome["load"], "source": plan.name} | {n: outcome["counts"][n] for n in counting.NAMES}


def write_manifest(run: str, dag_id: str, run_id: str) -> None:
    """Write the manifest of a finished load: how it was read, its counts, its gate, its Data Docs."""
    plan, outcome = Plan.read(run), artifacts.read_json(f"{run}/{run_folder.LOAD}")
    manifests.write(
        run,
        dag=dag_id,
        run_id=run_id,
        title=f"{plan.kind.capitalize()} of the source {plan.name}, from {plan.landed.source}",
        counts={name: outcome["counts"][name] for name in counting.NAMES},
        verdicts={GATES[plan.kind]: "passes"},  # what fails it never comes here
        titles={f"docs/{GATES[plan.kind]}/index.html": f"Gate {GATES[plan.kind]}"},
    )
