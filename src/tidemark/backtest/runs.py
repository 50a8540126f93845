"""The steps of a backtest, each of which leaves its part in the run folder: killed anywhere, it goes on from there."""

import logging
from datetime import UTC, datetime
from typing import Any

import numpy as np
from pymongo.database import Database

from tidemark.backtest import gate_trials, measuring, origins, verdict
from tidemark.backtest.measuring import Past
from tidemark.backtest.origins import Plan
from tidemark.errors import NotEnoughDataError
from tidemark.models import saved
from tidemark.models.baselines import BASELINES
from tidemark.models.interface import Recommender
from tidemark.models.recipes import Recipe, from_document
from tidemark.registry import champion
from tidemark.retraining import grids, snapshot, train
from tidemark.storage import artifacts, mongo, run_folder

Array = np.ndarray[Any, Any]
Document = dict[str, Any]

log = logging.getLogger(__name__)

BACKTESTS = "backtests"
"""The collection."""


def begin(db: Database[Document], run: str, asked: Document) -> list[int]:
    """Fix what is backtested: the interactions, the recipe and the origins; once, whatever is stored later.

    Args:
        db: the platform's database.
        run: the run folder.
        asked: `window`, `mark`, `origins`.

    Returns:
        the numbers of the origins.

    Raises:
        NotEnoughDataError: too few interactions, or none has a time.
    """
    path = f"{run}/{run_folder.PLAN}"
    if not artifacts.exists(path):
        taken = snapshot.take(db, asked["window"]) | {"stream": None}
        pairs = train.read_pairs(run, lambda: snapshot.read_window(db, taken))
        if not pairs.has_times:
            raise NotEnoughDataError(
                "the interactions have no times: what came first is not known, so nothing can be backtested. Load a source "
                "with times"
            )
        made = origins.plan(len(pairs), asked["mark"], asked["origins"])
        recipe, of = _recipe(db)
        told = {"pairs": len(pairs), "recipe": Recipe.of(recipe).document(), "of": of, "cut": taken["cut"]}
        artifacts.write_json(path, made.document() | told)
    plan = artifacts.read_json(path)
    for sentence in plan["why"]:
        log.info("%s", sentence)
    log.info("%s origins of %s interactions, a mark of %s, %s measured after each lag; %s (%s)",
             len(plan["origins"]), f"{plan['pairs']:,}", f"{plan['mark']:,}", f"{plan['test']:,}",
             from_document(plan["recipe"]).text(), plan["of"])  # fmt: skip
    return list(range(len(plan["origins"])))


def _recipe(db: Database[Document]) -> tuple[Recommender, str]:
    """What is trained, and whose recipe it is; ALS of one machine in place of Spark's, which would take a session a fit."""
    default = grids.grid("implicit", "implicit").first[0]
    live = champion.live(db)
    if live is None:
        return default, "there is no champion"
    recommender = from_document(live["params"]).recommender()
    if recommender.name == "als_spark":
        return default, f"in place of Spark's ALS, of the champion {live['_id']}"
    return recommender, f"of the champion {live['_id']}"


def measure(run: str, origin: int) -> None:
    """Measure one origin, and keep its figures in the run folder, unless they are there."""
    path = f"{run}/{run_folder.origin(origin)}"
    if artifacts.exists(path):
        log.info("origin %s is measured already", origin)
        return
    plan = artifacts.read_json(f"{run}/{run_folder.PLAN}")
    past = Past(saved.load_pairs(run), Plan.from_document(plan))
    recommender = from_document(plan["recipe"]).recommender()
    learned = plan["origins"][origin]
    then = measuring.train(recommender, past.part(0, learned))
    lags = measuring.lags(past, learned, recommender, then)
    windows = measuring.windows(past, learned, recommender, then)
    others = [grids.grid("implicit", "implicit").first[0], *BASELINES.values()]
    trials = gate_trials.trials(past, learned, recommender, then, others)
    for lag, found in lags.items():
        means = {
            name: float(found[name].mean()) if len(found[name]) else float("nan")
            for name in (measuring.STALE, measuring.FOLDED, measuring.FRESH)
        }
        log.info("origin %s, lag %s: NDCG@10 stale %.4f, folded in %.4f, trained anew %.4f, %s users",
                 origin, lag, *means.values(), f"{len(found[measuring.STALE]):,}")  # fmt: skip
    artifacts.write_json(f"{run}/{run_folder.gate_trials(origin)}", [trial.document() for trial in trials])
    artifacts.write_arrays(path, **measuring.flat(lags, "lag"), **measuring.flat(windows, "window"))


def conclude(db: Database[Document], run: str, run_id: str) -> Document:
    """What all origins show and recommend, kept in the run folder and in the collection `backtests`."""
    plan = artifacts.read_json(f"{run}/{run_folder.PLAN}")
    found = [artifacts.read_arrays(f"{run}/{run_folder.origin(n)}") for n in range(len(plan["origins"]))]
    trials = [t for n in range(len(found)) for t in artifacts.read_json(f"{run}/{run_folder.gate_trials(n)}")]
    lags = verdict.of_lags([_nested(arrays, "lag", int) for arrays in found], plan["mark"])
    windows = verdict.of_windows([_nested(arrays, "window", float) for arrays in found])
    told = {
        "_id": run_folder.key(run_id),
        "made_at": datetime.now(UTC),
        "artifacts": run,
        "cut": plan["cut"],
        "pairs": plan["pairs"],
        "recipe": plan["recipe"],
        "of": plan["of"],
        "mark": plan["mark"],
        "test": plan["test"],
        "origins": len(plan["origins"]),
        "lags": lags,
        "windows": windows,
        "gate": verdict.of_gate(trials),
        "recommended": verdict.recommended(lags, windows),
        "notes": plan["why"],
    }
    mongo.ensure(db, BACKTESTS)
    db[BACKTESTS].replace_one({"_id": told["_id"]}, told, upsert=True)
    artifacts.write_json(f"{run}/{run_folder.BACKTEST}", told | {"made_at": told["made_at"].isoformat()})
    for sentence in told["recommended"]["why"]:
        log.info("%s", sentence)
    return told


def _nested(arrays: dict[str, Array], what: str, kind: type) -> dict[Any, dict[str, Array]]:
    """The inverse of `measuring.flat`."""
    out: dict[Any, dict[str, Array]] = {}
    for path, array in arrays.items():
        part, _, rest = path.partition("/")
        if part == what:
            key, _, name = rest.partition("/")
            out.setdefault(kind(key), {})[name] = array
    return out
