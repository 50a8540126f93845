"""Decide: whether the candidate may go live, from the figures alone, and the model's entry in the registry."""

from datetime import UTC, datetime
from typing import Any

from pymongo.database import Database

from tidemark.evaluation import promotion
from tidemark.evaluation.evidence import Evidence
from tidemark.models.baselines import BASELINES
from tidemark.models.recipes import Recipe
from tidemark.registry import entries
from tidemark.registry.names import CANDIDATE, MEMBER
from tidemark.storage import artifacts, run_folder

Document = dict[str, Any]


def decide(evaluated: Document, promote: str, split_rule: str, champion_engine: str | None) -> promotion.Decision:
    """The decision that the figures of `evaluate` lead to.

    Args:
        evaluated: what `evaluate` gave.
        promote: the policy.
        split_rule: how the held-out part was chosen.
        champion_engine: the engine of the live model; None where there is none.
    """
    leads = {a: {b: promotion.Lead(**lead) for b, lead in others.items()} for a, others in evaluated["leads"].items()}
    return promotion.decide(
        evaluated["ndcg_at_10"],
        leads,
        promote,
        evaluated["compared_with"],
        evidence=Evidence(evaluated["measured_users"], split_rule),
        champion_engine=champion_engine,
    )


def member(blend: Document, name: str) -> Document:
    """The recipe of the member of a blend that was measured as `name`."""
    return next(one for one in blend["settings"]["members"] if f"{MEMBER}{one['name']}" == name)


def new_items(evaluated: Document, contender: str) -> Document | None:
    """What is stored of new items (`cold_items.measure`): what took the candidate's place gives them no share, for it was not
    measured with them."""
    found = evaluated.get("new_items")
    if found is None or contender == CANDIDATE:
        return found
    return {
        **found,
        "share": 0.0,
        "why": f"{contender} took the candidate's place, and was not measured with new items",
    }


def register(db: Database[Document], run: str) -> Document:
    """Decide about the candidate of `run` and store the model with its figures and reasons.

    Where a baseline, or a member of the blend, is the contender, that is the model that is stored and published. Where the
    champion is popularity and nothing can be concluded, that is its recipe, fitted on the newer interactions.

    Returns:
        `model`, `publish`, `contender` and `reasons`.
    """
    snapshot, trained, evaluated = (
        artifacts.read_json(f"{run}/{name}") for name in (run_folder.SNAPSHOT, run_folder.TRAIN, run_folder.EVALUATE)
    )
    engine, feedback, params = (trained[key] for key in ("engine", "feedback", "params"))
    tried = {"engine": engine, "feedback": feedback, **params}
    champion_engine = entries.get(db, snapshot["champion"])["engine"] if snapshot["champion"] else None
    # RMSE and MAE decide nothing: they are measured once the model is live (`stars`).
    data = trained["data"] | {k: evaluated.get(k) for k in ("measured_users", "cold_users")} | {"measured_ratings": 0}
    decision = decide(evaluated, snapshot["asked"]["promote"], data.get("split_rule", ""), champion_engine)
    if decision.contender in BASELINES:
        engine, feedback = decision.contender, "implicit"
        params = Recipe.of(BASELINES[engine]).document()
    elif decision.contender != "candidate":
        params = member(params, decision.contender)
    held_back = decision.promote == "never"
    entries.save(
        db,
        {
            "_id": snapshot["model_id"],
            "status": "candidate" if decision.publish or held_back else "rejected",
            "engine": engine,
            "feedback": feedback,
            "params": params,
            "diversity": snapshot["asked"].get("diversity", 0.0),
            "new_items": new_items(evaluated, decision.contender),
            "tried": tried,
            "settings_from": trained["settings_from"],
            "search_of": trained["search_of"],
            "why": trained["why"],
            "search": trained["search"],
            "snapshot": {k: v for k, v in snapshot.items() if k not in ("asked", "model_id")},
            "data": data,
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
