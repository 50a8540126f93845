"""Training of a window beyond one machine: Spark brings the pairs together and fits; settings are searched on the sample."""

import logging
from typing import Any

import numpy as np
import pandas as pd
from pymongo.database import Database
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f

from tidemark.at_scale import beyond, border, user_rows
from tidemark.at_scale.border import Border
from tidemark.at_scale.user_rows import UserRows
from tidemark.contracts import gates
from tidemark.evaluation import splits
from tidemark.models import fallback, saved
from tidemark.models.interface import Recommender
from tidemark.models.recipes import Recipe
from tidemark.phases import phase
from tidemark.retraining import snapshot as snapshots
from tidemark.retraining import train
from tidemark.storage import artifacts, run_folder

Document = dict[str, Any]

log = logging.getLogger(__name__)


def profile(interactions: DataFrame, rows: UserRows, most_of_item: int) -> pd.DataFrame:
    """One row for the gate `training_interactions`: see `train.profile`."""
    weight, rating = f.col("weight"), f.col("rating")
    told = interactions.agg(
        f.count("*").alias("interactions"),
        (f.count_if(f.col("user_id").isNull()) + f.count_if(f.col("item_id").isNull())).alias("missing_ids"),
        f.count_if(f.col("timestamp").isNull()).alias("missing_times"),
        f.count_if(weight.isNull() | f.isnan(weight) | (weight < 0) | (weight == float("inf"))).alias("bad_weights"),
        f.count_if((rating < 1) | (rating > 5)).alias("bad_ratings"),
        f.sum(weight).alias("positive_weight"),
    ).first()
    assert told is not None  # noqa: S101 -- an aggregate has one row
    n_pairs = rows.told["pairs"]
    counted = {name: rows.told[name] for name in ("pairs", "users", "items")}
    shares = {
        "commonest_user_share": rows.told["most_of_user"] / n_pairs,
        "commonest_item_share": most_of_item / n_pairs,
    }
    return pd.DataFrame([told.asDict() | counted | shares])


def read(spark: SparkSession, run: str, snapshot: Document) -> UserRows:
    """The rows of the run and its sample (`run_folder.PAIRS`): made and gated by the first try, kept for every later one.

    Raises:
        NotEnoughDataError: too few users, items or pairs.
        GateError: they do not pass the gate `training_interactions`.
    """
    if artifacts.exists(f"{run}/{run_folder.PAIRS}") and (kept := user_rows.read(spark, run)):
        return kept
    gates.preload()
    with phase("reading"):
        interactions = snapshots.window(spark, snapshot)
        rows = user_rows.make(spark, run, interactions)
        counts = border.pairs(rows).groupBy("item_num").count().agg(f.max("count")).first()
    with phase("gate"):
        found = profile(interactions, rows, counts[0] if counts else 0)
        gates.check(found, "training_interactions", run_folder.docs(run, "training_interactions"))
    interactions.unpersist()
    saved.save_pairs(run, rows.sample())
    return rows


def of_run(db: Database[Document], spark: SparkSession, run: str, snapshot: Document) -> Document:
    """Split, choose settings, fit the candidate and keep what it learned of the items; gives what `train.train` gives.

    Args:
        db: the platform's database.
        spark: the session.
        run: the run folder.
        snapshot: with what was `asked`.
    """
    asked, rows = snapshot["asked"], read(spark, run, snapshot)
    told, sample = rows.told, saved.load_pairs(run)
    split = splits.split(sample, snapshot["champion_cut"])
    line = Border.of(split)
    with phase("split"):
        totals = border.totals(rows, line)
        artifacts.write_arrays(f"{run}/{run_folder.TOTALS}", **vars(totals))
    log.info(
        "%s: %s pairs to learn from, %s held out", split.why, *(f"{n.sum():,}" for n in (totals.train, totals.held))
    )
    n_items, why = len(rows.items), beyond.why_engine(asked, told["pairs"])
    left_out = beyond.left_out(n_items, told["users"], len(sample.users))
    log.info("engine spark (%s)%s", why, f"; {left_out}" if left_out else "")
    with phase("settings"):
        choice, why_settings = train.choose_settings(
            db, snapshot, "spark", split.train, told["pairs"], beyond.kinds(n_items)
        )
        recommender = beyond.carried(choice.recommender, n_items)
    with phase("fit"):
        learned = border.learned_from(rows, totals.train, split.train.timestamp, line)
        keep(f"{run}/{run_folder.CANDIDATE}", recommender, learned, rows.items)
    return {
        "engine": "spark",
        "feedback": asked["feedback"],
        "params": Recipe.of(recommender).document(),
        "settings_from": choice.settings_from,
        "search_of": snapshot["model_id"] if choice.search else choice.search_of,
        "why": {"engine": why, "settings": why_settings} | ({"left_out": left_out} if left_out else {}),
        "search": train.search_document(choice),
        "data": {
            **{name: told[name] for name in ("pairs", "users", "items")},
            "sampled_users": len(sample.users),
            "sampled_pairs": len(sample),
            "train_pairs": int(totals.train.sum()),
            "held_out_pairs": int(totals.held.sum()),
            "ratings": split.train.has_ratings and split.held.has_ratings,
            "split": split.why,
            "split_rule": split.rule,
        },
    }


def keep(path: str, recommender: Recommender, rows: border.PairRows, items: border.Array) -> None:
    """Learn from `rows`, and keep what was learned of the items."""
    saved.save_items(path, recommender, fallback.fit_rows(recommender, rows), np.asarray(items, str))
