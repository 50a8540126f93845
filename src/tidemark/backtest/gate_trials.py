"""Gate trials: what the gate would have decided one mark after an origin, and which model the future then proved right."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import permutations
from typing import Any

import numpy as np

from tidemark.backtest.measuring import Moment, Past, Trained, train
from tidemark.evaluation import promotion, splits
from tidemark.evaluation.evidence import Evidence
from tidemark.evaluation.promotion import Lead
from tidemark.models.baselines import BASELINES
from tidemark.models.interface import Recommender
from tidemark.models.popularity import RECENT_SHARE, Popularity
from tidemark.models.recipes import Recipe

Array = np.ndarray[Any, Any]

LAG = 1
"""Marks after the origin at which the gate is asked."""


@dataclass(frozen=True)
class GateTrial:
    """One decision of the gate, and what came of it.

    Args:
        candidate: the recipe that was weighed, in words.
        contender: what it weighed in the end: `candidate`, or the baseline that took its place.
        published: whether it put that live.
        lead: of what it weighed over the champion, on what users did next.
        users: measured by that.
    """

    candidate: str
    contender: str
    published: bool
    lead: Lead

    def document(self) -> dict[str, Any]:
        """As JSON holds it."""
        return asdict(self) | {"verdict": self.verdict}

    @property
    def verdict(self) -> str:
        """`right` or `wrong` where the future shows which model is the better (one-sided 95 %), else `open`."""
        if self.lead.low <= 0 <= self.lead.high:
            return "open"
        return "right" if self.published == (self.lead.mean > 0) else "wrong"


def trials(past: Past, origin: int, champion: Recommender, then: Trained, others: list[Recommender]) -> list[GateTrial]:
    """One for the champion's own recipe, trained anew, and one for each of `others`.

    Args:
        past: what there is.
        origin: how many pairs the champion `then` has learned from.
        champion: its recipe.
        then: it.
        others: recipes that might be tried: some are better than the champion's, some worse.
    """
    moment = past.moment(origin, LAG)
    cut = datetime.fromtimestamp(int(then.learned.timestamp.max()) / 1_000_000, UTC).isoformat()
    split = splits.split(moment.known, cut)
    decided_on = Moment(split.train, split.held)
    if not len(decided_on.users) or not len(moment.users):
        return []
    stands = then if split.compare == "champion" else train(champion, split.train)
    beside: dict[str, Recommender] = {"popularity": Popularity(), "popularity_recent": Popularity(RECENT_SHARE)}
    fixed = {name: _ndcg(decided_on, train(one, split.train)) for name, one in beside.items()}
    fixed["champion"] = _ndcg(decided_on, stands)
    before = _ndcg(moment, then)
    out = []
    for recommender in [champion, *(one for one in others if one != champion)]:
        ndcg = {"candidate": _ndcg(decided_on, train(recommender, split.train)), **fixed}
        leads: dict[str, dict[str, Lead]] = {name: {} for name in ndcg}
        for one, other in permutations(ndcg, 2):
            if {one, other} & {"candidate", "champion"}:
                leads[one][other] = promotion.lead(ndcg[one], ndcg[other])
        means = {name: float(values.mean()) for name, values in ndcg.items()}
        evidence = Evidence(len(decided_on.users), split.rule)
        decision = promotion.decide(means, leads, "gate", split.compare, evidence=evidence, champion_engine="implicit")
        weighed = BASELINES.get(decision.contender, recommender)
        after = _ndcg(moment, train(weighed, moment.known))
        out.append(
            GateTrial(
                Recipe.of(recommender).text(), decision.contender, decision.publish, promotion.lead(after, before)
            )
        )
    return out


def _ndcg(moment: Moment, one: Trained) -> Array:
    return moment.ndcg(moment.lists(one.fitted, one.learned))
