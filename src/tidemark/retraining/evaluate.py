"""Assessment: a candidate, the baselines and the champion, on the same held-out interactions of the same users."""

import logging
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import permutations
from typing import Any

import numpy as np
from pymongo.database import Database

from tidemark.evaluation import disparity, promotion, ranking_metrics
from tidemark.models.interface import Fitted, recommend
from tidemark.models.item_knn import ItemKnn
from tidemark.models.popularity import RECENT_SHARE, Popularity
from tidemark.models.recipes import from_document
from tidemark.registry import entries
from tidemark.retraining import train as training
from tidemark.retraining.train import Split
from tidemark.storage import artifacts

Array = np.ndarray[Any, Any]
Document = dict[str, Any]

log = logging.getLogger(__name__)


def assess(run: str, split: Split, params: Document, champion: Document | None) -> Document:
    """Figures of every model, for the decision and the registry.

    Args:
        run: the run folder, with `candidate.npz`.
        split: both sides, and how the champion is compared.
        params: the candidate's recipe, as stored.
        champion: its model document; None where there is none.

    Returns:
        `metrics` (see `evaluation.rank_metrics`), `ndcg_at_10` of each model, `leads[a][b]` (see `promotion.Lead`) of
        those that a decision weighs, `compared_with`, `measured_users`, `cold_users`, and for the charts `by_activity`
        and `spread` (see `disparity`).

    Raises:
        NotEnoughDataError: no user is on both sides of the split.
    """
    train, held = split.train, split.held
    users = ranking_metrics.measurable_users(train, held)
    known = train.item_counts > 0

    def lists(fitted: Fitted, items: Array = known) -> Array:
        return recommend(fitted, users, ranking_metrics.LIST_LENGTH, train.weights, items)[0]

    ranked = {
        "candidate": lists(training.load_model(f"{run}/candidate.npz", train)[0]),
        "popularity": lists(Popularity().fit(train)),
        "popularity_recent": lists(Popularity(RECENT_SHARE).fit(train)),
        "item_knn": lists(ItemKnn().fit(train)),
    }
    compared_with = None
    if champion and split.compare:
        compared_with = split.compare
        path = f"{champion['artifacts']}/model.npz"
        if compared_with == "champion" and not artifacts.exists(path):
            log.warning("the champion's factors are gone (%s): its recipe is compared instead", path)
            compared_with = "recipe"
        if compared_with == "champion":
            ranked["champion"] = lists(*training.load_model(path, train))
        elif champion["params"] == params:
            ranked["champion"] = ranked["candidate"]  # the same recipe on the same pairs is the same model
        else:
            ranked["champion"] = lists(training.fit(from_document(champion["params"]), train))
    found = ranking_metrics.rank_metrics(ranked, users, train, held)
    weighed = [name for name in ranked if name != "item_knn"]
    leads: dict[str, Document] = {name: {} for name in weighed}
    for one, other in permutations(weighed, 2):
        leads[one][other] = asdict(promotion.lead(found.ndcg[one], found.ndcg[other]))
    cold = np.flatnonzero((train.user_counts == 0) & (held.user_counts > 0))
    ten = {name: items[:, :10] for name, items in ranked.items()}
    return {
        "metrics": found.metrics,
        "ndcg_at_10": {name: float(values.mean()) for name, values in found.ndcg.items()},
        "leads": leads,
        "compared_with": compared_with,
        "measured_users": len(users),
        "cold_users": len(cold),
        "by_activity": disparity.by_activity(found.ndcg, train.user_counts[users]),
        "spread": disparity.spread(ten, train.item_counts, held.item_counts),
    }


def assess_ratings(run: str) -> Document:
    """RMSE and MAE of the rating models, from the predictions that training left in the run folder."""
    stars = artifacts.read_arrays(f"{run}/ratings.npz")
    return ranking_metrics.rating_metrics(stars.pop("truth"), stars)


def decide(evaluated: Document, promote: str) -> promotion.Decision:
    """The decision that the figures of `assess` lead to."""
    leads = {a: {b: promotion.Lead(**lead) for b, lead in others.items()} for a, others in evaluated["leads"].items()}
    return promotion.decide(evaluated["ndcg_at_10"], leads, promote, evaluated["compared_with"])


def register(db: Database[Document], run: str) -> Document:
    """Decide about the candidate of `run` and store the model with its figures and reasons.

    Where popularity is the contender, the model that is stored, and published, is popularity.

    Returns:
        `model`, `publish`, `contender` and `reasons`.
    """
    snapshot, trained, evaluated = (artifacts.read_json(f"{run}/{n}.json") for n in ("snapshot", "train", "evaluate"))
    decision = decide(evaluated, snapshot["asked"]["promote"])
    params = trained["params"]
    if decision.contender != "candidate":
        params = {**params, "engine": decision.contender, "feedback": "implicit"}
    held_back = decision.promote == "never"
    entries.save(
        db,
        {
            "_id": snapshot["model_id"],
            "status": "candidate" if decision.publish or held_back else "rejected",
            "engine": params["engine"],
            "feedback": params["feedback"],
            "params": params,
            "tried": trained["params"],
            "why": trained["why"],
            "search": trained["search"],
            "snapshot": {k: v for k, v in snapshot.items() if k not in ("asked", "model_id")},
            "data": trained["data"] | {k: evaluated[k] for k in ("measured_users", "cold_users")},
            "metrics": evaluated["metrics"],
            "decision": decision.document() | {"leads": evaluated["leads"]},
            "artifacts": run,
            "users_served": None,
            "created_at": datetime.now(UTC),
            "published_at": None,
        },
    )
    return {
        "model": snapshot["model_id"],
        "publish": decision.publish,
        "contender": decision.contender,
        "reasons": decision.reasons,
    }
