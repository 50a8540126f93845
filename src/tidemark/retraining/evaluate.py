"""Evaluate: a candidate, the baselines and the champion, on the same held-out interactions of the same users."""

import logging
from collections.abc import Callable
from dataclasses import asdict
from itertools import permutations
from typing import Any

import numpy as np
from pymongo.database import Database

from tidemark.evaluation import disparity, promotion, ranking_metrics
from tidemark.evaluation.evidence import Evidence
from tidemark.evaluation.splits import Split
from tidemark.models import fallback, saved
from tidemark.models.baselines import BASELINES
from tidemark.models.blend import FittedBlend
from tidemark.models.fallback import WithFallback
from tidemark.models.interface import Fitted, Recommender, recommend
from tidemark.models.pairs import Pairs
from tidemark.models.recipes import from_document
from tidemark.phases import phase
from tidemark.registry import entries
from tidemark.registry.names import MEMBER
from tidemark.retraining import cold_items, sides
from tidemark.storage import artifacts, run_folder

Array = np.ndarray[Any, Any]
Document = dict[str, Any]

log = logging.getLogger(__name__)

MOST_USERS = 20_000
"""Users whose lists are measured, drawn by a seed where there are more: their means are known to 1-3 % then, and what ranking costs
does not grow with the users."""


class Learner:
    """Who fits what the candidate is measured beside, over the users and items of what is learned from.

    Args:
        train: what is learned from.
    """

    def __init__(self, train: Pairs) -> None:
        self.train = train

    def baselines(self) -> dict[str, Fitted]:
        """The baselines by their names."""
        return {name: baseline.fit(self.train) for name, baseline in BASELINES.items()}

    def fit(self, recommender: Recommender) -> Fitted:
        """A whole model: the recommender with its fallback."""
        return fallback.fit(recommender, self.train)

    def cold_users(self, held: Pairs) -> int:
        """Users with held-out pairs and none to learn from."""
        return int(np.count_nonzero((self.train.user_counts == 0) & (held.user_counts > 0)))

    def why_not(self, recommender: Recommender) -> str:
        """Why it cannot fit a recommender, in words; empty where it can."""
        return ""

    def kept(self, path: str, cut: str) -> tuple[Fitted, Array]:
        """An earlier model, which learned from what is not newer than `cut`; see `saved.load_model`."""
        return saved.load_model(path, self.train)


def evaluate(
    run: str,
    split: Split,
    params: Document,
    champion: Document | None,
    diversity: float = 0.0,
    learner: Learner | None = None,
) -> Document:
    """Figures of every model, for the decision and the registry.

    Args:
        run: the run folder, with `candidate.npz`.
        split: both sides, and how the champion is compared.
        params: the candidate's recipe, as stored.
        champion: its model document; None where there is none.
        diversity: that the lists of the candidate and of what takes its place are to have; the champion's have its own.
        learner: who fits the others; None: this process.

    Returns:
        `metrics` (see `ranking_metrics.rank_metrics`), `ndcg_at_10` of each model, `leads[a][b]` (see `promotion.Lead`)
        of those pairs that a decision weighs, `compared_with`, `measured_users`, `cold_users`, and for the charts
        `by_activity` and `spread` (see `disparity`). Where nobody can be measured, no model has figures and
        `compared_with` is None.
    """
    train, held, learner = split.train, split.held, learner or Learner(split.train)
    users = ranking_metrics.drawn(ranking_metrics.users_of_both(train, held), MOST_USERS)
    with phase("ranking"):
        ranked, compared_with = (
            _ranked(run, split, users, params, champion, diversity, learner) if len(users) else ({}, None)
        )
    with phase("figures"):
        measured = (
            ranking_metrics.rank_metrics(ranked, users, train, held) if ranked else ranking_metrics.Ranked({}, {})
        )
    leads: dict[str, Document] = {name: {} for name in ranked}
    for one, other in permutations(ranked, 2):
        if {one, other} & {"candidate", "champion"}:
            leads[one][other] = asdict(promotion.lead(measured.ndcg[one], measured.ndcg[other]))
    ten = {name: items[:, :10] for name, items in ranked.items()}
    return {
        "metrics": measured.metrics,
        "ndcg_at_10": {name: float(values.mean()) for name, values in measured.ndcg.items()},
        "leads": leads,
        "compared_with": compared_with,
        "measured_users": len(users),
        "cold_users": learner.cold_users(held),
        "by_activity": disparity.by_activity(measured.ndcg, train.user_counts[users]),
        "spread": disparity.spread(ten, train.item_counts, held.item_counts),
    }


def _ranked(
    run: str,
    split: Split,
    users: Array,
    params: Document,
    champion: Document | None,
    diversity: float,
    learner: Learner,
) -> tuple[dict[str, Array], str | None]:
    """Of each model the lists of `users`, int32 `(m, LIST_LENGTH)`, and how the champion was compared."""
    train = split.train
    known = train.item_counts > 0

    def lists(fitted: Fitted, items: Array = known, diversity: float = diversity) -> Array:
        return recommend(fitted, users, ranking_metrics.LIST_LENGTH, train.weights, items, diversity)[0]

    candidate, _ = saved.load_model(f"{run}/{run_folder.CANDIDATE}", train)
    ranked = {
        "candidate": lists(candidate),
        **{name: lists(fitted) for name, fitted in members(candidate).items()},
        **{name: lists(fitted) for name, fitted in learner.baselines().items()},
    }
    if not (champion and split.compare):
        return ranked, None
    compared_with = split.compare
    path, own_diversity = f"{champion['artifacts']}/{run_folder.MODEL}", champion.get("diversity", 0.0)
    if compared_with == "champion" and not artifacts.exists(path):
        log.warning("the champion's factors are gone (%s): its recipe is compared instead", path)
        compared_with = "recipe"
    if compared_with == "champion":
        ranked["champion"] = lists(*learner.kept(path, champion["snapshot"]["cut"]), own_diversity)
    elif why := learner.why_not(from_document(champion["params"]).recommender()):
        log.warning("the champion is compared as it is, though it knows some of what is held out: %s", why)
        ranked["champion"], compared_with = (
            lists(*learner.kept(path, champion["snapshot"]["cut"]), own_diversity),
            "champion",
        )
    elif (own := from_document(champion["params"]).recommender()) == from_document(
        params
    ).recommender() and own_diversity == diversity:
        ranked["champion"] = ranked["candidate"]  # the same recipe on the same pairs is the same model
    else:
        ranked["champion"] = lists(learner.fit(own), diversity=own_diversity)
    return ranked, compared_with


def members(candidate: Fitted) -> dict[str, Fitted]:
    """Each member of a blend by itself, as it would be published, by its name in `evaluation.names`; of another model, none."""
    if not (isinstance(candidate, WithFallback) and isinstance(candidate.first, FittedBlend)):
        return {}
    blend = candidate.first
    return {
        f"{MEMBER}{name}": WithFallback(member, candidate.other)
        for name, member in zip(blend.names, blend.members, strict=True)
    }


def of_run(db: Database[Document], run: str, learner_of: Callable[[Split], Learner] | None = None) -> Document:
    """`evaluate` of what `train` left in the run folder, beside the champion of the snapshot.

    Args:
        db: the platform's database.
        run: the run folder.
        learner_of: gives the learner for the run's split; None: this process learns.
    """
    snapshot, trained = (artifacts.read_json(f"{run}/{name}") for name in (run_folder.SNAPSHOT, run_folder.TRAIN))
    with phase("reading"):
        split = sides.of_run(run, snapshot)
    champion = entries.get(db, snapshot["champion"]) if snapshot["champion"] else None
    asked = snapshot["asked"]
    learner = learner_of(split) if learner_of else None
    evaluated = evaluate(run, split, trained["params"], champion, asked.get("diversity", 0.0), learner)
    with phase("new items"):
        candidate, _ = saved.load_model(f"{run}/{run_folder.CANDIDATE}", split.train)
        evaluated["new_items"] = cold_items.measure(
            candidate,
            split.train,
            split.held,
            cold_items.known_products(db),
            asked.get("new_item_share", 0.0),
            cold_items.vectors_for(db, trained["engine"]),
        )
    log.info("new items: %s", evaluated["new_items"]["why"])
    evidence = Evidence(split.measured_users, split.rule)
    log.info("%s: %s", split.why, evidence.doubt() or evidence.text())
    for name, ndcg in evaluated["ndcg_at_10"].items():
        log.info("%-18s NDCG@10 %.4f%s", name, ndcg, "" if evidence.conclusive else " (nothing can be concluded)")
    return evaluated
